import { quantile } from '../../src/signals/statistics';
import type { DeviceModel, Placement, UnitName } from '../../src/simulation/devices';
import { Random } from '../../src/simulation/random';
import type { BenchTenant, Mix } from './mixes';
import type { BenchPoint } from './operating-points';

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
/** Spread of the run time of one network around its mean. */
const jitter = 0.03;
/** Bursts: a third of the time twice the mean rate, else half of it, for so many requests each. */
const burst = { high: 2, low: 0.5, requests: 30 } as const;

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

  of(id: number, placements: readonly Placement[], point: BenchPoint): Served {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const served = this.simulate(placements, point);
    this.known.set(id, served);
    return served;
  }

  private simulate(placements: readonly Placement[], { clocks }: BenchPoint): Served {
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
      const streams = here.map((at): Stream => {
        const { network = '' } = placements[at] ?? {};
        const serviceS = ((this.model.latencyMs(network, unit, clocks) ?? 0) * slowed) / 1000;
        return { tenant: tenants[at] as BenchTenant, serviceS, random: random.fork() };
      });
      simulateUnit(streams, horizonS, this.mix.arrivals === 'bursty').forEach((result, index) => {
        const at = here[index] ?? 0;
        latencies[at] = result.latencyS;
        attainment[at] = result.inTime / Math.max(1, result.offered);
        requests += result.offered;
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
    clocks: BenchPoint['clocks'],
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

interface Stream {
  readonly tenant: BenchTenant;
  readonly serviceS: number;
  readonly random: Random;
}

interface StreamResult {
  readonly latencyS: Float64Array;
  readonly offered: number;
  readonly inTime: number;
}

/** One unit: it shares its time evenly among the tenants that have something to do, and serves each in order. */
function simulateUnit(streams: readonly Stream[], horizonS: number, bursty: boolean): StreamResult[] {
  const count = streams.length;
  const queues = streams.map((): number[] => []);
  const heads = new Array<number>(count).fill(0);
  const left = new Float64Array(count);
  const latencies = streams.map((): number[] => []);
  const offered = new Array<number>(count).fill(0);
  const sources = streams.map(({ tenant, random }) => arrivalTimes(tenant.ratePerS, random, bursty));
  const next = sources.map((source) => source());
  let now = 0;
  let active = 0;
  for (;;) {
    // What comes first: an arrival, or the end of the work that is nearest to its end.
    let arriving = 0;
    for (let at = 1; at < count; at += 1) if ((next[at] ?? Infinity) < (next[arriving] ?? Infinity)) arriving = at;
    const arrivalS = next[arriving] ?? Infinity;
    let ending = -1;
    if (active > 0) {
      for (let at = 0; at < count; at += 1) {
        if ((queues[at]?.length ?? 0) > (heads[at] ?? 0) && (ending < 0 || (left[at] ?? 0) < (left[ending] ?? 0)))
          ending = at;
      }
    }
    const endS = ending < 0 ? Infinity : now + (left[ending] ?? 0) * active;
    if (arrivalS > horizonS && ending < 0) break;
    const until = Math.min(endS, arrivalS > horizonS ? Infinity : arrivalS);
    const done = active > 0 ? (until - now) / active : 0;
    for (let at = 0; at < count; at += 1)
      if ((queues[at]?.length ?? 0) > (heads[at] ?? 0)) left[at] = (left[at] ?? 0) - done;
    now = until;
    if (ending >= 0 && endS <= (arrivalS > horizonS ? Infinity : arrivalS)) {
      const queue = queues[ending];
      const head = heads[ending] ?? 0;
      if (queue === undefined) break;
      latencies[ending]?.push(now - (queue[head] ?? now));
      heads[ending] = head + 1;
      if (queue.length > head + 1) left[ending] = serviceOf(streams[ending]);
      else active -= 1;
    } else {
      const queue = queues[arriving];
      if (queue === undefined) break;
      offered[arriving] = (offered[arriving] ?? 0) + 1;
      const waiting = queue.length - (heads[arriving] ?? 0);
      if (waiting === 0) {
        left[arriving] = serviceOf(streams[arriving]);
        active += 1;
      }
      if (waiting <= queueLength) queue.push(now);
      next[arriving] = sources[arriving]?.() ?? Infinity;
    }
  }
  return streams.map(({ tenant }, at) => {
    const latencyS = Float64Array.from(latencies[at] ?? []);
    const limitS = tenant.latencyLimitMs / 1000;
    return {
      latencyS,
      offered: offered[at] ?? 0,
      inTime: latencyS.reduce((sum, value) => sum + (value <= limitS ? 1 : 0), 0),
    };
  });
}

const serviceOf = (stream: Stream | undefined): number =>
  stream === undefined ? 0 : stream.serviceS * (1 + jitter * stream.random.grain());

function arrivalTimes(ratePerS: number, random: Random, bursty: boolean): () => number {
  let at = 0;
  if (!bursty) return () => (at += random.exponential(1 / ratePerS));
  let high = random.chance(1 / 3);
  let until = 0;
  const turn = (): void => {
    high = !high;
    // Low states last twice as long as high ones, so that the mean rate is kept.
    until = at + random.exponential(((high ? 1 : 2) * burst.requests) / ratePerS);
  };
  turn();
  return () => {
    for (;;) {
      const gap = random.exponential(1 / (ratePerS * (high ? burst.high : burst.low)));
      if (at + gap <= until) return (at += gap);
      at = until;
      turn();
    }
  };
}
