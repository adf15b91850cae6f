import assert from 'node:assert/strict';
import { LoopBoard, tenantsOf } from '../../../../src/loop/simulated-board/board';
import { BoardExecutor } from '../../../../src/loop/simulated-board/executor';
import type { OperatingPoint } from '../../../../src/signals/device';
import type { Plan } from '../../../../src/signals/plan';
import { telemetrySchema, type Telemetry, type TenantTelemetry } from '../../../../src/signals/telemetry';
import { seededMixes } from '../../../../src/simulation/devices/workloads/mixes';

const board = new LoopBoard('agx-xavier');
const [mix = assert.fail()] = seededMixes(board.model, 1, 1);
const tenants = tenantsOf(mix);
const { operatingPoints } = board.describe();
const [fastest = assert.fail()] = operatingPoints;
const slowest = operatingPoints[operatingPoints.length - 1] ?? assert.fail();

/** What each tenant runs: the place of a variant in its family. */
function planOf(variant: number, component: string, point = fastest): Plan {
  return {
    planId: `${variant} on ${component}`,
    createdAt: '2026-01-05T00:00:00Z',
    tenants: tenants.map(({ name, variants, latencyLimitMs }, at) => {
      const { name: chosen, accuracy } = variants[variant] ?? assert.fail();
      return {
        ...{ tenant: name, variant: chosen, accuracy, latencyLimitMs, latencyMs: null, meetsLimit: true },
        stages: [{ stage: 0, component, firstNode: 0 }],
        energyJ: 0.1 * (at + 1),
        alwaysMax: { variant: variants[0]?.name ?? '', accuracy: variants[0]?.accuracy ?? 0, energyJ: 0.5 },
      };
    }),
    ...{ operatingPoint: point, capW: 30, powerW: { expected: 20, lower: 15, upper: 25 }, powerSource: 'modelled' },
    ...{ feasible: true, why: ['test'], search: { estimator: 'analytic', candidates: 1, evaluated: 1, elapsedMs: 0 } },
  };
}

class Bench {
  atS = 0;
  /** In force, as the cap puts it; what plans were made for follows in `play`. */
  point = fastest;
  readonly executor: BoardExecutor;

  constructor(seed = 1) {
    const epochMs = (): number => Date.UTC(2026, 0, 5) + 1000 * this.atS;
    const operatingPointInForce = (): OperatingPoint => this.point;
    this.executor = new BoardExecutor({
      ...{ board, tenants, arrivals: mix.arrivals, seed, epochMs, operatingPointInForce },
    });
  }

  async play(plan: Plan | null, seconds = 60, point = plan?.operatingPoint ?? fastest): Promise<Telemetry> {
    this.point = point;
    if (plan !== null) await this.executor.applyPlan(plan);
    this.atS += seconds;
    return this.executor.takeTelemetry();
  }
}

const offeredOf = ({ tenants: all }: Telemetry): number[] => all.map(({ offered }) => offered);
const sumOf = (all: readonly TenantTelemetry[], of: (one: TenantTelemetry) => number): number =>
  all.reduce((sum, one) => sum + of(one), 0);

