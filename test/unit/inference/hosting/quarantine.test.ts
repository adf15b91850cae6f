import assert from 'node:assert/strict';
import { Quarantine } from '../../../../src/inference/hosting/quarantine';
import type { NamedTensors } from '../../../../src/inference/tensors/tensors';
import { doublingModel, slowModel, writeModel } from '../../../support/onnx-builder';
import { planOf, temporaryDirectory, tenantOf, until, type TestVariant } from '../support';
import { hostEntryWith } from './misbehaving-host';
import { outcomes, Served } from './served';

const input = (...numbers: number[]): NamedTensors => ({
  x: { type: 'float32', dims: [1, numbers.length], data: Float32Array.from(numbers) },
});

describe('quarantine', () => {
  const refused = { code: 'INPUT_QUARANTINED' };

  it('refuses an input after its second death, and no other', () => {
    const quarantine = new Quarantine('one');
    quarantine.blame([input(1, 2)]);
    assert.equal(quarantine.examine([input(1, 2)]).length, 1);
    quarantine.blame([input(1, 2)]);
    assert.throws(() => quarantine.examine([input(1, 2)]), refused);
    assert.deepEqual(quarantine.examine([input(2, 1)]), []);
    assert.deepEqual(quarantine.examine([input(1, 2, 3)]), []);
    assert.equal(quarantine.size, 1);
  });

  it('trusts an input again that was answered', () => {
    const quarantine = new Quarantine('one');
    for (let round = 0; round < 5; round += 1) {
      quarantine.blame([input(1, 2)]);
      quarantine.acquit(quarantine.examine([input(1, 2)]));
    }
    assert.deepEqual(quarantine.examine([input(1, 2)]), []);
  });

  it('reads an input whole only where it looks like a suspect, and tells those apart that look alike', () => {
    const quarantine = new Quarantine('one');
    const large = (change: readonly [at: number, value: number] | null = null): NamedTensors => {
      const data = new Float32Array(100_000).fill(1);
      if (change !== null) data[change[0]] = change[1];
      return { x: { type: 'float32', dims: [1, data.length], data } };
    };
    for (let round = 0; round < 2; round += 1) quarantine.blame([large()]);
    assert.throws(() => quarantine.examine([large()]), refused);
    assert.deepEqual(quarantine.examine([large([12_345, 2])]), [], 'an element that a glance leaves out');
    const other = large([0, 2]);
    const data = other['x']?.data as Float32Array;
    // Hashing would need its memory.
    Object.defineProperty(data, 'buffer', { get: () => assert.fail('it was read whole') });
    assert.deepEqual(quarantine.examine([other]), []);
  });

  it('has the requests of a batch with a suspect run one by one', () => {
    const quarantine = new Quarantine('one');
    quarantine.blame([input(1), input(2), input(3)]);
    assert.throws(() => quarantine.examine([input(9), input(2)]), refused);
    assert.equal(quarantine.examine([input(2)]).length, 1);
    assert.deepEqual(quarantine.examine([input(9), input(8)]), []);
  });

  it('is bounded: the oldest suspects are forgotten', () => {
    const quarantine = new Quarantine('one');
    for (let value = 0; value < 200; value += 1) quarantine.blame([input(value)]);
    const known = Array.from({ length: 200 }, (_, value) => quarantine.examine([input(value)]).length);
    assert.deepEqual([known.indexOf(1), known.reduce((sum, count) => sum + count, 0)], [136, 64]);
  });
});

