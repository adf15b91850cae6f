import assert from 'node:assert/strict';
import { shouldBeExpress } from '../../../../src/inference/hosting/express-rule';
import { slowModel, writeModel } from '../../../support/onnx-builder';
import { planOf, temporaryDirectory, tenantOf, until, type TestVariant } from '../support';
import { outcomes, Served, square } from './served';

describe('express rule', () => {
  const small = (latencyLimitMs: number, runMs: number | null = 4) => ({ latencyLimitMs, runMs });
  const big = { latencyLimitMs: 1000, runMs: 40 };

  it('serves apart who cannot wait for the longest run of the others', () => {
    assert.equal(shouldBeExpress(small(20), [big], false), true);
    assert.equal(shouldBeExpress(small(100), [big], false), false, 'can wait');
    assert.equal(shouldBeExpress(small(20, 15), [big], false), false, 'is not small');
    assert.equal(shouldBeExpress(small(2), [big], false), false, 'is late even alone');
    assert.equal(shouldBeExpress(small(20, null), [big], false), false, 'nothing is known yet');
    assert.equal(shouldBeExpress(small(20), [], false), false);
  });

  it('does not go back and forth at the border', () => {
    assert.equal(shouldBeExpress(small(60), [big], false), false);
    assert.equal(shouldBeExpress(small(60), [big], true), true);
    assert.equal(shouldBeExpress(small(100), [big], true), false);
  });
});

describe('a small tenant with a tight limit beside a big one', function () {
  this.timeout(90_000);
  let models: { path: string; remove: () => Promise<void> };
  let served: Served;
  let small: TestVariant;
  let big: TestVariant;
  let little: TestVariant;

  before(async () => {
    models = await temporaryDirectory();
    small = { name: 'small', accuracy: 1, ...(await writeModel(models.path, 'small.onnx', slowModel(64, 1))) };
    big = { name: 'big', accuracy: 0.9, ...(await writeModel(models.path, 'big.onnx', slowModel(256, 400))) };
    little = { name: 'little', accuracy: 0.5, ...(await writeModel(models.path, 'little.onnx', slowModel(256, 1))) };
  });
  after(() => models.remove());
  afterEach(() => served.executor.close());

  it('gets a process of its own, does not wait for the big run, and gives the process back', async () => {
    served = await Served.start([
      tenantOf('alarm', [small], { latencyLimitMs: 40 }),
      tenantOf('report', [big, little], { latencyLimitMs: 60_000 }),
    ]);
    const alarm = () => served.infer('alarm');
    const report = () => served.infer('report', { payload: square(256) });
    /** Requests go on until so many processes serve, since only measured runs say who should be apart. */
    const untilProcesses = async (count: number) => {
      const settled = () => {
        const { hosts } = served.executor.state();
        return hosts.length === count && hosts.every(({ state, models: loaded }) => state === 'ready' && loaded > 0);
      };
      while (!settled()) {
        await Promise.all([alarm(), report()]);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await untilProcesses(2);
    // Loaded is not yet switched: the alarm's own process answers as soon as its change is through.
    await until(() => served.executor.state().progress.toLoad === 0);
    assert.deepEqual(
      served.device.registered.map(({ component: name }) => name),
      ['cpu0', 'cpu0'],
      'both count for the component',
    );
    // An alarm is answered while a report is computed: it does not wait for its end.
    let reported = false;
    const underWay = report().then((result) => {
      reported = true;
      return result;
    });
    const { account } = await alarm();
    assert.equal(reported, false);
    assert.deepEqual(account.components, ['cpu0']);
    assert.deepEqual(await outcomes([underWay, alarm()]), { answered: 2 });
    // Beside a light report it need not be apart any more.
    await served.executor.applyPlan(planOf({ report: ['little', 'cpu0'], alarm: ['small', 'cpu0'] }));
    await untilProcesses(1);
    assert.deepEqual(await outcomes([alarm(), report()]), { answered: 2 });
    const { failed, rejected } = served.totals();
    assert.deepEqual([failed, rejected], [0, 0]);
  });

  it('has one beside a stage of a big one, too', async () => {
    served = await Served.start(
      [
        tenantOf('alarm', [small], { latencyLimitMs: 40 }),
        tenantOf('report', [big], { latencyLimitMs: 60_000, serving: { whenFull: 'downgrade' } }),
      ],
      { cores: 2 },
    );
    const plan = planOf({ alarm: ['small', 'cpu0'], report: ['big', 'cpu0', 'cpu1'] });
    const { why } = await served.executor.applyPlan({
      ...plan,
      tenants: plan.tenants.map((tenant) => ({
        ...tenant,
        stages: tenant.stages.map((stage, index) => ({ ...stage, firstNode: 300 * index })),
      })),
    });
    assert.deepEqual(why, ['report runs in stages: nothing lighter is loaded beside it to downgrade to']);
    const onFirst = () => served.executor.state().hosts.filter(({ component: name }) => name === 'cpu0').length;
    while (onFirst() < 2) {
      assert.deepEqual(await outcomes([served.infer('alarm'), served.infer('report', { payload: square(256) })]), {
        answered: 2,
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
