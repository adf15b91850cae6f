import type { OperatingPoint } from '../../signals/device';
import type { Plan, PlanTenant } from '../../signals/plan';
import { quantile } from '../../signals/statistics';
import type { LatencyQuantiles, Telemetry, TenantTelemetry } from '../../signals/telemetry';
import type { Tenant } from '../../signals/tenant';
import type { ClockState } from '../../simulation/devices';
import { Random } from '../../simulation/random';
import { servingUnits } from '../../simulation/devices/workloads/families';
import type { Arrivals } from '../../simulation/devices/workloads/mixes';
import { arrivalTimes, type StreamResult } from '../../simulation/devices/workloads/requests';
import { serveOnBoard, type BoardRun, type ServedNetwork } from '../../simulation/devices/workloads/serving';
import type { LoopBoxes } from '../loop';
import type { LoopBoard } from './board';

export interface BoardExecutorOptions {
  readonly board: LoopBoard;
  readonly tenants: readonly Tenant[];
  readonly arrivals: Arrivals;
  /** Same seed, same requests, whatever is planned. */
  readonly seed: number;
  /** Whatever a plan was made for: a cap that follows plans takes its time. */
  readonly operatingPointInForce: () => OperatingPoint;
  /** Of the simulated time, ms since the epoch. */
  readonly epochMs: () => number;
}

/** Requests of a tenant that may wait. */
const queueLength = 16;

/** Stands for the inference executor on a simulated board: a plan is in force at once, a window of requests is simulated when it ends. */
export class BoardExecutor implements Pick<LoopBoxes['executor'], 'onCarbon' | 'applyPlan' | 'takeTelemetry'> {
  /** Of all answers so far, s. */
  private readonly latencies: Float64Array[] = [];
  private plan: Plan | null = null;
  private fromMs: number;
  private windows = 0;
  private swaps = new Map<string, number>();
  private lastPowerW: number | null = null;

  constructor(private readonly options: BoardExecutorOptions) {
    this.fromMs = options.epochMs();
  }

  /** Mean of the last window, W; null before its end. */
  get powerW(): number | null {
    return this.lastPowerW;
  }

  get latencyMs(): { readonly p50: number; readonly p99: number } | null {
    const all = new Float64Array(this.latencies.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const some of this.latencies) {
      all.set(some, at);
      at += some.length;
    }
    const [p50, p99] = [quantile(all, 0.5), quantile(all, 0.99)];
    return p50 === null || p99 === null ? null : { p50: 1000 * p50, p99: 1000 * p99 };
  }

  onCarbon(): void {
    // Requests are told nothing here.
  }

  applyPlan(plan: Plan): Promise<{ applied: boolean; swaps: number; why: string[] }> {
    let swaps = 0;
    for (const { tenant, variant } of plan.tenants) {
      const before = this.plan?.tenants.find((one) => one.tenant === tenant)?.variant ?? variant;
      if (before === variant) continue;
      swaps += 1;
      this.swaps.set(tenant, (this.swaps.get(tenant) ?? 0) + 1);
    }
    this.plan = plan;
    return Promise.resolve({ applied: true, swaps, why: [] });
  }

