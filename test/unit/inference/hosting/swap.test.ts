import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { slowModel, writeModel } from '../../../support/onnx-builder';
import {
  codeOf,
  isRunning,
  planOf,
  temporaryDirectory,
  tenantOf,
  TestDevice,
  until,
  type TestVariant,
} from '../support';
import { hostEntryWith } from './misbehaving-host';
import { only, outcomes, Served } from './served';

describe('swapping', function () {
  this.timeout(180_000);
  let models: { path: string; remove: () => Promise<void> };
  let served: Served;
  let exact: TestVariant;
  let light: TestVariant;
  const stopped: number[] = [];

  const variant = async (name: string, accuracy: number, depth: number): Promise<TestVariant> => ({
    name,
    accuracy,
    ...(await writeModel(models.path, `${name}.onnx`, slowModel(64, depth))),
  });
  const stop = (pid: number) => {
    process.kill(pid, 'SIGSTOP');
    stopped.push(pid);
  };
  /** The process that loads beside the one that serves, once there is one. */
  const standbyOf = async (of: Served): Promise<number> => {
    for (;;) {
      const [found] = await of.standbys();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const resume = () => {
    for (const pid of stopped.splice(0)) if (isRunning(pid)) process.kill(pid, 'SIGCONT');
  };

  before(async () => {
    models = await temporaryDirectory();
    exact = await variant('exact', 0.9, 8);
    light = await variant('light', 0.8, 2);
  });
  after(() => models.remove());
  afterEach(async () => {
    resume();
    await served.executor.close();
  });

  it('loads beside what serves: a load that stands still keeps nobody waiting, then all tenants switch', async () => {
    served = await Served.start([tenantOf('one', [exact, light]), tenantOf('two', [exact])]);
    const old = only(served.pids());
    const applied = served.executor.applyPlan(planOf({ one: ['light', 'cpu0'] }));
    const standby = await standbyOf(served);
    stop(standby);
    assert.equal(served.device.registered.length, 1, 'while it only loads no cap holds it back');
    for (let round = 0; round < 5; round += 1) {
      assert.deepEqual(await outcomes([served.infer('one'), served.infer('two')]), { answered: 2 });
    }
    assert.deepEqual([served.variants(), served.pids()], [['exact', 'exact'], [old]]);
    const { progress, hosts } = served.executor.state();
    assert.equal(progress.toLoad, 2);
    assert.match(hosts[0]?.degraded ?? '', /a new process is being loaded/);
    resume();
    assert.deepEqual(await applied, { applied: true, swaps: 1, why: ['two is not in the plan and stays as it is'] });
    assert.deepEqual([served.variants(), served.pids()], [['light', 'exact'], [standby]]);
    assert.equal(served.device.registered[1]?.pid, standby);
    assert.equal(isRunning(old), false);
    assert.deepEqual(await outcomes([served.infer('one'), served.infer('two')]), { answered: 2 });
    assert.deepEqual([served.executor.state().progress.toLoad, served.executor.state().hosts[0]?.degraded], [0, null]);
  });

  it('back to what is still in memory needs no new process', async () => {
    served = await Served.start([tenantOf('one', [exact, light])]);
    await served.executor.applyPlan(planOf({ one: ['light', 'cpu0'] }));
    const pid = only(served.pids());
    for (let round = 0; round < 100; round += 1) {
      for (const name of ['exact', 'light']) await served.executor.applyPlan(planOf({ one: [name, 'cpu0'] }));
    }
    assert.deepEqual(served.pids(), [pid]);
    assert.equal(served.device.registered.length, 2);
    assert.equal(served.executor.state().hosts[0]?.models, 2, '200 swaps leave no residents behind');
    assert.equal(served.totals().swaps, 201);
  });

  it('256 swaps in 128 plans, every other one to a model that is not in memory, under 32 clients lose nothing', async () => {
    const others = await Promise.all(Array.from({ length: 64 }, (_, index) => variant(`other${index}`, 0.7, 1)));
    served = await Served.start([tenantOf('one', [exact, ...others]), tenantOf('two', [exact, light])]);
    let running = true;
    let answered = 0;
    const client = async (tenant: string) => {
      while (running) {
        await served.infer(tenant);
        answered += 1;
        // Leaves the standby some time, so that the test does not take minutes.
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    const clients = Array.from({ length: 32 }, (_, index) => client(index % 2 === 0 ? 'one' : 'two'));
    let swaps = 0;
    for (let round = 0; round < 128; round += 1) {
      const [one, two] = round % 2 === 0 ? [`other${round / 2}`, 'light'] : ['exact', 'exact'];
      swaps += (await served.executor.applyPlan(planOf({ one: [one, 'cpu0'], two: [two, 'cpu0'] }))).swaps;
      const before = answered;
      await until(() => answered > before);
    }
    running = false;
    await Promise.all(clients);
    assert.equal(swaps, 256);
    assert.deepEqual(served.totals(), { offered: answered, served: answered, rejected: 0, failed: 0, swaps: 256 });
    // One process per model that was not in memory, and the first one; all but the last are gone.
    assert.equal(served.device.registered.length, 65);
    assert.equal(served.device.gone.length, 64);
    assert.equal(served.executor.state().hosts[0]?.restarts, 0);
  });

  it('a plan that does not load ends its standby and leaves the old process in force', async () => {
    const path = join(models.path, 'broken.onnx');
    await writeFile(path, 'no model');
    const broken = { name: 'broken', accuracy: 0.5, path };
    served = await Served.start([tenantOf('one', [exact, broken]), tenantOf('two', [exact, light])]);
    const pids = served.pids();
    const plan = planOf({ one: ['broken', 'cpu0'], two: ['light', 'cpu0'] });
    assert.equal(await codeOf(served.executor.applyPlan(plan)), 'MODEL_INVALID');
    assert.deepEqual([served.variants(), served.pids()], [['exact', 'exact'], pids]);
    assert.equal(served.device.registered.length, 1);
    assert.deepEqual(await served.standbys(), []);
    assert.deepEqual(await outcomes([served.infer('one'), served.infer('two')]), { answered: 2 });
  });

  it('close during a load ends the standby, too, and the plan is told', async () => {
    served = await Served.start([tenantOf('one', [exact, light])]);
    const applied = codeOf(served.executor.applyPlan(planOf({ one: ['light', 'cpu0'] })));
    const standby = await standbyOf(served);
    stop(standby);
    const waiting = Array.from({ length: 8 }, () => served.infer('one'));
    const closed = served.executor.close();
    assert.equal(await codeOf(served.infer('one')), 'NODE_CLOSED');
    assert.deepEqual(await outcomes(waiting), { answered: 8 });
    await closed;
    assert.equal(await applied, 'NODE_CLOSED');
    assert.deepEqual([isRunning(served.device.registered[0]?.pid ?? 0), isRunning(standby)], [false, false]);
  });

  it('keeps the next lighter variant loaded beside the one that serves, where the tenant may fall back on it', async () => {
    const lightest = await variant('lightest', 0.5, 1);
    const tenant = tenantOf('one', [exact, light, lightest], { serving: { whenFull: 'downgrade' } });
    served = await Served.start([tenant, tenantOf('two', [exact, light])]);
    assert.equal(served.executor.state().hosts[0]?.models, 2);
    await served.executor.applyPlan(planOf({ one: ['light', 'cpu0'] }));
    assert.equal(served.executor.state().hosts[0]?.models, 3, 'light, lightest, and exact for the other tenant');
  });

  it('a host that does not come back: what waits is told, and served again when it does', async () => {
    const flag = join(models.path, 'may-start');
    await writeFile(flag, '');
    const hostEntry = await hostEntryWith(
      models.path,
      'moody',
      `if (!require('node:fs').existsSync(${JSON.stringify(flag)})) process.exit(3);`,
    );
    served = await Served.start([tenantOf('one', [exact])], { hostEntry });
    await rm(flag);
    const [pid] = served.pids();
    const waiting = Array.from({ length: 4 }, () => served.infer('one'));
    process.kill(pid ?? 0, 'SIGKILL');
    assert.deepEqual(await outcomes(waiting), { HOST_CRASHED: 4 });
    await until(() => served.executor.state().tenants[0]?.problem !== null);
    assert.equal(await codeOf(served.infer('one')), 'HOST_CRASHED');
    const { tenants, hosts } = served.executor.state();
    assert.deepEqual([tenants[0]?.activity, hosts[0]?.state], ['broken', 'down']);
    assert.match(hosts[0]?.degraded ?? '', /does not come up: .*exit code 3/);
    await writeFile(flag, '');
    await until(() => served.executor.state().tenants[0]?.activity === 'serving');
    assert.deepEqual(await outcomes([served.infer('one')]), { answered: 1 });
    const { offered, served: answered, rejected, failed } = served.totals();
    assert.deepEqual([offered, answered, rejected + failed], [6, 1, 5]);
  });

  it('a host that comes up only later serves then', async () => {
    const flag = join(models.path, 'may-begin');
    const hostEntry = await hostEntryWith(
      models.path,
      'late',
      `if (!require('node:fs').existsSync(${JSON.stringify(flag)})) process.exit(3);`,
    );
    served = new Served(new TestDevice(), { tenants: [tenantOf('one', [exact])], hostEntry });
    assert.equal(await codeOf(served.executor.start()), 'HOST_CRASHED');
    assert.equal(await codeOf(served.infer('one')), 'HOST_CRASHED');
    await writeFile(flag, '');
    await until(() => served.executor.state().tenants[0]?.activity === 'serving');
    assert.deepEqual(await outcomes([served.infer('one')]), { answered: 1 });
  });
});
