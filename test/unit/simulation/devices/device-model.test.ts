import assert from 'node:assert/strict';
import { Random } from '../../../../src/simulation/random';
import { boardNames, DeviceModel, type ClockState, type Placement } from '../../../../src/simulation/devices';
import { Trees } from './trees';

const onGpu = (network: string, ratePerS: number | null = null): Placement => ({
  network,
  stages: [{ unit: 'gpu' }],
  ratePerS,
});

describe('the model of a simulated device', () => {
  const xavier = new DeviceModel('agx-xavier');
  const maxn = xavier.mode('MAXN');

  const energyJ = (network: string, mode: string): number => {
    const { energyPerInferenceJ } = xavier.run([onGpu(network)], xavier.mode(mode));
    assert.ok(energyPerInferenceJ !== null);
    return energyPerInferenceJ;
  };

  it('DeepLab-R101 costs more joules per inference at 10 W than at 30 W, and the fewest at 30 W', () => {
    const joules = ['MODE_10W', 'MODE_15W', 'MODE_30W_ALL', 'MAXN'].map((mode) => energyJ('deeplabv3-resnet101', mode));
    const [at10W = 0, at15W = 0, at30W = 0, atMost = 0] = joules;
    // Published: 15.1, 10.2, 9.5 and 12.2 J.
    assert.ok(at10W > 1.5 * at30W, `${at10W} J at 10 W, ${at30W} J at 30 W`);
    assert.ok(at30W < at15W && at30W < atMost);
  });

  it('half precision saves more than any mode', () => {
    const modes = ['MODE_10W', 'MODE_15W', 'MODE_30W_ALL', 'MAXN'];
    const least = Math.min(...modes.map((mode) => energyJ('deeplabv3-resnet50-768x576', mode)));
    for (const mode of modes) assert.ok(energyJ('deeplabv3-resnet50-768x576-fp16', mode) < least / 2, mode);
  });

  for (const name of boardNames) {
    it(`${name}: lower GPU clocks are never faster and never draw more`, () => {
      const model = new DeviceModel(name);
      const most = model.mode(model.modes.find((mode) => mode.name.startsWith('MAXN'))?.name ?? '');
      let before = model.run([onGpu('deeplabv3-resnet101')], most);
      for (const gpuMhz of model.board.gpu.stepsMhz.toReversed().slice(1)) {
        const next = model.run([onGpu('deeplabv3-resnet101')], model.limit(most, { gpuMhz }));
        assert.ok((next.networks[0]?.latencyMs ?? 0) > (before.networks[0]?.latencyMs ?? 0), `${gpuMhz} MHz`);
        assert.ok(next.powerW < before.powerW, `${gpuMhz} MHz`);
        before = next;
      }
    });
  }

  it('rounds caps to steps of the hardware: GPU and memory up, CPU down, never above the mode', () => {
    const mode = xavier.mode('MODE_15W');
    assert.equal(xavier.limit(mode, { gpuMhz: 500 }).gpuMhz, 522.75);
    assert.equal(xavier.limit(mode, { gpuMhz: 1300 }).gpuMhz, mode.gpuMhz);
    assert.equal(xavier.limit(maxn, { cpuMhz: 1200 }).cpuMhz, 1190.4);
    assert.equal(xavier.limit(maxn, { emcMhz: 1500 }).emcMhz, 1600);
  });

  it('networks on one unit take turns', () => {
    const one = xavier.run([onGpu('resnet50-fp16')], maxn);
    const two = xavier.run([onGpu('resnet50-fp16'), onGpu('resnet50-fp16')], maxn);
    const aloneMs = one.networks[0]?.latencyMs ?? 0;
    for (const network of two.networks) assert.ok(Math.abs((network.latencyMs ?? 0) / aloneMs - 2) < 0.01);
    assert.ok(Math.abs(two.powerW - one.powerW) < 1e-6);
    assert.equal(two.busy.gpu, 1);
  });

  it('a network at a low rate waits for the others, and leaves the device idle meanwhile', () => {
    const rare = xavier.run([onGpu('resnet50-fp16', 10)], maxn);
    assert.ok(Math.abs((rare.networks[0]?.slowdown ?? 0) - 1) < 1e-9);
    assert.ok(Math.abs(rare.busy.gpu - 0.0337) < 1e-3);
    const shared = xavier.run([onGpu('resnet50-fp16', 10), onGpu('deeplabv3-resnet50', 2)], maxn);
    assert.ok((shared.networks[0]?.slowdown ?? 0) > 1.5);
    assert.ok(shared.powerW > rare.powerW && shared.powerW < xavier.run([onGpu('deeplabv3-resnet50')], maxn).powerW);
  });

  it('says that a unit is asked for too much: no latency, and less done than was asked', () => {
    const [network] = xavier.run([onGpu('deeplabv3-resnet101', 10)], maxn).networks;
    assert.equal(network?.latencyMs, null);
    assert.ok((network?.throughputPerS ?? 10) < 3);
  });

  it('a DLA is slower than the GPU, and takes work off it while the memory is shared', () => {
    const gpuMs = xavier.latencyMs('googlenet-fp16', 'gpu', maxn) ?? 0;
    const dlaMs = xavier.latencyMs('googlenet-fp16', 'dla0', maxn) ?? 0;
    assert.ok(dlaMs > 1.8 * gpuMs);
    const together = xavier.run([onGpu('googlenet-fp16'), onGpu('resnet101-fp16')], maxn);
    const apart = xavier.run(
      [{ network: 'googlenet-fp16', stages: [{ unit: 'dla0' }], ratePerS: null }, onGpu('resnet101-fp16')],
      maxn,
    );
    assert.ok((apart.networks[1]?.latencyMs ?? 0) < (together.networks[1]?.latencyMs ?? 0));
    const slowdown = apart.networks[1]?.slowdown ?? 0;
    assert.ok(slowdown > 1.02 && slowdown < 1.6, `${slowdown}`);
  });

  it('a slower memory makes units slow each other down more', () => {
    const placements: Placement[] = [
      { network: 'resnet50-fp16', stages: [{ unit: 'dla0' }], ratePerS: null },
      { network: 'resnet50-fp16', stages: [{ unit: 'dla1' }], ratePerS: null },
      onGpu('resnet101-fp16'),
    ];
    const slowdownAt = (emcMhz: number): number =>
      xavier.run(placements, xavier.limit(maxn, { emcMhz })).networks[2]?.slowdown ?? 0;
    assert.ok(slowdownAt(1065.6) > slowdownAt(1600) && slowdownAt(1600) > slowdownAt(2133));
  });

  it('stages on two units cost the move between them', () => {
    const split = xavier.run(
      [
        {
          network: 'googlenet-fp16',
          stages: [
            { unit: 'gpu', share: 0.5 },
            { unit: 'dla0', share: 0.5 },
          ],
          ratePerS: 1,
        },
      ],
      maxn,
    );
    assert.ok(Math.abs((split.networks[0]?.latencyMs ?? 0) - (1.96 / 2 + 3.665 / 2 + 0.03)) < 0.01);
  });

  it('refuses what cannot be', () => {
    const invalid = { code: 'INVALID_CONFIG' };
    assert.throws(() => xavier.mode('MODE_20W'), invalid);
    assert.throws(() => xavier.run([onGpu('resnet50')], maxn), invalid);
    assert.throws(() => xavier.run([onGpu('resnet50-armnn')], maxn), { ...invalid, message: /does not run on gpu/ });
    assert.throws(() => xavier.run([onGpu('resnet50-fp16', Number.NaN)], maxn), invalid);
    assert.throws(
      () => xavier.run([{ network: 'resnet50-fp16', stages: [{ unit: 'gpu', share: 0 }], ratePerS: 1 }], maxn),
      invalid,
    );
    assert.equal(new DeviceModel('orin-nano-8gb').latencyMs('resnet50-int8', 'dla0', maxn), null);
  });

  it('says where each figure comes from', () => {
    for (const name of boardNames) {
      const model = new DeviceModel(name);
      assert.ok(model.powerSource.length > 20);
      for (const network of model.networks) assert.ok(network.source.length > 20, network.name);
    }
  });

  it('measures with noise that its seed repeats', () => {
    const observe = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 50 }, () => xavier.observe([onGpu('resnet50-int8')], maxn, random));
    };
    assert.deepEqual(observe(5), observe(5));
    assert.notDeepEqual(observe(5), observe(6));
    const exact = xavier.run([onGpu('resnet50-int8')], maxn);
    const powers = observe(5).map((outcome) => outcome.powerW);
    const meanW = powers.reduce((sum, powerW) => sum + powerW, 0) / powers.length;
    assert.ok(Math.abs(meanW / exact.powerW - 1) < 0.01 && new Set(powers).size > 40);
  });

  describe('as the work of a board', () => {
    const trees = new Trees();
    afterEach(() => {
      trees.remove();
    });

    it('draws what the model says, and works longer for the same requests when the clocks fall', async () => {
      const { board, machine } = trees.make({ board: 'agx-xavier', mode: 'MAXN' });
      const placements = [onGpu('deeplabv3-resnet50', 1.5), onGpu('resnet50-int8', 20)];
      board.setWorkload(xavier.workload(placements));
      const fast = board.advance(1000);
      assert.ok(Math.abs(fast.powerW - xavier.run(placements, maxn).powerW) < 1e-9);
      await machine.files.write('/sys/class/devfreq/17000000.gv11b/max_freq', '828750000');
      const slow = board.advance(1000);
      const clocks: ClockState = xavier.limit(maxn, { gpuMhz: 828.75 });
      assert.deepEqual(slow.clocks, clocks);
      assert.ok(slow.activity.gpu > 1.3 * fast.activity.gpu && slow.powerW < fast.powerW);
    });
  });
});
