import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ProfileRunnerProcess } from '../../../src/inference/profile-runner';
import { profileSchema } from '../../../src/signals/profile';
import { doublingModel, slowModel, writeModel } from '../../support/onnx-builder';
import { hostEntryWith } from './hosting/misbehaving-host';
import { codeOf, component, temporaryDirectory } from './support';

describe('profile runner', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let runner: ProfileRunnerProcess;

  const measure = (file: { path: string; sha256: string | null }, dims: readonly number[] | null = null) =>
    runner.measure({ ...file, component: component(0), deviceFingerprint: 'this-machine', dims });

  before(async () => {
    models = await temporaryDirectory();
  });
  after(() => models.remove());
  beforeEach(() => {
    runner = new ProfileRunnerProcess();
  });
  afterEach(() => runner.close());

  it('measures a model, and one with eight times the work as slower', async () => {
    const small = await writeModel(models.path, 'small.onnx', slowModel(96, 10));
    const large = await writeModel(models.path, 'large.onnx', slowModel(96, 80));
    const [light, heavy] = await Promise.all([measure(small), measure(large)]);
    assert.deepEqual(profileSchema.parse(light), light);
    assert.equal(light.modelSha256, small.sha256);
    assert.deepEqual([light.componentClass, light.deviceFingerprint], ['cpu-1t', 'this-machine']);
    assert.ok(light.runs >= 3 && light.runs <= 60);
    assert.ok(light.latencyMs.p95 >= light.latencyMs.p50);
    assert.ok(light.cpuMs > 0 && light.loadMs > 0);
    assert.ok(heavy.latencyMs.p50 > 2 * light.latencyMs.p50, `${heavy.latencyMs.p50} and ${light.latencyMs.p50} ms`);
  });

  it('measures a stage of a model, and notes what it was measured with', async () => {
    const file = await writeModel(models.path, 'chain.onnx', slowModel(96, 40));
    const whole = await measure(file);
    const stage = { firstNode: 30, endNode: null };
    const operatingPoint = { name: 'slow', clockSpeed: 0.5 };
    const part = await runner.measure({
      ...file,
      component: component(0),
      deviceFingerprint: 'this-machine',
      dims: null,
      stage,
      operatingPoint,
      thorough: true,
    });
    assert.deepEqual(profileSchema.parse(part), part);
    assert.deepEqual(
      [part.stage, part.operatingPoint, part.dims, whole.stage],
      [stage, operatingPoint, null, undefined],
    );
    assert.ok(part.latencyMs.p50 < whole.latencyMs.p50, `${part.latencyMs.p50} and ${whole.latencyMs.p50} ms`);
    assert.ok(part.runs >= 100 && (part.latencyMs.p99 ?? 0) >= (part.latencyMs.p90 ?? Infinity));
    assert.equal(whole.latencyMs.p99, undefined);
    assert.ok((part.anchorLatencyMs ?? 0) > 0);
    const absent = { firstNode: 30, endNode: 50 };
    const refused = runner.measure({
      ...file,
      component: component(0),
      deviceFingerprint: '',
      dims: null,
      stage: absent,
    });
    assert.equal(await codeOf(refused), 'INVALID_MESSAGE');
  });

  it('has the energy of an inference above idle from a meter, with its source', async () => {
    const file = await writeModel(models.path, 'small.onnx', slowModel(96, 10));
    const request = { ...file, component: component(0), deviceFingerprint: '', dims: null };
    const readings = [
      { totalJ: 0, idleJ: 0 },
      { totalJ: 99, idleJ: 9 },
      { totalJ: 8, idleJ: 3 },
    ];
    const meter = {
      readEnergy: () => ({ ...(readings.shift() ?? { totalJ: 0, idleJ: 0 }), source: 'measured' as const }),
    };
    const { energy, contended } = await runner.measure({ ...request, meter });
    if (contended) {
      // On a busy machine the energy is not this model's.
      assert.equal(energy, null);
    } else {
      assert.equal(readings.length, 0);
      assert.equal(energy?.source, 'measured');
      // 5 J over a second of runs of well below a millisecond.
      assert.ok(energy.perInferenceJ > 0 && energy.perInferenceJ < 0.05, `${energy.perInferenceJ} J`);
    }
    const blind = { readEnergy: () => ({ totalJ: null, idleJ: null, source: 'measured' as const }) };
    assert.equal((await runner.measure({ ...request, meter: blind })).energy, null);
    let asked = 0;
    const modelled = { readEnergy: () => ({ totalJ: (asked += 1), idleJ: 0, source: 'modelled' as const }) };
    assert.equal((await runner.measure({ ...request, meter: modelled })).energy, null);
    assert.equal(asked, 1);
    assert.equal((await measure(file)).energy, null);
  });

  describe('beside a memory stressor and a copy', () => {
    const request = (file: { path: string; sha256: string | null }) => ({
      ...file,
      dims: null,
      component: component(0),
      beside: component(1),
    });

    it('sees what turns with a copy cost a model, and has finite slowdowns', async () => {
      const file = await writeModel(models.path, 'chain.onnx', slowModel(96, 40));
      const sensitivity = await runner.measureSensitivity(request(file));
      assert.ok(Object.values(sensitivity).every(Number.isFinite), JSON.stringify(sensitivity));
      // Two runs instead of one: ln 2 on a machine that does nothing else.
      assert.ok(sensitivity.besideItself > 0.2 && sensitivity.besideItself < 2, JSON.stringify(sensitivity));
    });

    it('says what is wrong, leaves no process behind, and goes on, whichever of the two dies', async () => {
      const file = await writeModel(models.path, 'chain.onnx', slowModel(96, 40));
      for (const kind of ['stress', 'rerun']) {
        const hostEntry = await hostEntryWith(
          models.path,
          `dies-at-${kind}`,
          `onCommand(({ kind }) => { if (kind === '${kind}') process.kill(process.pid, 'SIGKILL'); });`,
        );
        const dying = new ProfileRunnerProcess({ hostEntry });
        assert.equal(await codeOf(dying.measureSensitivity(request(file))), 'HOST_CRASHED');
        assert.ok((await dying.measure({ ...request(file), deviceFingerprint: '' })).runs > 0);
        await dying.close();
      }
    });

    it('ends when it is cancelled', async () => {
      const file = await writeModel(models.path, 'chain.onnx', slowModel(96, 40));
      const abort = new AbortController();
      const measuring = assert.rejects(runner.measureSensitivity({ ...request(file), signal: abort.signal }), {
        name: 'AbortError',
      });
      await new Promise((resolve) => setTimeout(resolve, 700));
      abort.abort();
      await measuring;
    });
  });

  it('judges the speed of a component by a model of its own', async () => {
    const first = await runner.anchorLatencyMs(component(0));
    assert.ok(first > 0 && first < 1000);
  });

  it('ends the measurement under way when it is cancelled, and measures the next', async () => {
    const slow = await writeModel(models.path, 'slow.onnx', slowModel(256, 400));
    const small = await writeModel(models.path, 'small.onnx', slowModel(96, 10));
    const abort = new AbortController();
    const reason = new Error('enough');
    const request = { component: component(0), deviceFingerprint: '', dims: null, signal: abort.signal };
    const under = assert.rejects(runner.measure({ ...slow, ...request }), reason);
    const waiting = assert.rejects(runner.measure({ ...slow, ...request }), reason);
    const next = measure(small);
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort(reason);
    await Promise.all([under, waiting]);
    assert.ok((await next).runs > 0);
  });

  it('takes the shape it is given for dimensions that the model leaves open', async () => {
    const open = await writeModel(models.path, 'open.onnx', doublingModel(['batch', 4]));
    assert.ok((await measure(open)).runs > 0);
    assert.ok((await measure(open, [8, 4])).runs > 0);
    assert.equal(await codeOf(measure(open, [8, 5])), 'INPUT_MISMATCH');
  });

  it('says what is wrong with a model and measures the next one', async () => {
    const good = await writeModel(models.path, 'good.onnx', doublingModel([1, 4]));
    const text = await writeModel(models.path, 'text.onnx', Buffer.from('not a model'));
    assert.equal(await codeOf(measure({ path: join(models.path, 'absent.onnx'), sha256: null })), 'MODEL_NOT_FOUND');
    assert.equal(await codeOf(measure(text)), 'MODEL_INVALID');
    assert.equal(await codeOf(measure({ ...good, sha256: '0'.repeat(64) })), 'MODEL_HASH_MISMATCH');
    assert.ok((await measure(good)).runs > 0);
  });

  it('close ends the measurement under way and those that wait', async () => {
    const slow = await writeModel(models.path, 'slow.onnx', slowModel(256, 400));
    const codes = [codeOf(measure(slow)), codeOf(measure(slow))];
    await new Promise((resolve) => setTimeout(resolve, 50));
    await runner.close();
    assert.deepEqual(await Promise.all(codes), ['NODE_CLOSED', 'NODE_CLOSED']);
    assert.equal(await codeOf(measure(slow)), 'NODE_CLOSED');
  });
});
