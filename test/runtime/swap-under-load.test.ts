import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientsInNodeRed, executorId, servingFlow, sharedMemoryOf } from '../support/clients-in-node-red';
import { childrenOf, hostsOf } from '../support/node-red-runtime';
import { slowNumberModel, writeModel } from '../support/onnx-builder';
import { planOf } from '../unit/inference/support';

describe('swapping variants by plan messages under load', function () {
  this.timeout(180_000);
  let models: string;
  let clients: ClientsInNodeRed;

  before(async () => {
    models = await mkdtemp(join(tmpdir(), 'ecomap-swap-'));
    clients = await ClientsInNodeRed.start();
  });
  after(async () => {
    await clients?.runtime.stop();
    await rm(models, { recursive: true, force: true });
  });

  it('40 swaps in 20 plans under 32 clients lose nothing, and leave neither processes nor memory behind', async () => {
    const variant = async (name: string, depth: number) => ({
      name,
      path: (await writeModel(models, `${name}.onnx`, slowNumberModel(depth))).path,
    });
    const first = await variant('first', 2);
    const others = await Promise.all(Array.from({ length: 10 }, (_, index) => variant(`other${index}`, 1)));
    const flow = servingFlow([
      { name: 'one', variants: [first, ...others] },
      { name: 'two', variants: [first, ...others.slice(0, 1)] },
    ]);
    await clients.deploy(flow, ['one', 'two']);
    // A short pause leaves the process that is being loaded some time.
    for (const tenant of ['one', 'two']) await clients.work(16, { tenant }, 20);
    for (let round = 0; round < 20; round += 1) {
      const [one, two] = round % 2 === 0 ? [`other${round / 2}`, 'other0'] : ['first', 'first'];
      const plan = planOf({ one: [one, 'cpu0'], two: [two, 'cpu0'] });
      await clients.runtime.send(executorId, { topic: 'ecomap/plan', payload: plan });
      await clients.untilCounts(
        ({ plans, variants }) =>
          plans.done + plans.failed === round + 1 && variants['one'] === one && variants['two'] === two,
        `the plan ${round} in force`,
      );
    }
    await clients.rest();
    const counts = await clients.reconciled();
    assert.deepEqual(
      Object.values(counts.ended).map((ended) => Object.keys(ended)),
      [['answered'], ['answered']],
    );
    assert.deepEqual([counts.telemetry['one']?.swaps, counts.telemetry['two']?.swaps], [20, 20]);
    assert.deepEqual([counts.plans, counts.restarts], [{ done: 20, failed: 0 }, 0]);
    const { pid } = clients.runtime;
    assert.deepEqual([(await hostsOf(pid)).length, (await sharedMemoryOf(pid)).length], [1, 1]);
    await clients.runtime.deploy([]);
    assert.deepEqual([await childrenOf(pid), await sharedMemoryOf(pid)], [[], []]);
  });
});
