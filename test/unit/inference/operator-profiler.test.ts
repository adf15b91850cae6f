import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { EnergyReader, EnergyReading } from '../../../src/inference/energy';
import { OperatorProfiler } from '../../../src/inference/operator-profiler';
import { profileOperators } from '../../../src/loop/operator-profiling';
import { demonstrationFamily } from '../../../src/models/family-card';
import { operatorProfileSchema, operatorTimesSchema } from '../../../src/signals/operator-profile';
import { doublingModel, onnxModel, slowModel, writeModel } from '../../support/onnx-builder';
import { hostEntryWith } from './hosting/misbehaving-host';
import { codeOf, component, temporaryDirectory } from './support';

describe('operator profiler', function () {
  this.timeout(90_000);
  let models: { path: string; remove: () => Promise<void> };
  let profiler: OperatorProfiler;

  const ofFile = (path: string, dims: readonly number[] | null = null) => ({
    path,
    sha256: null,
    component: component(0),
    dims,
  });

  before(async () => {
    models = await temporaryDirectory();
  });
  after(() => models.remove());
  beforeEach(() => {
    profiler = new OperatorProfiler({ measureMs: 50 });
  });
  afterEach(() => profiler.close());

  it('lists and times what the runtime makes of a model: merged and in blocks, with shapes', async () => {
    const { card, directory } = demonstrationFamily('inspect');
    const variant = card.variants.find(({ name }) => name === 'tiny');
    assert.ok(variant !== undefined);
    const file = ofFile(join(directory, variant.file));
    const list = await profiler.list(file);
    const times = await profiler.time(file);
    assert.equal(list.modelSha256, variant.sha256);
    assert.deepEqual(operatorTimesSchema.parse(times), times);
    assert.deepEqual(times.operators.map(({ name }) => name).sort(), list.operators.map(({ name }) => name).sort());
    const types = new Set(list.operators.map(({ type, domain }) => `${domain}:${type}`));
    assert.ok(
      [...types].some((type) => type.endsWith(':Conv')),
      [...types].join(),
    );
    assert.ok(!types.has(':Relu'), 'its activations are part of the convolutions');
    for (const { name, inputs, outputs } of list.operators) {
      assert.ok(outputs.length > 0 && outputs.every(({ dims }) => dims !== null), name);
      assert.ok(
        inputs.every((input) => input === null || input.dims !== null),
        name,
      );
    }
    const sumMs = times.operators.reduce((sum, { ms }) => sum + ms, 0);
    assert.ok(sumMs > times.latencyMs / 5 && sumMs < times.latencyMs * 5, `${sumMs} and ${times.latencyMs} ms`);
  });

  it('takes the shape it is given for dimensions that the model leaves open', async () => {
    const open = await writeModel(models.path, 'open.onnx', doublingModel(['batch', 4]));
    const { operators } = await profiler.list(ofFile(open.path, [8, 4]));
    assert.deepEqual(operators[0]?.outputs[0]?.dims, [8, 4]);
    assert.equal(await codeOf(profiler.list(ofFile(open.path, [8, 5]))), 'INPUT_MISMATCH');
  });

  it('tells the times of nodes without names', async () => {
    const unnamed = onnxModel({
      nodes: [
        { op: 'Tanh', inputs: ['x'], output: 'a' },
        { op: 'Sigmoid', inputs: ['a'], output: 'b' },
        { op: 'Tanh', inputs: ['b'], output: 'y' },
      ],
      inputs: [{ name: 'x', dims: [1, 64] }],
      outputs: [{ name: 'y', dims: [1, 64] }],
    });
    const { path } = await writeModel(models.path, 'unnamed.onnx', unnamed);
    const { operators } = await profiler.time(ofFile(path));
    assert.deepEqual(
      operators.map(({ type, outputs }) => [type, outputs[0]?.dims]),
      [
        ['Tanh', [1, 64]],
        ['Sigmoid', [1, 64]],
        ['Tanh', [1, 64]],
      ],
    );
  });

  it('says what is wrong with a model and goes on with the next', async () => {
    const good = await writeModel(models.path, 'good.onnx', doublingModel([1, 4]));
    const text = await writeModel(models.path, 'text.onnx', Buffer.from('not a model'));
    const custom = await writeModel(
      models.path,
      'custom.onnx',
      onnxModel({
        nodes: [{ op: 'Unheard', inputs: ['x'], output: 'y' }],
        inputs: [{ name: 'x', dims: [1, 4] }],
        outputs: [{ name: 'y', dims: [1, 4] }],
      }),
    );
    assert.equal(await codeOf(profiler.time(ofFile(join(models.path, 'absent.onnx')))), 'MODEL_NOT_FOUND');
    assert.equal(await codeOf(profiler.time(ofFile(text.path))), 'MODEL_INVALID');
    assert.equal(await codeOf(profiler.time(ofFile(custom.path))), 'MODEL_INVALID');
    assert.ok((await profiler.time(ofFile(good.path))).runs > 0);
  });

  it('tells of a child that is killed, and measures the next model in another', async () => {
    const { path } = await writeModel(models.path, 'next.onnx', doublingModel([1, 4]));
    const flag = join(models.path, 'killed');
    const hostEntry = await hostEntryWith(
      models.path,
      'killed-once',
      `onCommand(({ kind }) => {
        const { existsSync, writeFileSync } = require('node:fs');
        if (kind !== 'time-operators' || existsSync(${JSON.stringify(flag)})) return;
        writeFileSync(${JSON.stringify(flag)}, '');
        process.kill(process.pid, 'SIGKILL');
      });`,
    );
    const killed = new OperatorProfiler({ measureMs: 50, hostEntry });
    try {
      assert.equal(await codeOf(killed.time(ofFile(path))), 'HOST_CRASHED');
      assert.ok((await killed.time(ofFile(path))).runs > 0);
    } finally {
      await killed.close();
    }
  });

  it('is ended by close, whatever is under way', async () => {
    const slow = await writeModel(models.path, 'slow.onnx', slowModel(256, 400));
    const codes = [codeOf(profiler.time(ofFile(slow.path))), codeOf(profiler.time(ofFile(slow.path)))];
    await new Promise((resolve) => setTimeout(resolve, 400));
    await profiler.close();
    assert.deepEqual(await Promise.all(codes), ['NODE_CLOSED', 'NODE_CLOSED']);
  });

  describe('with the energy of a run', () => {
    /** 2 J for each look, as a sensor, or as a model, would tell it. */
    const readerOf = (source: EnergyReading['source'], totalJ: number | null): EnergyReader => ({
      readEnergy: () => ({ totalJ, idleJ: totalJ, source, method: 'a test' }),
    });
    const deviceOf = (reader: EnergyReader | null) => ({
      fingerprint: 'this-machine',
      operatingPoints: [{ name: 'full', speed: 1, idleW: 4, activeW: { [component(0).name]: 6 } }],
      ...(reader === null ? {} : { openReader: () => reader }),
    });
    const profile = async (reader: EnergyReader | null) => {
      const { path } = await writeModel(models.path, 'doubling.onnx', doublingModel([1, 4]));
      return profileOperators(profiler, deviceOf(reader), ofFile(path));
    };

    it('is measured where the device has a sensor', async () => {
      const measured = await profile(readerOf('measured', 2));
      assert.deepEqual(operatorProfileSchema.parse(measured), measured);
      assert.deepEqual(measured.energy, { source: 'measured', method: 'a test' });
      assert.ok(measured.energyJ > 0 && measured.energyJ < 2);
    });

    it('is modelled without one, or when the sensor fails, from the times and the power law', async () => {
      for (const reader of [null, readerOf('modelled', 2), readerOf('measured', null)]) {
        const { energy, energyJ, latencyMs, cpuMs } = await profile(reader);
        assert.equal(energy.source, 'modelled');
        assert.ok(Math.abs(energyJ - (4 * latencyMs + 6 * cpuMs) / 1000) < 1e-9);
      }
    });

    it('is refused for a component that the device does not know', async () => {
      const { path } = await writeModel(models.path, 'doubling.onnx', doublingModel([1, 4]));
      const device = {
        fingerprint: 'this-machine',
        operatingPoints: [{ name: 'full', speed: 1, idleW: 4, activeW: {} }],
      };
      assert.equal(await codeOf(profileOperators(profiler, device, ofFile(path))), 'INVALID_CONFIG');
    });
  });
});
