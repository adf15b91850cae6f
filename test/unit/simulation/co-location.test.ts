import assert from 'node:assert/strict';
import { randomDevice, randomJetson, referenceDevice } from '../../../src/simulation/co-location/device';
import { simulate } from '../../../src/simulation/co-location/event-loop';
import { randomNetwork, runAlone } from '../../../src/simulation/co-location/network';
import { pretrainingSamples } from '../../../src/simulation/co-location/pretraining-samples';
import { dataSplits } from '../../../src/simulation/co-location/splits';
import { Random } from '../../../src/simulation/random';
import { fewSamples } from '../../support/co-location-fixtures';

const small = { train: [6, 2], val: [3, 2], combo: [3, 2], new: [3, 2] } as const;
const top = referenceDevice.levels[3];
assert.ok(top !== undefined);

describe('simulated co-locations', () => {
  it('are the same for the same seed and others for another', () => {
    assert.deepEqual(dataSplits(referenceDevice, 3, small), dataSplits(referenceDevice, 3, small));
    assert.notDeepEqual(dataSplits(referenceDevice, 4, small).train, dataSplits(referenceDevice, 3, small).train);
  });

  it('split into workloads that no other part has', () => {
    const splits = dataSplits(referenceDevice, 3, small);
    const parts = [splits.train, splits.val, splits.combo, splits.new];
    const numbers = parts.map((part) => new Set(part.map(({ workload }) => workload)));
    assert.equal(new Set(numbers.flatMap((set) => [...set])).size, 6 + 3 + 3 + 3);
    const sets = splits.train.map(({ networks }) =>
      networks
        .map(({ stages }) => stages.map(({ gigaflop }) => gigaflop))
        .sort()
        .join(),
    );
    for (const { networks } of splits.combo) {
      const set = networks
        .map(({ stages }) => stages.map(({ gigaflop }) => gigaflop))
        .sort()
        .join();
      assert.ok(!sets.includes(set), 'a set of networks to test with was trained on');
    }
  });

  it('take a network alone as long as its profile says', () => {
    const random = new Random(1);
    const network = randomNetwork(random, referenceDevice);
    for (const at of [0, 1, 2]) {
      const expected = network.stages.reduce(
        (sum, stage) => sum + runAlone(referenceDevice, top, stage, at).latencyS,
        0,
      );
      const units = network.stages.map(() => at);
      const { latencyS, powerW } = simulate(referenceDevice, top, [{ network, units, pauseS: 0 }], random);
      const ratio = (latencyS[0] ?? 0) / expected;
      assert.ok(ratio > 0.85 && ratio < 1.2, `unit ${at}: ${ratio}`);
      assert.ok(powerW > referenceDevice.staticW);
    }
  });

  it('slow each other down on one unit, and hardly on units apart', () => {
    const random = new Random(2);
    const [a, b] = [randomNetwork(random, referenceDevice), randomNetwork(random, referenceDevice)];
    const on = (network: typeof a, at: number) => ({ network, units: network.stages.map(() => at), pauseS: 0 });
    const alone = simulate(referenceDevice, top, [on(a, 0)], random).latencyS[0] ?? 0;
    const together = simulate(referenceDevice, top, [on(a, 0), on(b, 0)], random).latencyS[0] ?? 0;
    const apart = simulate(referenceDevice, top, [on(a, 0), on(b, 2)], random).latencyS[0] ?? 0;
    assert.ok(together > 1.15 * alone, `${together} against ${alone}`);
    assert.ok(apart < together);
  });

  it('disturb less where networks pause', () => {
    const random = new Random(3);
    const [a, b] = [randomNetwork(random, referenceDevice), randomNetwork(random, referenceDevice)];
    const run = (pauseS: number): number =>
      simulate(
        referenceDevice,
        top,
        [
          { network: a, units: a.stages.map(() => 2), pauseS: 0 },
          { network: b, units: b.stages.map(() => 2), pauseS },
        ],
        random,
      ).latencyS[0] ?? 0;
    assert.ok(run(5) < run(0));
  });

  it('give positive finite numbers on every kind of device', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const random = new Random(seed);
      const device = seed % 2 === 0 ? randomJetson(random) : randomDevice(random);
      const network = randomNetwork(random, device);
      const running = device.units.map((_, at) => ({ network, units: network.stages.map(() => at), pauseS: 0 }));
      const [level] = device.levels;
      assert.ok(level !== undefined);
      const { latencyS, powerW } = simulate(device, level, running, random);
      for (const value of [...latencyS, powerW]) assert.ok(value > 0 && Number.isFinite(value));
    }
  });

  it('of pretraining number their workloads throughout', () => {
    const plan = { seed: 1, devices: 2, networksPerDevice: 4, workloadsPerDevice: 5, perWorkload: 1 };
    const workloads = [...pretrainingSamples(plan)].flat().map(({ workload }) => workload);
    assert.equal(new Set(workloads).size, 10);
  });

  it('measure sensitivities as slowdowns', () => {
    for (const { networks } of fewSamples(3, 1)) {
      for (const known of networks.flatMap(({ sensitivity }) => sensitivity)) {
        assert.ok(known !== null && known.besideItself > -0.2 && known.besideMemory > -0.2);
      }
    }
  });
});
