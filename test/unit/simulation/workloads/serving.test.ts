import assert from 'node:assert/strict';
import { DeviceModel, type UnitName } from '../../../../src/simulation/devices';
import { arrivalTimes } from '../../../../src/simulation/devices/workloads/requests';
import { serveOnBoard, type BoardRun, type ServedNetwork } from '../../../../src/simulation/devices/workloads/serving';
import { Random } from '../../../../src/simulation/random';

const model = new DeviceModel('agx-xavier');
const clocks = model.mode('MAXN');

interface Asked {
  readonly network: string;
  readonly unit: UnitName;
  /** Requests per second at random; absent: a client that pauses so long after each answer. */
  readonly ratePerS?: number;
  readonly pauseS?: number;
}

function serve(asked: readonly Asked[], horizonS = 30, at = clocks): BoardRun {
  const open = (): ServedNetwork[] =>
    asked.map(({ network, unit, ratePerS, pauseS = 0 }, index) => {
      const random = new Random(index);
      const asks =
        ratePerS === undefined
          ? { pauseS: () => pauseS }
          : { next: arrivalTimes(ratePerS, random.fork(), false), queueLength: 16 };
      return { network, unit, random, priority: 1, asks };
    });
  const isOpen = asked.every(({ ratePerS }) => ratePerS !== undefined);
  const ratePerS = isOpen ? asked.map((one) => one.ratePerS ?? 0) : null;
  return serveOnBoard(model, at, open, horizonS, ratePerS);
}

const aloneMs = (network: string, unit: UnitName, at = clocks): number =>
  model.latencyMs(network, unit, at) ?? assert.fail();

function meanMs({ networks }: BoardRun, index: number): number {
  const latencyS = networks[index]?.latencyS ?? assert.fail();
  return (1000 * latencyS.reduce((sum, value) => sum + value, 0)) / latencyS.length;
}

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual / expected - 1) < tolerance, `${what}: ${actual} instead of ${expected}`);
}

describe('networks on a simulated board, request by request', () => {
  const heavy = 'resnet152-fp16';
  const light = 'resnet50-fp16';

  it('slow each other down over the memory between units, and not on one', () => {
    const together = serve([
      { network: heavy, unit: 'gpu' },
      { network: light, unit: 'gpu' },
    ]);
    const bothMs = aloneMs(heavy, 'gpu') + aloneMs(light, 'gpu');
    for (const index of [0, 1]) near(meanMs(together, index), bothMs, 0.01, 'in turns on the GPU');
    const apart = serve([
      { network: heavy, unit: 'gpu' },
      { network: light, unit: 'dla0' },
    ]);
    for (const [index, alone] of [aloneMs(heavy, 'gpu'), aloneMs(light, 'dla0')].entries()) {
      const slowdown = meanMs(apart, index) / alone;
      assert.ok(slowdown > 1.02 && slowdown < 1.6, `${slowdown}`);
    }
    // Each by what the others take of the memory.
    const rates = apart.networks.map(({ latencyS }) => latencyS.length / 30);
    const { memorySlowdown } = model.run(
      [
        { network: heavy, stages: [{ unit: 'gpu' }], ratePerS: rates[0] ?? 0 },
        { network: light, stages: [{ unit: 'dla0' }], ratePerS: rates[1] ?? 0 },
      ],
      clocks,
    );
    assert.ok(Math.abs(memorySlowdown.gpu - memorySlowdown.dla0) > 0.03, 'not the same for both');
    near(meanMs(apart, 0), memorySlowdown.gpu * aloneMs(heavy, 'gpu'), 0.01, 'on the GPU');
    near(meanMs(apart, 1), memorySlowdown.dla0 * aloneMs(light, 'dla0'), 0.01, 'on the DLA');
    const rare = serve([
      { network: heavy, unit: 'gpu' },
      { network: light, unit: 'dla0', pauseS: 10 * (aloneMs(light, 'dla0') / 1000) },
    ]);
    assert.ok(meanMs(rare, 0) < meanMs(apart, 0), 'who asks less takes less of the memory');
    near(meanMs(serve([{ network: heavy, unit: 'gpu' }]), 0), aloneMs(heavy, 'gpu'), 0.01, 'alone');
  });

  it('answer clients as often as run and pause allow', () => {
    const { networks, busy } = serve([{ network: light, unit: 'gpu', pauseS: 0.02 }], 60);
    const runS = aloneMs(light, 'gpu') / 1000;
    near((networks[0]?.latencyS.length ?? 0) / 60, 1 / (runS + 0.02), 0.01, 'answers per second');
    near(busy.gpu, runS / (runS + 0.02), 0.02, 'busy');
    assert.equal(busy.dla0, 0);
  });

  it('answer what comes at random, each asked for on its own unit', () => {
    const run = serve(
      [
        { network: light, unit: 'gpu', ratePerS: 20 },
        { network: light, unit: 'dla0', ratePerS: 10 },
      ],
      300,
    );
    for (const [index, ratePerS] of [20, 10].entries()) {
      const { latencyS, offered, refused } = run.networks[index] ?? assert.fail();
      assert.equal(offered, latencyS.length + refused);
      near(offered / 300, ratePerS, 0.06, 'requests per second');
    }
    near(run.busy.dla0, (10 * aloneMs(light, 'dla0')) / 1000, 0.2, 'busy DLA');
  });

  it('draw idle power with nothing to do, more the more they do, and full power at most', () => {
    const idleW = model.idleW(clocks);
    assert.equal(serve([]).powerW, idleW);
    const [rare, often, always] = [0.5, 0.05, 0].map(
      (pauseS) => serve([{ network: heavy, unit: 'gpu', pauseS }]).powerW,
    );
    assert.ok(rare !== undefined && often !== undefined && always !== undefined);
    assert.ok(idleW < rare && rare < often && often < always, `${idleW} ${rare} ${often} ${always}`);
    const alone = model.run([{ network: heavy, stages: [{ unit: 'gpu' }], ratePerS: null }], clocks).powerW;
    near(always, alone, 0.01, 'without a pause');
    // Requests beyond what the unit can do change nothing.
    const overloaded = serve([{ network: heavy, unit: 'gpu', ratePerS: 10_000 / aloneMs(heavy, 'gpu') }]);
    near(overloaded.powerW, alone, 0.01, 'overloaded');
    assert.ok((overloaded.networks[0]?.refused ?? 0) > 0);
    assert.equal(overloaded.busy.gpu, 1);
  });

  it('take longer and draw less at slower clocks', () => {
    const slow = model.mode('MODE_15W');
    const [fast, slower] = [clocks, slow].map((at) => serve([{ network: heavy, unit: 'gpu' }], 30, at));
    assert.ok(fast !== undefined && slower !== undefined);
    near(meanMs(slower, 0), aloneMs(heavy, 'gpu', slow), 0.01, 'slow clocks');
    assert.ok(meanMs(slower, 0) > 1.5 * meanMs(fast, 0));
    assert.ok(slower.powerW < fast.powerW);
  });

  it('do not run on units that they are not made for', () => {
    assert.throws(() => serve([{ network: 'fcn-resnet50', unit: 'dla0' }]), /does not run on dla0/);
    assert.throws(() => serve([{ network: 'fcn-resnet50', unit: 'dla0', ratePerS: 1 }]), /does not run on dla0/);
  });
});