  takeTelemetry(): Telemetry {
    const { plan, fromMs } = this;
    const { board, epochMs, operatingPointInForce } = this.options;
    const point = operatingPointInForce().name;
    const clocks = board.clocksAt(point);
    const toMs = epochMs();
    this.fromMs = toMs;
    const durationS = (toMs - fromMs) / 1000;
    const run = plan === null || durationS <= 0 ? null : this.serve(plan, clocks, durationS);
    this.lastPowerW = run?.powerW ?? null;
    const idleJ = plan === null ? null : board.model.idleW(clocks) * durationS;
    const totalJ = run === null ? idleJ : run.powerW * durationS;
    const dynamicJ = totalJ === null || idleJ === null ? null : totalJ - idleJ;
    const swaps = this.swaps;
    this.swaps = new Map();
    this.windows += 1;
    const weights = (plan?.tenants ?? []).map(
      ({ energyJ }, at) => (energyJ ?? 0) * (run?.networks[at]?.latencyS.length ?? 0),
    );
    const weight = weights.reduce((sum, one) => sum + one, 0);
    for (const { latencyS } of run?.networks ?? []) this.latencies.push(latencyS);
    return {
      windowFrom: new Date(fromMs).toISOString(),
      windowTo: new Date(toMs).toISOString(),
      durationS,
      tenants: (plan?.tenants ?? []).map((planned, at) => {
        const share = weight > 0 ? (weights[at] ?? 0) / weight : 0;
        return tenantOf(
          planned,
          run?.networks[at] ?? null,
          dynamicJ === null ? null : share * dynamicJ,
          swaps.get(planned.tenant) ?? 0,
        );
      }),
      components: board.components.map(({ name }) => ({
        component: name,
        busyFraction: run?.busy[servingUnits.find((unit) => unit === name) ?? 'gpu'] ?? 0,
        ...{ cpuSeconds: 0, restarts: 0, recycled: 0 },
      })),
      energy: { totalJ, idleJ, source: 'simulated', method: `simulated: ${board.model.powerSource}` },
      operatingPoint: point,
      capW: plan?.capW ?? null,
      planId: plan?.planId ?? null,
    };
  }

  private serve(plan: Plan, clocks: ClockState, durationS: number): BoardRun {
    const { board, tenants, seed, arrivals } = this.options;
    const window = new Random(1000 * seed + this.windows);
    const seeds = tenants.map(() => window.integer(0, 2 ** 30));
    const open = (): ServedNetwork[] =>
      plan.tenants.map(({ tenant: name, variant, stages }) => {
        const at = tenants.findIndex((one) => one.name === name);
        const tenant = tenants[at];
        const unit = servingUnits.find((one) => one === stages[0]?.component);
        const network = tenant === undefined || unit === undefined ? null : board.networkOf(tenant, variant, unit);
        if (tenant === undefined || unit === undefined || network === null)
          throw new RangeError(`${name} ${variant} does not run on ${stages[0]?.component ?? 'nothing'}`);
        const random = new Random(seeds[at] ?? 0);
        const next = arrivalTimes(tenant.arrivalRatePerS, random.fork(), arrivals === 'bursty');
        return { network, unit, random, priority: tenant.priority, asks: { next, queueLength } };
      });
    const rates = plan.tenants.map(({ tenant }) => tenants.find(({ name }) => name === tenant)?.arrivalRatePerS ?? 0);
    return serveOnBoard(board.model, clocks, open, durationS, rates);
  }
}

function tenantOf(
  { tenant, variant, accuracy, latencyLimitMs, alwaysMax }: PlanTenant,
  result: StreamResult | null,
  energyJ: number | null,
  swaps: number,
): TenantTelemetry {
  const { latencyS, offered, refused } = result ?? { latencyS: new Float64Array(0), offered: 0, refused: 0 };
  const served = latencyS.length;
  const inTime = latencyS.reduce((sum, seconds) => sum + (1000 * seconds <= latencyLimitMs ? 1 : 0), 0);
  return {
    ...{ tenant, variant, latencyLimitMs, offered, served, rejected: refused, failed: 0, energyJ, swaps },
    late: served - inTime,
    reasons: refused > 0 ? { QUEUE_FULL: refused } : {},
    latencyMs: quantilesOf(latencyS),
    queueMs: null,
    effectiveAccuracy: inTime > 0 ? accuracy : null,
    byVariant: served > 0 ? [{ variant, accuracy, served, inTime, energyJ }] : [],
    alwaysMaxEnergyJ: alwaysMax.energyJ === null ? null : served * alwaysMax.energyJ,
    executions: served,
    downgraded: 0,
  };
}

function quantilesOf(latencyS: Float64Array): LatencyQuantiles | null {
  const at = (share: number): number => 1000 * (quantile(latencyS, share) ?? Number.NaN);
  if (latencyS.length === 0) return null;
  const mean = (1000 * latencyS.reduce((sum, value) => sum + value, 0)) / latencyS.length;
  return { mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), maximum: at(1) };
}
