import assert from 'node:assert/strict';
import type { InferenceResult } from '../../../../src/signals/inference';
import { slowModel, writeModel } from '../../../support/onnx-builder';
import { temporaryDirectory, tenantOf, until, type TestVariant } from '../support';
import { outcomes, Served } from './served';

describe('a host that is killed or stopped under load', function () {
  this.timeout(120_000);
  let models: { path: string; remove: () => Promise<void> };
  let served: Served;
  let model: TestVariant;

  before(async () => {
    models = await temporaryDirectory();
    model = { name: 'v', accuracy: 1, ...(await writeModel(models.path, 'v.onnx', slowModel(64, 4))) };
  });
  after(() => models.remove());
  afterEach(() => served.executor.close());

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    it(`${signal}: every request ends exactly once, the other component answers all of its own, the counters agree`, async () => {
      served = await Served.start([tenantOf('hit', [model]), tenantOf('spared', [model])], { cores: 2 });
      let running = true;
      let settled = 0;
      const all: Record<'hit' | 'spared', Promise<InferenceResult>[]> = { hit: [], spared: [] };
      const client = async (tenant: 'hit' | 'spared') => {
        while (running) {
          const request = served.infer(tenant);
          all[tenant].push(request);
          await request.then(
            () => (settled += 1),
            () => (settled += 1),
          );
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      };
      const clients = Array.from({ length: 16 }, (_, index) => client(index % 2 === 0 ? 'hit' : 'spared'));
      await until(() => settled > 100);
      const victim = served.executor.state().hosts[0];
      assert.equal(victim?.component, 'cpu0');
      process.kill(victim.pid ?? 0, signal);
      // A stopped host is found out by the watchdog, after ten seconds and one of grace.
      await until(() => served.executor.state().hosts[0]?.restarts === 1);
      await until(() => served.executor.state().hosts[0]?.state === 'ready');
      const before = settled;
      await until(() => settled > before + 100);
      running = false;
      await Promise.all(clients);
      const hit = await outcomes(all.hit);
      const spared = await outcomes(all.spared);
      assert.deepEqual(spared, { answered: all.spared.length });
      const { answered = 0, HOST_CRASHED: lost = 0, ...others } = hit;
      assert.deepEqual(others, {});
      assert.equal(answered + lost, all.hit.length);
      assert.ok(lost <= 2, `${lost} were in the host, more than it is ever given`);
      const totals = served.totals();
      assert.equal(totals.offered, all.hit.length + all.spared.length);
      assert.deepEqual([totals.served, totals.failed, totals.rejected], [answered + all.spared.length, lost, 0]);
      assert.deepEqual(
        served.executor.state().hosts.map(({ restarts }) => restarts),
        [1, 0],
      );
    });
  }
});
