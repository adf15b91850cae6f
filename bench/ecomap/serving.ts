import { quantile } from '../../src/signals/statistics';
import type { DeviceModel, Placement, UnitName } from '../../src/simulation/devices';
import { Random } from '../../src/simulation/random';
import type { Mix } from '../../src/simulation/devices/workloads/mixes';
import type { BoardPoint } from '../../src/simulation/devices/workloads/points';
import { arrivalTimes, simulateUnit, type RequestStream } from '../../src/simulation/devices/workloads/requests';

/** What the tenants get of a plan, single requests simulated. */
export interface Served {
  /** By tenant: requests answered within the limit over all that came. */
  readonly attainment: readonly number[];
  readonly leastAttainment: number;
  /** Means over the tenants, each tenant counting alike. */
  readonly meanLatencyMs: number;
  /** Over all requests, as the ledger's opCDP has it. */
  readonly requestLatencyMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
}

/** Requests of the tenant that asks least, and of all together. */
const leastRequests = 300;
const mostRequests = 12_000;
/** Requests that may wait; those beyond are refused. */
const queueLength = 16;

/** Simulates what requests meet: random arrivals, one queue per tenant, units that compute for their tenants in turns. */
export class PlanServing {
  private readonly known = new Map<number, Served>();

  constructor(
    private readonly model: DeviceModel,
    private readonly mix: Mix,
  ) {}

  get simulated(): number {
    return this.known.size;
  }

  of(id: number, placements: readonly Placement[], point: BoardPoint): Served {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const served = this.simulate(placements, point);
    this.known.set(id, served);
    return served;
  }

  private simulate(placements: readonly Placement[], { clocks }: BoardPoint): Served {
    const { tenants, seed } = this.mix;
    const outcome = this.model.run(placements, clocks);
    const random = new Random(seed);
    const least = Math.min(...tenants.map(({ ratePerS }) => ratePerS));
    const sum = tenants.reduce((total, { ratePerS }) => total + ratePerS, 0);
    const horizonS = Math.min(leastRequests / least, Math.max(mostRequests / sum, 60 / least));
    const latencies: Float64Array[] = [];
    const attainment: number[] = [];
    let requests = 0;
    const units = [...new Set(placements.map(({ stages: [{ unit }] }) => unit))];
    for (const unit of units) {
      const here = placements.flatMap(({ stages: [stage] }, at) => (stage.unit === unit ? [at] : []));
      const slowed = this.memoryFactor(unit, here, placements, clocks, outcome.busy[unit]);
      const streams = here.map((at): RequestStream => {
        const { network = '' } = placements[at] ?? {};
        const serviceS = ((this.model.latencyMs(network, unit, clocks) ?? 0) * slowed) / 1000;
        const own = random.fork();
        const next = arrivalTimes(tenants[at]?.ratePerS ?? 0, own, this.mix.arrivals === 'bursty');
        return { serviceS, random: own, asks: { next, queueLength } };
      });
      simulateUnit(streams, horizonS).forEach(({ latencyS, offered }, index) => {
        const at = here[index] ?? 0;
        const limitS = (tenants[at]?.latencyLimitMs ?? 0) / 1000;
        latencies[at] = latencyS;
        const inTime = latencyS.reduce((sum, value) => sum + (value <= limitS ? 1 : 0), 0);
        attainment[at] = inTime / Math.max(1, offered);
        requests += offered;
      });
    }
    const mean = (of: (values: Float64Array) => number): number =>
      latencies.reduce((total, values) => total + 1000 * of(values), 0) / latencies.length;
    return {
      attainment,
      leastAttainment: Math.min(...attainment),
      meanLatencyMs: mean((values) => values.reduce((total, value) => total + value, 0) / Math.max(1, values.length)),
      requestLatencyMs:
        (1000 * sumOf(latencies.map(sumOf))) / Math.max(1, sumOf(latencies.map(({ length }) => length))),
      p50Ms: mean((values) => quantile(values, 0.5) ?? 0),
      p99Ms: mean((values) => quantile(values, 0.99) ?? 0),
      requests,
    };
  }

  /** How much the other units' traffic slows this one: what the mean values say it is busy, over what it would be alone. */
  private memoryFactor(
    unit: UnitName,
    here: readonly number[],
    placements: readonly Placement[],
    clocks: BoardPoint['clocks'],
    busy: number,
  ): number {
    const alone = here.reduce((sum, at) => {
      const { network = '', ratePerS } = placements[at] ?? {};
      return sum + ((ratePerS ?? 0) * (this.model.latencyMs(network, unit, clocks) ?? 0)) / 1000;
    }, 0);
    return alone > 0 && busy < 1 ? Math.max(1, busy / alone) : 1;
  }
}

const sumOf = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index] ?? 0;
  return sum;
};
