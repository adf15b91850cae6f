import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EcomapError } from '../../../../src/signals/errors';
import type { Serving } from '../../../../src/signals/tenant';
import { ServingBench } from './support';

const answers = fc.constantFrom('reject' as const, 'wait' as const, 'downgrade' as const);
const serving: fc.Arbitrary<Partial<Serving>> = fc.record({
  queueLength: fc.integer({ min: 1, max: 6 }),
  whenFull: answers,
  whenLate: answers,
  drop: fc.constantFrom('newest' as const, 'oldest' as const),
  largestBatch: fc.constantFrom(1, 4),
  batchDelayMs: fc.constantFrom(0, 7),
});

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      count: fc.integer({ min: 1, max: 6 }),
      priority: fc.integer({ min: 1, max: 3 }),
      inMs: fc.option(fc.integer({ min: -5, max: 80 }), { nil: undefined }),
      bad: fc.boolean(),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('swap' as const), light: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fallback' as const), there: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'crash' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('host' as const), ready: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'break' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'telemetry' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
);

describe('the counters of a tenant', () => {
  it('agree with what its callers saw, whatever happens: every request ends exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(serving, fc.array(step, { maxLength: 40 }), fc.boolean(), async (choice, steps, batches) => {
        const bench = new ServingBench();
        const variants = ['exact', 'light'].map((name) => {
          const made = bench.variant(name, (rows) => (name === 'exact' ? 10 : 3) + rows, batches);
          // A value of 999 is refused by the model, together with all that is computed with it.
          made.fault = (values) => (values.includes(999) ? 'INPUT_MISMATCH' : null);
          return made;
        });
        const [exact, light] = variants;
        if (exact === undefined || light === undefined) return;
        const service = bench.tenant(exact, choice, { fallback: light });
        const callers: AbortController[] = [];
        const sums = { offered: 0, served: 0, rejected: 0, failed: 0, downgraded: 0 };
        const reasons = new Map<string, number>();
        const count = () => {
          const taken = bench.take(service);
          for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += taken[key];
          for (const [code, times] of Object.entries(taken.reasons)) {
            reasons.set(code, (reasons.get(code) ?? 0) + times);
          }
        };
        const most = (choice.queueLength ?? 8) * { reject: 1, wait: 17, downgrade: 2 }[choice.whenFull ?? 'reject'];
        for (const one of steps) {
          switch (one.kind) {
            case 'submit':
              for (let index = 0; index < one.count; index += 1) {
                const caller = new AbortController();
                callers.push(caller);
                const payload = one.bad ? (index % 2 === 0 ? [999] : 'nonsense') : [1];
                bench.send(service, { priority: one.priority, inMs: one.inMs, payload, signal: caller.signal });
              }
              break;
            case 'pass':
              await bench.pass(one.ms);
              break;
            case 'cancel':
              callers[one.which % Math.max(1, callers.length)]?.abort();
              break;
            case 'swap':
              service.deploy(one.light ? light : exact, ['swapped']);
              bench.dispatcher.attach(service);
              break;
            case 'fallback':
              service.deployFallback(one.there ? light : null);
              break;
            case 'crash':
              for (const variant of variants) variant.crash();
              break;
            case 'host':
              bench.ready = one.ready;
              bench.dispatcher.pump();
              break;
            case 'break':
              bench.dispatcher.detach(service);
              service.breakDown(new EcomapError('MODEL_INVALID', 'made up'));
              break;
            case 'telemetry':
              count();
              break;
            case 'close':
              service.close();
              break;
          }
          const extra =
            choice.whenLate === 'downgrade' && choice.whenFull !== 'downgrade' ? (choice.queueLength ?? 8) : 0;
          // What was taken back out of a batch, or out of a lane whose variant has gone, may stand beside a full queue.
          const returned = (choice.largestBatch ?? 1) * 2 + (choice.queueLength ?? 8);
          assert.ok(service.queued <= most + extra + returned, `${service.queued} wait`);
        }
        service.close();
        bench.ready = true;
        bench.dispatcher.pump();
        await bench.finish();
        service.abandonQueue();
        await bench.finish();
        count();
        const seen = new Map<string, number>();
        for (const { code } of bench.errors.values()) seen.set(code, (seen.get(code) ?? 0) + 1);
        assert.equal(bench.ended.length, callers.length);
        assert.equal(bench.results.size + bench.errors.size, callers.length);
        assert.equal(sums.offered, callers.length);
        assert.equal(sums.served, bench.results.size);
        assert.equal(sums.rejected + sums.failed, bench.errors.size);
        assert.deepEqual([...reasons].sort(), [...seen].sort());
        const downgraded = [...bench.results.values()].filter(({ account }) =>
          account.why[0]?.startsWith('downgraded'),
        );
        assert.equal(sums.downgraded, downgraded.length);
        assert.ok(downgraded.every(({ account }) => account.variant === 'light' && account.degraded));
        assert.deepEqual([service.queued, service.underWay, bench.clock.nextRingMs], [0, 0, Infinity]);
      }),
      { numRuns: 300, seed: 20 },
    );
  });
});
