import assert from 'node:assert/strict';
import { LoopBoard, playableBoard, tenantsOf } from '../../../../src/loop/simulated-board/board';
import { chooseOperatingPoint } from '../../../../src/power/operating-points';
import { clockSpeed, fullLoadW, type OperatingPoint } from '../../../../src/signals/device';
import { boardFamilies } from '../../../../src/simulation/devices/workloads/families';
import { seededMixes } from '../../../../src/simulation/devices/workloads/mixes';

describe('a simulated board as the loop meets it', () => {
  const board = new LoopBoard('agx-xavier');
  const described = board.describe();

  it('has a GPU, a DLA and its cores, and says that it is simulated', () => {
    assert.deepEqual(
      described.components.map(({ name, kind }) => [name, kind]),
      [
        ['gpu', 'gpu'],
        ['dla0', 'dla'],
        ['cpu', 'cpu'],
      ],
    );
    assert.equal(described.components[2]?.cores.length, 8);
    assert.equal(described.simulated, true);
    assert.match(described.label, /\(simulated\)/);
    assert.match(described.powerMethod, /^simulated: /);
  });

  it('has operating points of different names and clock speeds, fastest first, each with the watts of every component', () => {
    const { operatingPoints, components } = described;
    assert.equal(operatingPoints.length, board.points.length);
    assert.equal(new Set(operatingPoints.map(({ name }) => name)).size, operatingPoints.length);
    // Profiles are kept by clock speed.
    assert.equal(new Set(operatingPoints.map(clockSpeed)).size, operatingPoints.length);
    assert.equal(operatingPoints[0]?.name, 'MAXN');
    assert.equal(operatingPoints[0]?.speed, 1);
    operatingPoints.forEach((point, at) => {
      assert.ok(point.speed > 0 && point.speed < (operatingPoints[at - 1]?.speed ?? 1.01), point.name);
      assert.deepEqual(Object.keys(point.activeW).sort(), components.map(({ name }) => name).sort());
      assert.ok(Object.values(point.activeW).every((watts) => watts > 0));
      assert.ok(point.idleW > 0 && point.idleW < fullLoadW(point));
    });
  });

  it('is of points as fast as each other at the thriftiest under a cap that allows both', () => {
    const { operatingPoints } = described;
    const nameUnder = (capW: number): string =>
      chooseOperatingPoint(operatingPoints as [OperatingPoint, ...OperatingPoint[]], capW).point.name;
    // The same GPU clock, and less for DLA and cores.
    assert.equal(nameUnder(17), 'MODE_15W');
    assert.equal(nameUnder(19), 'MODE_15W');
    assert.equal(nameUnder(60), 'MAXN');
  });

  it('draws at an operating point what its model says of each component', () => {
    const { model } = board;
    for (const { name, idleW, activeW } of described.operatingPoints) {
      const clocks = board.clocksAt(name);
      assert.equal(idleW, model.idleW(clocks));
      const [gpu, dla, cpu] = [{ gpu: 1 }, { dlas: 1 }, { cpuCores: clocks.cores }].map((busy) =>
        model.powerW(clocks, busy),
      );
      assert.deepEqual(
        [activeW.gpu, activeW.dla0, activeW.cpu].map((watts) => (watts ?? 0) + idleW),
        [gpu, dla, cpu],
      );
    }
    assert.throws(() => board.clocksAt('MODE_99W'), /no operating point MODE_99W/);
  });

  it('runs variants where their networks run', () => {
    assert.equal(board.networkOf({ family: 'resnet' }, 'resnet50', 'gpu'), 'resnet50-fp16');
    assert.equal(board.networkOf({ family: 'resnet' }, 'resnet50', 'dla0'), 'resnet50-fp16');
    assert.equal(board.networkOf({ family: 'resnet' }, 'resnet50', 'cpu'), 'resnet50-tflite');
    assert.equal(board.networkOf({ family: 'resnet' }, 'resnet18', 'cpu'), null);
    assert.equal(board.networkOf({ family: 'segmentation' }, 'fcn-resnet50', 'dla0'), null);
    assert.equal(board.networkOf({ family: 'resnet' }, 'resnet50', 'dla1'), null);
    assert.equal(board.networkOf({ family: 'resnet' }, 'vgg16', 'gpu'), null);
    for (const { name: family, variants } of boardFamilies)
      for (const { name } of variants)
        assert.ok(
          ['gpu', 'dla0', 'cpu'].some((unit) => board.networkOf({ family }, name, unit) !== null),
          name,
        );
  });

  it('serves the tenants of a mix with their variants, limits and rates', () => {
    const mixes = seededMixes(board.model, 3, 1);
    for (const mix of mixes) {
      const tenants = tenantsOf(mix);
      assert.deepEqual(
        tenants.map(({ name, family, latencyLimitMs, arrivalRatePerS }) => [
          name,
          family,
          latencyLimitMs,
          arrivalRatePerS,
        ]),
        mix.tenants.map(({ name, family, latencyLimitMs, ratePerS }) => [name, family.name, latencyLimitMs, ratePerS]),
      );
      tenants.forEach(({ variants }, at) => {
        assert.deepEqual(
          variants.map(({ name, accuracy }) => [name, accuracy]),
          mix.tenants[at]?.family.variants.map(({ name, accuracy }) => [name, accuracy]),
        );
      });
      assert.equal(new Set(tenants.map(({ name }) => name)).size, tenants.length);
      assert.deepEqual([...new Set(tenants.map(({ priority }) => priority))].sort(), [1, 2, 3]);
    }
  });

  it('is one of those of which enough is known', () => {
    assert.equal(playableBoard('agx-xavier'), 'agx-xavier');
    assert.throws(() => playableBoard('agx-orin'), {
      code: 'INVALID_CONFIG',
      message: /agx-xavier, not on "agx-orin"/,
    });
  });
});