describe('the executor of a simulated board', () => {
  it('does nothing before the first plan, and does not know what that takes', async () => {
    const bench = new Bench();
    const telemetry = await bench.play(null);
    telemetrySchema.parse(telemetry);
    assert.deepEqual(telemetry.tenants, []);
    assert.deepEqual([telemetry.energy.totalJ, telemetry.energy.idleJ], [null, null]);
    assert.equal(telemetry.planId, null);
    assert.equal(bench.executor.powerW, null);
    assert.equal(bench.executor.latencyMs, null);
  });

  it('accounts for every request: served or refused, in time or late', async () => {
    const bench = new Bench();
    // The most accurate variants on the slowest clocks of the DLA: far too much.
    for (const plan of [planOf(0, 'gpu'), planOf(0, 'dla0', slowest)]) {
      const telemetry = await bench.play(plan);
      telemetrySchema.parse(telemetry);
      assert.equal(telemetry.planId, plan.planId);
      assert.equal(telemetry.durationS, 60);
      telemetry.tenants.forEach(({ tenant, offered, served, rejected, failed, late, reasons, byVariant }, at) => {
        assert.equal(offered, served + rejected + failed);
        assert.deepEqual(reasons, rejected > 0 ? { QUEUE_FULL: rejected } : {});
        assert.equal(byVariant[0]?.served, served);
        assert.equal(byVariant[0]?.inTime, served - late);
        const rate = tenants[at]?.arrivalRatePerS ?? 0;
        assert.equal(tenant, tenants[at]?.name);
        assert.ok(Math.abs(offered / 60 / rate - 1) < 0.2, `${offered} in 60 s at ${rate} per s`);
      });
    }
    const overloaded = await bench.play(planOf(0, 'dla0', slowest));
    assert.ok(sumOf(overloaded.tenants, ({ rejected }) => rejected) > 0);
    assert.ok(sumOf(overloaded.tenants, ({ late }) => late) > 0);
    const light = await bench.play(planOf(2, 'gpu'));
    assert.equal(
      sumOf(light.tenants, ({ rejected }) => rejected),
      0,
    );
    for (const { late, served } of light.tenants) assert.ok(late < 0.01 * served);
  });

  it('serves at the operating point in force, whatever a plan was made for', async () => {
    const plan = planOf(2, 'gpu', slowest);
    const asked = await new Bench().play(plan);
    const still = await new Bench().play(plan, 60, fastest);
    const other = await new Bench().play(planOf(2, 'gpu', fastest));
    assert.deepEqual([asked.operatingPoint, still.operatingPoint], [slowest.name, fastest.name]);
    assert.deepEqual(still.energy, other.energy);
    assert.notDeepEqual(still.energy, asked.energy);
  });

  it('counts as late what takes longer than the limit', async () => {
    const plan = planOf(0, 'gpu');
    const { tenants: known } = await new Bench().play(plan);
    const tight = { ...plan, tenants: plan.tenants.map((one) => ({ ...one, latencyLimitMs: 0.001 })) };
    for (const { late, served, effectiveAccuracy } of (await new Bench().play(tight)).tenants)
      assert.deepEqual([late, effectiveAccuracy], [served, null]);
    const wide = { ...plan, tenants: plan.tenants.map((one) => ({ ...one, latencyLimitMs: 1e6 })) };
    for (const [at, { late, effectiveAccuracy }] of (await new Bench().play(wide)).tenants.entries())
      assert.deepEqual([late, effectiveAccuracy], [0, plan.tenants[at]?.accuracy]);
    // Half of the answers are at most as slow as the median.
    const medians = known.map(({ latencyMs }) => latencyMs?.p50 ?? 0);
    const half = {
      ...plan,
      tenants: plan.tenants.map((one, at) => ({ ...one, latencyLimitMs: medians[at] ?? 0 })),
    };
    for (const { late, served } of (await new Bench().play(half)).tenants)
      assert.ok(Math.abs(late / served - 0.5) < 0.01, `${late} of ${served}`);
  });

  it('meets the same requests whatever is planned, others in each window and for each seed', async () => {
    const days = await Promise.all(
      [planOf(0, 'gpu'), planOf(2, 'gpu', slowest)].map(async (plan) => {
        const bench = new Bench();
        return [offeredOf(await bench.play(plan)), offeredOf(await bench.play(plan))];
      }),
    );
    assert.deepEqual(days[0], days[1]);
    assert.notDeepEqual(days[0]?.[0], days[0]?.[1]);
    assert.notDeepEqual(offeredOf(await new Bench(2).play(planOf(0, 'gpu'))), days[0]?.[0]);
    // Nor does the order of a plan's tenants matter.
    const plan = planOf(0, 'gpu');
    const turned = await new Bench().play({ ...plan, tenants: [...plan.tenants].reverse() });
    assert.deepEqual(offeredOf(turned).reverse(), days[0]?.[0]);
  });

  it('takes the energy of the board, simulated: idle, and what the tenants did, of whom dear ones bear more', async () => {
    const bench = new Bench();
    const { energy, tenants: all } = await bench.play(planOf(0, 'gpu'));
    assert.equal(energy.source, 'simulated');
    const { totalJ, idleJ } = energy;
    assert.ok(totalJ !== null && idleJ !== null);
    assert.equal(idleJ, 60 * board.model.idleW(board.clocksAt('MAXN')));
    assert.ok(totalJ > idleJ);
    assert.equal(bench.executor.powerW, totalJ / 60);
    assert.ok(Math.abs(sumOf(all, ({ energyJ }) => energyJ ?? NaN) - (totalJ - idleJ)) < 1e-6 * totalJ);
    const perAnswer = all.map(({ energyJ, served }) => (energyJ ?? NaN) / served);
    perAnswer.forEach((joules, at) => {
      assert.ok(Math.abs(joules / (perAnswer[0] ?? 0) / (at + 1) - 1) < 1e-9, 'in proportion to what the plan says');
    });
    for (const { alwaysMaxEnergyJ, served } of all) assert.equal(alwaysMaxEnergyJ, 0.5 * served);
    const lighter = await new Bench().play(planOf(2, 'gpu'));
    assert.ok((lighter.energy.totalJ ?? 0) < totalJ);
    const slower = await new Bench().play(planOf(2, 'gpu', slowest));
    assert.ok((slower.energy.totalJ ?? 0) < (lighter.energy.totalJ ?? 0));
  });

  it('is busy where the plan says', async () => {
    const { components } = await new Bench().play(planOf(0, 'dla0'));
    const busy = Object.fromEntries(components.map(({ component, busyFraction }) => [component, busyFraction]));
    assert.ok((busy.dla0 ?? 0) > 0.1 && busy.gpu === 0 && busy.cpu === 0, JSON.stringify(busy));
  });

  it('counts changes of variants, in the window in which they were made', async () => {
    const bench = new Bench();
    const swapsOf = ({ tenants: all }: Telemetry): number[] => all.map(({ swaps }) => swaps);
    assert.deepEqual(
      swapsOf(await bench.play(planOf(0, 'gpu'))),
      tenants.map(() => 0),
    );
    const { swaps, applied } = await bench.executor.applyPlan(planOf(1, 'gpu'));
    assert.deepEqual([applied, swaps], [true, tenants.length]);
    // To another component with the same variant: no change of variant.
    assert.equal((await bench.executor.applyPlan(planOf(1, 'dla0'))).swaps, 0);
    assert.deepEqual(
      swapsOf(await bench.play(null)),
      tenants.map(() => 1),
    );
    assert.deepEqual(
      swapsOf(await bench.play(null)),
      tenants.map(() => 0),
    );
  });

  it('knows the latencies of all answers so far', async () => {
    const bench = new Bench();
    const first = await bench.play(planOf(2, 'gpu'));
    const once = bench.executor.latencyMs ?? assert.fail();
    assert.ok(once.p50 > 0 && once.p50 <= once.p99);
    assert.ok(once.p99 <= Math.max(...first.tenants.map(({ latencyMs }) => latencyMs?.maximum ?? 0)));
    await bench.play(planOf(0, 'gpu', slowest), 300);
    assert.ok((bench.executor.latencyMs?.p50 ?? 0) > once.p50);
  });
});
