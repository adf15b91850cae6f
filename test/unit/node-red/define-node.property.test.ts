import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z } from 'zod';
import { defineNode } from '../../../src/node-red/defineNode';
import type { NodeContext, NodeMessage, Send } from '../../../src/node-red/types';
import { EcomapError } from '../../../src/signals/errors';
import { FakeRed } from '../../support/fake-red';

const thrownValues = fc.oneof(
  fc.constant(new EcomapError('QUEUE_FULL', 'the queue is full: send slower')),
  fc.constant(new TypeError('x is not a function')),
  fc.constant(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
  fc.constant(Object.freeze(new Error('frozen'))),
  fc.constant(new Error('with a cause', { cause: { toString: () => assert.fail('the cause was shown') } })),
  fc.constantFrom<unknown>(undefined, null, 0, '', 'a text', Symbol('s'), 10n, Number.NaN),
  fc.constant({
    get message(): string {
      throw new Error('a getter that throws');
    },
  }),
  fc.constant(Object.create(null)),
  fc.anything(),
);

type Behaviour =
  | { does: 'return' | 'resolve' | 'never' | 'send twice' | 'send then never' | 'settle twice' }
  | { does: 'throw' | 'reject' | 'reject later' | 'send then throw'; thrown: unknown };

const behaviours: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({
    does: fc.constantFrom('return', 'resolve', 'never', 'send twice', 'send then never', 'settle twice'),
  }),
  fc.record({ does: fc.constantFrom('throw', 'reject', 'reject later', 'send then throw'), thrown: thrownValues }),
);

const closings = fc.constantFrom('none', 'returns', 'resolves', 'hangs', 'throws', 'rejects', 'rejects late');

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function behave(behaviour: Behaviour, message: NodeMessage, send: Send): void | Promise<void> {
  switch (behaviour.does) {
    case 'return':
      return;
    case 'resolve':
      return later();
    case 'never':
      return new Promise(() => undefined);
    case 'send twice':
      send(message);
      send([message, null]);
      return;
    case 'send then never':
      send(message);
      return new Promise(() => undefined);
    case 'settle twice': {
      // Not a promise of the language: whoever calls both of its callbacks must not settle a message twice.
      const twice = {
        then(resolve: () => void, reject: (error: unknown) => void) {
          resolve();
          reject(new Error('too late'));
          resolve();
        },
      };
      return twice as unknown as Promise<void>;
    }
    case 'throw':
      throw behaviour.thrown;
    case 'reject':
      return Promise.reject(behaviour.thrown);
    case 'reject later':
      return later().then(() => Promise.reject(behaviour.thrown));
    case 'send then throw':
      send(message);
      throw behaviour.thrown;
  }
}

function closeAs(how: string): (() => void | Promise<void>) | undefined {
  switch (how) {
    case 'returns':
      return () => undefined;
    case 'resolves':
      return later;
    case 'hangs':
      return () => new Promise(() => undefined);
    case 'throws':
      return () => {
        throw new Error('close failed');
      };
    case 'rejects':
      return () => Promise.reject(new Error('close failed'));
    case 'rejects late':
      return () => new Promise((_, reject) => setTimeout(() => reject(new Error('close failed late')), 15));
    default:
      return undefined;
  }
}

describe('defineNode, whatever a handler does', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  before(() => process.on('unhandledRejection', note));
  after(() => process.off('unhandledRejection', note));

  it('settles every message exactly once, with a coded error or none, and always closes', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(behaviours, { maxLength: 12 }),
        closings,
        fc.boolean(),
        async (script, closing, waitBeforeClose) => {
          const red = new FakeRed();
          let context: NodeContext<object> | undefined;
          red.load(
            defineNode(
              {
                type: 'ecomap-scripted',
                config: z.object({}),
                start(node) {
                  context = node;
                  return {
                    input(message, send) {
                      node.status({ fill: 'green', shape: 'dot', key: `status.${String(message.payload)}` });
                      const behaviour = script[Number(message.payload)];
                      if (behaviour !== undefined) return behave(behaviour, message, send);
                    },
                    ...(closing === 'none' ? {} : { close: closeAs(closing) }),
                  };
                },
              },
              { closeLimitMs: 8, statusIntervalMs: 1 },
            ),
          );
          const node = red.deploy('ecomap-scripted', { id: 'a' });
          const outcomes = script.map((_, index) => node.receive({ payload: index }));
          if (waitBeforeClose) await later().then(later);
          await node.close();
          const statusesAtClose = node.statuses.length;
          context?.status({ fill: 'red', shape: 'ring', key: 'status.ghost' });
          context?.send({ payload: 'ghost' });
          context?.after(0, () => void node.sent.push('ghost'));
          context?.every(1, () => void node.sent.push('ghost'));
          await new Promise((resolve) => setTimeout(resolve, 3));
          assert.deepEqual(node.sent, [], 'nothing is sent and no timer runs after close');

          assert.equal(node.closeArity, 2);
          assert.equal(node.closeDones, 1);
          assert.equal(node.statuses.length, statusesAtClose, 'no status after close');
          outcomes.forEach((outcome, index) => {
            const behaviour = script[index];
            assert.ok(behaviour);
            assert.equal(outcome.dones, 1, `${behaviour.does} settled ${outcome.dones} times`);
            if (outcome.error !== undefined) {
              assert.ok(outcome.error instanceof Error);
              assert.ok(Object.hasOwn(outcome.error, 'code'), 'Node-RED copies no inherited code');
              assert.equal(typeof outcome.error.code, 'string');
              assert.notEqual(outcome.error.toString(), '');
            }
            if (['return', 'send twice', 'throw', 'send then throw'].includes(behaviour.does)) {
              assert.equal(outcome.error !== undefined, 'thrown' in behaviour);
              assert.notEqual(outcome.error?.code, 'NODE_CLOSED');
            }
            if (behaviour.does === 'never' || behaviour.does === 'send then never') {
              assert.equal(outcome.error?.code, 'NODE_CLOSED');
            }
            if ('thrown' in behaviour && behaviour.thrown instanceof EcomapError && waitBeforeClose) {
              assert.equal(outcome.error?.code, 'QUEUE_FULL');
            }
          });
          if (closing === 'hangs' || closing === 'rejects late') assert.equal(node.warnings.length, 1);
          if (closing === 'throws' || closing === 'rejects') assert.equal(node.errors.length, 1);
        },
      ),
      { numRuns: 120 },
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(unhandled, []);
  });
});