describe('an input that ends its host', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let served: Served;
  let model: TestVariant;

  before(async () => {
    models = await temporaryDirectory();
    model = { name: 'v', accuracy: 1, ...(await writeModel(models.path, 'v.onnx', doublingModel(['batch', 3]))) };
  });
  after(() => models.remove());
  afterEach(() => served.executor.close());

  /** A host that dies (or stands still) when it is given 666. */
  const poisonable = (name: string, death: string) =>
    hostEntryWith(
      models.path,
      name,
      `onCommand(({ kind, requests }) => {
         if (kind === 'run' && requests.some(([x]) => x.data?.[0] === 666)) ${death};
       });`,
    );
  const infer = (...payload: number[]) => served.executor.infer({ tenant: 'one', payload });
  const ready = () => until(() => served.executor.state().hosts[0]?.state === 'ready');

  it('is refused as well where its variant runs in stages', async () => {
    const stages: TestVariant = {
      name: 'stages',
      accuracy: 1,
      ...(await writeModel(models.path, 'stages.onnx', slowModel(2, 3))),
    };
    served = await Served.start([tenantOf('one', [stages])], {
      cores: 2,
      hostEntry: await poisonable('poison-in-stages', 'process.kill(process.pid, "SIGKILL")'),
    });
    await served.executor.applyPlan(planOf({ one: ['stages', 'cpu0', 'cpu1'] }));
    const send = (first: number) =>
      outcomes([
        served.executor.infer({ tenant: 'one', payload: { data: [first, 0, 0, 0], dims: [2, 2], type: 'float32' } }),
      ]);
    assert.deepEqual(await send(666), { HOST_CRASHED: 1 });
    assert.deepEqual(await send(1), { answered: 1 });
    assert.deepEqual(await send(666), { HOST_CRASHED: 1 });
    assert.deepEqual(await send(666), { INPUT_QUARANTINED: 1 });
    assert.deepEqual(await send(2), { answered: 1 });
  });

  it('twice is refused from then on, while others are answered', async () => {
    served = await Served.start([tenantOf('one', [model])], {
      hostEntry: await poisonable('dying', `process.kill(process.pid, 'SIGKILL')`),
    });
    assert.deepEqual(await outcomes([infer(1, 2, 3)]), { answered: 1 });
    for (let death = 1; death <= 2; death += 1) {
      assert.deepEqual(await outcomes([infer(666, 0, 0)]), { HOST_CRASHED: 1 });
      await ready();
      assert.equal(served.executor.state().hosts[0]?.restarts, death);
    }
    assert.deepEqual(await outcomes([infer(666, 0, 0), infer(1, 2, 3), infer(666, 0, 0)]), {
      INPUT_QUARANTINED: 2,
      answered: 1,
    });
    assert.equal(served.executor.state().hosts[0]?.restarts, 2);
    assert.deepEqual(served.totals(), { offered: 6, served: 2, rejected: 2, failed: 2, swaps: 0 });
  });

  it('takes only the one that was running into suspicion, not what had been handed over behind it', async () => {
    served = await Served.start([tenantOf('one', [model])], {
      hostEntry: await poisonable('dying-first', `process.kill(process.pid, 'SIGKILL')`),
    });
    await infer(1, 1, 1);
    for (let death = 1; death <= 2; death += 1) {
      // Both are in the host when it dies; the second had not begun, and is computed by the next host.
      assert.deepEqual(await outcomes([infer(666, 0, 0), infer(4, 5, 6)]), { HOST_CRASHED: 1, answered: 1 });
      await ready();
    }
    assert.deepEqual(await outcomes([infer(4, 5, 6), infer(666, 0, 0)]), { answered: 1, INPUT_QUARANTINED: 1 });
  });

  it('of a batch is found: all are tried alone, one is refused, the others are answered', async () => {
    const tenant = tenantOf('one', [model], { serving: { largestBatch: 4, batchDelayMs: 5 } });
    served = await Served.start([tenant], {
      hostEntry: await poisonable('dying-batch', `process.kill(process.pid, 'SIGKILL')`),
    });
    const batch = () => [infer(1, 1, 1), infer(666, 0, 0), infer(2, 2, 2)];
    assert.deepEqual(await outcomes(batch()), { HOST_CRASHED: 3 });
    await ready();
    const second = await outcomes(batch());
    // What may already have been handed over behind the culprit is not lost.
    assert.deepEqual(second, { answered: 2, HOST_CRASHED: 1 });
    await ready();
    assert.deepEqual(await outcomes(batch()), { answered: 2, INPUT_QUARANTINED: 1 });
    assert.equal(served.executor.state().hosts[0]?.restarts, 2);
  });
});
