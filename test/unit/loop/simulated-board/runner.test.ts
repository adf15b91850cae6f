import assert from 'node:assert/strict';
import { LoopBoard, tenantsOf } from '../../../../src/loop/simulated-board/board';
import { BoardCoLocations } from '../../../../src/loop/simulated-board/runner';
import type { NetworkToRun } from '../../../../src/signals/co-location-run';
import type { OperatingPoint } from '../../../../src/signals/device';
import { boardFamilies } from '../../../../src/simulation/devices/workloads/families';
import { Random } from '../../../../src/simulation/random';

const board = new LoopBoard('agx-xavier');
const tenants = tenantsOf({
  ...{ name: 'all', seed: 1, arrivals: 'poisson', tightness: 16, load: 0.4 },
  tenants: boardFamilies.map((family) => ({ name: family.name, family, latencyLimitMs: 100, ratePerS: 1 })),
});
const points = board.describe().operatingPoints;
const [fastest = assert.fail()] = points;
const slowest = points[points.length - 1] ?? assert.fail();

function runner(seed = 1, point: OperatingPoint = fastest): BoardCoLocations {
  return new BoardCoLocations(board, { operatingPointInForce: () => point }, tenants, new Random(seed));
}

const network = (family: string, variant: string, component: string, pauseS = 0): NetworkToRun => ({
  ...{ name: `${family} ${variant}`, path: `/simulated/${family}/${variant}`, sha256: null, dims: null, pauseS },
  stages: [{ component, firstNode: 0 }],
});
const resnet = (component: string, pauseS = 0): NetworkToRun => network('resnet', 'resnet50', component, pauseS);
const vgg = network('vgg', 'vgg16', 'gpu');

function near(actual: number | undefined, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs((actual ?? NaN) / expected - 1) < tolerance, `${what}: ${actual} instead of ${expected}`);
}

describe('co-locations that are measured on a simulated board', () => {
  const aloneMs = (name: string, unit: 'gpu' | 'dla0' | 'cpu', point = fastest): number =>
    board.model.latencyMs(name, unit, board.clocksAt(point.name)) ?? assert.fail();

  it('tell latencies, answers and simulated power of networks that take turns', async () => {
    const run = await runner().measure([resnet('gpu'), vgg]);
    const bothMs = aloneMs('resnet50-fp16', 'gpu') + aloneMs('vgg16-fp16', 'gpu');
    assert.equal(run.networks.length, 2);
    for (const result of run.networks) {
      near(result?.meanMs, bothMs, 0.03, 'mean');
      assert.ok((result?.p50Ms ?? 0) <= (result?.p95Ms ?? 0));
      assert.ok((result?.answers ?? 0) >= 39, `${result?.answers}`);
      assert.equal(result?.pauseS, 0);
    }
    assert.deepEqual(run.leftOut, []);
    assert.ok(run.durationS >= 3);
    assert.equal(run.power.source, 'simulated');
    const idleW = board.model.idleW(board.clocksAt('MAXN'));
    assert.ok((run.power.powerW ?? 0) > idleW + 5, `${run.power.powerW}`);
  });

  it('go by the operating point in force', async () => {
    for (const point of [fastest, slowest]) {
      const run = await runner(1, point).measure([resnet('gpu')]);
      near(run.networks[0]?.meanMs, aloneMs('resnet50-fp16', 'gpu', point), 0.02, point.name);
    }
  });

  it('have pauses, and tell how long these were in the mean', async () => {
    const pauseS = 0.1;
    const run = await runner().measure([resnet('gpu', pauseS)]);
    const [result] = run.networks;
    assert.ok(result !== null && result !== undefined);
    near(result.pauseS, pauseS, 0.5, 'mean pause');
    assert.notEqual(result.pauseS, pauseS, 'as it came out, not as it was asked for');
    // A cycle is a run and a pause: only with the pauses as they were does it come to what was measured.
    near(run.durationS / result.answers, result.meanMs / 1000 + result.pauseS, 0.05, 'cycle');
  });

  it('are the same again from the same seed, and vary as measurements do', async () => {
    const asked = [resnet('gpu', 0.02), resnet('dla0'), network('classes-on-cores', 'efficientnet-lite4', 'cpu')];
    assert.deepEqual(await runner(5).measure(asked), await runner(5).measure(asked));
    const one = runner(5);
    const [first, second] = [await one.measure(asked), await one.measure(asked)];
    assert.notEqual(first.power.powerW, second.power.powerW);
    near(first.power.powerW ?? 0, second.power.powerW ?? 0, 0.1, 'power');
  });

  it('are refused on a component that the board does not have, or that does not run the network', async () => {
    for (const asked of [resnet('npu'), network('vgg', 'vgg16', 'cpu'), network('vgg', 'vgg99', 'gpu')])
      await assert.rejects(runner().measure([vgg, asked]), { code: 'INVALID_CONFIG', message: /does not run on/ });
  });

  it('are given up when asked to, with the reason', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await assert.rejects(runner().measure([vgg], stop.signal), /enough/);
    await runner().close();
  });
});
