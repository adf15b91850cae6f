import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceExecutor } from '../../../../src/inference/executor';
import type { InferenceResult } from '../../../../src/signals/inference';
import { planSchema, type Plan } from '../../../../src/signals/plan';
import { doublingModel, slowModel, writeModel } from '../../../support/onnx-builder';
import {
  codeOf,
  component,
  planOf,
  temporaryDirectory,
  tenantOf,
  TestDevice,
  until,
  type TestVariant,
} from '../support';

const square = { data: new Float32Array(4096).fill(0.1), dims: [64, 64], type: 'float32' };

describe('tenants in stages', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let executor: InferenceExecutor;
  let heavy: TestVariant;
  let light: TestVariant;
  let other: TestVariant;

  before(async () => {
    models = await temporaryDirectory();
    const file = async (name: string, model: Buffer) => writeModel(models.path, `${name}.onnx`, model);
    heavy = { name: 'heavy', accuracy: 0.9, ...(await file('heavy', slowModel(64, 6))) };
    light = { name: 'light', accuracy: 0.8, ...(await file('light', slowModel(64, 2))) };
    other = { name: 'other', accuracy: 0.7, ...(await file('other', doublingModel([64, 64]))) };
  });
  after(() => models.remove());
  beforeEach(async () => {
    const tenants = [tenantOf('cut', [heavy, light]), tenantOf('neighbour', [light, other])];
    const device = new TestDevice([component(0), component(1)]);
    executor = new InferenceExecutor({ device, tenants, queueLength: 1000, stateDirectory: models.path });
    await executor.start();
  });
  afterEach(() => executor.close());

  const infer = (tenant = 'cut') => executor.infer({ tenant, payload: square });
  const valuesOf = ({ payload }: InferenceResult) =>
    Object.values(payload as Record<string, { data: Float32Array }>)[0]?.data;
  /** A plan with the cut tenant's stages at these nodes, on the components in turn; the neighbour on the second. */
  function cutAt(starts: readonly number[], neighbour = 'light'): Plan {
    const plan = planOf({
      cut: ['heavy', ...starts.map((_, index) => `cpu${index % 2}`)],
      neighbour: [neighbour, 'cpu1'],
    });
    return planSchema.parse({
      ...plan,
      tenants: plan.tenants.map((tenant) =>
        tenant.tenant === 'cut'
          ? { ...tenant, stages: tenant.stages.map((stage, index) => ({ ...stage, firstNode: starts[index] })) }
          : tenant,
      ),
    });
  }
  /** Sends one request after the other until told to stop; how each ended. */
  function load(tenant = 'cut') {
    const ends: string[] = [];
    let going = true;
    const done = Promise.all(
      [1, 2, 3].map(async () => {
        while (going) ends.push(await codeOf(infer(tenant)));
      }),
    );
    return {
      ends,
      stop: async () => {
        going = false;
        await done;
        return [...new Set(ends)];
      },
    };
  }
  const pidOf = (name: string): number => {
    const pid = executor.state().hosts.find((host) => host.component === name)?.pid;
    assert.ok(pid);
    return pid;
  };

  it('answer the same as whole, and say where they were computed', async () => {
    const whole = valuesOf(await infer());
    for (const starts of [
      [0, 3],
      [0, 1, 4],
      [0, 5],
    ]) {
      assert.equal((await executor.applyPlan(cutAt(starts))).applied, true);
      const answer = await infer();
      assert.deepEqual(valuesOf(answer), whole);
      assert.deepEqual(answer.account.components, ['cpu0', 'cpu1']);
      assert.match(answer.account.why[0] ?? '', /heavy on cpu0, then cpu1/);
    }
    assert.equal((await readdir(join(models.path, 'ecomap', 'model-insides'))).length, 1);
  });

  it('go from whole to stages and back under load, and lose nothing', async () => {
    const [cut, neighbour] = [load(), load('neighbour')];
    for (const starts of [[0, 3], [0], [0, 2], [0, 4], [0]]) {
      await executor.applyPlan(cutAt(starts));
      const { length } = cut.ends;
      await until(() => cut.ends.length > length + 5);
    }
    assert.deepEqual(await cut.stop(), ['none: it resolved']);
    assert.deepEqual(await neighbour.stop(), ['none: it resolved']);
    assert.deepEqual((await infer()).account.components, ['cpu0']);
  });

  it('are taken along when a neighbour is given another variant, and lose nothing', async () => {
    await executor.applyPlan(cutAt([0, 3]));
    const pid = pidOf('cpu1');
    const cut = load();
    await executor.applyPlan(cutAt([0, 3], 'other'));
    assert.notEqual(pidOf('cpu1'), pid);
    const { length } = cut.ends;
    await until(() => cut.ends.length > length + 5);
    assert.deepEqual(await cut.stop(), ['none: it resolved']);
    assert.deepEqual((await infer()).account.components, ['cpu0', 'cpu1']);
  });

  it('stay as they are when a plan cuts where there is no cut', async () => {
    await executor.applyPlan(cutAt([0, 3]));
    await assert.rejects(executor.applyPlan(cutAt([0, 6])), {
      code: 'INVALID_MESSAGE',
      message: /has 6 nodes that compute.*may begin with one of these: 1, 2, 3, 4, 5/,
    });
    await assert.rejects(executor.applyPlan(cutAt([0, 3, 3])), { code: 'INVALID_MESSAGE', message: /0, 3, 3/ });
    await assert.rejects(executor.applyPlan(cutAt([1, 3])), { code: 'INVALID_MESSAGE', message: /begin with node 0/ });
    assert.deepEqual((await infer()).account.components, ['cpu0', 'cpu1']);
    assert.equal(executor.state().tenants[0]?.variant, 'heavy');
  });

  for (const victim of ['cpu0', 'cpu1']) {
    it(`serve on after kill -9 of ${victim}; what was there ends with HOST_CRASHED`, async () => {
      await executor.applyPlan(cutAt([0, 3]));
      const cut = load();
      await until(() => cut.ends.length > 5);
      process.kill(pidOf(victim), 'SIGKILL');
      await until(() => executor.state().hosts.some(({ restarts }) => restarts === 1));
      const { length } = cut.ends;
      await until(() => cut.ends.slice(length).filter((code) => code.startsWith('none')).length > 5);
      const ends = (await cut.stop()).sort();
      assert.ok(
        ends.every((code) => code === 'HOST_CRASHED' || code === 'none: it resolved'),
        ends.join(' '),
      );
      assert.deepEqual((await infer()).account.components, ['cpu0', 'cpu1']);
    });
  }

  it('end what waits between stages when the executor closes and a host does not answer', async () => {
    await executor.applyPlan(cutAt([0, 3]));
    process.kill(pidOf('cpu1'), 'SIGSTOP');
    const codes = Array.from({ length: 8 }, () => codeOf(infer()));
    await executor.close();
    for (const code of await Promise.all(codes)) assert.equal(code, 'NODE_CLOSED');
  });

  it('are served again by the same plan after a stage could not be loaded again', async () => {
    const { path } = heavy;
    await executor.applyPlan(cutAt([0, 3]));
    const model = await readFile(path);
    await rm(path);
    process.kill(executor.state().hosts[1]?.pid ?? 0, 'SIGKILL');
    await until(() => executor.state().tenants[0]?.activity === 'broken');
    assert.equal(await codeOf(infer()), 'MODEL_NOT_FOUND');
    await until(() => executor.state().hosts.every(({ state }) => state === 'ready'));
    // A component of the broken tenant can still be given other work in a new process.
    await executor.applyPlan(planOf({ neighbour: ['other', 'cpu0'] }));
    const failed = await executor.applyPlan(cutAt([0, 3], 'other'));
    assert.match(failed.why.join(), /cut stays broken: .*heavy\.onnx/);
    assert.equal(executor.state().tenants[1]?.variant, 'other', 'the neighbour gets its plan all the same');
    await writeFile(path, model);
    await executor.applyPlan(cutAt([0, 3], 'other'));
    assert.deepEqual((await infer()).account.components, ['cpu0', 'cpu1']);
  });
});
