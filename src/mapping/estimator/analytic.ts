import { clockSpeed, fullLoadW, mostBusy, type Component } from '../../signals/device';
import type { Interval } from '../../signals/quantities';
import type { Candidate, EstimationContext, LatencyPowerEstimator, Prediction, StageCost } from './estimator';
import { isTogether } from './placed-stages';

/** A component that is busier than this share of its available time is overloaded: queues get long before it is full. */
export const loadLimit = 0.9;

/**
 * Nothing here knows how co-located networks slow each other down through caches and memory, so the intervals are wide:
 * the upper latency is raised by this factor (comparable analytic models of co-located networks are 20-30 % off).
 */
const latencyUpperFactor = 1.25;
/** Dynamic power above and below the expected one: fluctuating arrivals and the mixed intensity of different networks. */
const powerUpperFactor = 1.15;
const powerLowerFactor = 0.85;
/** Share of requests that may wait longer than the tail bound. */
const tailShare = 0.05;
/** From this load on the wait no longer follows the queueing formula (which goes to infinity) but grows in proportion. */
const saturation = 0.95;

/**
 * How long a component computes for one run at full speed, ms. For CPU cores that is the CPU time per thread: it does not count
 * what the run waited, and a thread that idles draws little. Elsewhere the run time is all that is known.
 */
export function computingMs(component: Component, cost: StageCost): number {
  return component.kind === 'cpu' && cost.cpuMs > 0 ? cost.cpuMs / component.threads : cost.p50Ms;
}

/**
 * Latency and power from the profiles of each network alone.
 *
 * Each component is an M/G/1 queue that serves the highest priority first and never interrupts a run (what the executor does):
 * requests of tenant i arrive at random with rate r_i and need s_i = p50_i / q, where q is the share of full speed that the
 * operating point leaves (a quota stretches the work). With rho = sum r_i s_i, and sigma_p the part of rho that comes from
 * priorities up to and including p:
 * - mean wait of priority p: W_p = sum r_i s_i^2 / 2 / ((1 - sigma_(p-1)) (1 - sigma_p)), which for a single priority is the
 *   Pollaczek-Khinchine formula for deterministic service (A. Cobham, Operations Research 2, 1954; L. Kleinrock, Queueing
 *   Systems II, 1976, section 3.6);
 * - tail wait = max(0, W_p/rho * ln(rho / 0.05)): of the requests that wait at all (a share rho), the wait is taken as
 *   exponential, so this is its 95th percentile over all requests;
 * - latency: expected s_i + W_p; lower the s_i at the clock in force (a quota may not bite on a short run); upper
 *   1.25 * (p95_i / q + max(tail wait, W_p + longest s_j of another tenant there)), since a run that has begun is never
 *   interrupted.
 *
 * A variant in several stages waits at each of its components and for the transfers between them; all stages on one component
 * are one run, that of the whole variant.
 *
 * Power is the device's law at this operating point: idle + active power of each component times the share of wall time it
 * computes, min(sum r_i c_i / k, b) with c_i the computing time of one run at full speed, k the speed of the clock in force and
 * b the largest share that the point allows (a quota: k = 1, b = q; a clock limit: k = q, b = 1). A component cannot compute
 * more than that, so the upper bound is at most full load.
 */
export class AnalyticEstimator implements LatencyPowerEstimator {
  readonly name = 'analytic';
  private readonly prepared = new WeakMap<EstimationContext, Prepared>();

  /**
   * @param stretched how much longer each piece of work takes than its profile says, by candidate and work; absent: as it says. Loads,
   * waits, expected and upper latencies follow; lower ones and power stay those of the profiles
   */
  estimate(
    candidates: readonly Candidate[],
    context: EstimationContext,
    stretched: Stretch | null = null,
  ): Prediction[] {
    const prepared = this.prepared.get(context) ?? prepare(context);
    this.prepared.set(context, prepared);
    return candidates.map((candidate, row) =>
      predict(candidate, prepared, (item) => stretched?.(row, item) ?? asProfiled),
    );
  }
}

/** How much longer a piece of work takes than profiled, and how far the slow answers may be above what follows from that. */
export interface Stretched {
  readonly by: number;
  readonly most: number;
}
export type Stretch = (candidate: number, item: number) => Stretched;
const asProfiled: Stretched = { by: 1, most: latencyUpperFactor };

/** Cost of one stage on one component at the operating point in force, s. */
interface Cost {
  readonly service: number;
  readonly tail: number;
  readonly unthrottled: number;
  /** Share of wall time that the component computes for all requests of this tenant. */
  readonly computing: number;
}

/** What all candidates of a search share, worked out once: a search evaluates thousands. */
interface Prepared {
  readonly ratePerS: readonly number[];
  /** Rank of each item's priority among those in use, 0 for the highest. */
  readonly level: readonly number[];
  readonly costs: readonly (readonly (readonly (Cost | null)[])[])[];
  /** Of each item as a single stage; null where it was not measured so. */
  readonly whole: readonly (readonly (Cost | null)[] | null)[];
  /** Time to bring the input of each stage over from another component, s. */
  readonly transferS: readonly (readonly number[])[];
  readonly activeW: readonly number[];
  readonly mostBusy: number;
  readonly idleW: number;
  readonly fullLoadW: number;
  /** One per component, emptied for every candidate. */
  readonly queues: readonly Queue[];
}

function prepare({ components, operatingPoint, work }: EstimationContext): Prepared {
  const { speed, idleW, activeW } = operatingPoint;
  const clock = clockSpeed(operatingPoint);
  const costOf = (ratePerS: number, stage: readonly (StageCost | null)[]): (Cost | null)[] =>
    components.map((component, at) => {
      const cost = stage[at] ?? null;
      if (cost === null) return null;
      return {
        service: cost.p50Ms / speed / 1000,
        tail: Math.max(cost.p95Ms, cost.p50Ms) / speed / 1000,
        unthrottled: cost.p50Ms / clock / 1000,
        computing: (ratePerS * computingMs(component, cost)) / clock / 1000,
      };
    });
  const priorities = [...new Set(work.map(({ priority }) => priority))].sort((a, b) => a - b);
  return {
    level: work.map(({ priority }) => priorities.indexOf(priority)),
    ratePerS: work.map((item) => item.ratePerS),
    costs: work.map(({ ratePerS, costs }) => costs.map((stage) => costOf(ratePerS, stage))),
    whole: work.map(({ ratePerS, whole }) => (whole === undefined ? null : costOf(ratePerS, whole.costs))),
    transferS: work.map(({ costs, operations }) => costs.map((_, stage) => operations?.[stage]?.transferS ?? 0)),
    activeW: components.map((component) => activeW[component.name] ?? 0),
    mostBusy: mostBusy(operatingPoint),
    idleW,
    fullLoadW: fullLoadW(operatingPoint),
    queues: components.map(() => new Queue(priorities.length)),
  };
}

/** What waits at one component. */
class Queue {
  load = 0;
  computing = 0;
  /** Mean wait by priority level, s. */
  readonly meanWait: number[];
  private readonly loadOf: number[];
  /** Sum of r s^2, the second moment of the work. */
  private moment = 0;
  /** Longest and second longest service there, s, and whose the longest is: nobody blocks himself. */
  private longest = 0;
  private longestOf = -1;
  private secondLongest = 0;

  constructor(levels: number) {
    this.meanWait = new Array<number>(levels).fill(0);
    this.loadOf = new Array<number>(levels).fill(0);
  }

  empty(): void {
    this.load = this.moment = this.computing = this.longest = this.secondLongest = 0;
    this.longestOf = -1;
    this.loadOf.fill(0);
    this.meanWait.fill(0);
  }

  join(item: number, level: number, ratePerS: number, cost: Cost, stretch: number): void {
    const service = stretch * cost.service;
    const { computing } = cost;
    this.load += ratePerS * service;
    this.loadOf[level] = (this.loadOf[level] ?? 0) + ratePerS * service;
    this.moment += ratePerS * service * service;
    this.computing += computing;
    if (this.longestOf === item) this.longest = Math.max(this.longest, service);
    else if (service > this.longest) {
      this.secondLongest = this.longest;
      this.longest = service;
      this.longestOf = item;
    } else if (service > this.secondLongest) this.secondLongest = service;
  }

  /** Works out the waits when everybody has joined. */
  settle(): void {
    let before = 0;
    for (let level = 0; level < this.loadOf.length; level += 1) {
      const upTo = before + (this.loadOf[level] ?? 0);
      this.meanWait[level] = (this.moment / 2) * crowding(before) * crowding(upTo);
      before = upTo;
    }
  }

  /** Wait that all but the tail share of the requests of a level stay below. */
  tailWait(level: number): number {
    const share = Math.min(this.load, saturation);
    return share <= tailShare ? 0 : ((this.meanWait[level] ?? 0) / share) * Math.log(share / tailShare);
  }

  /** Longest run of somebody else that a request of this tenant may find there. */
  blockedBy(item: number): number {
    return this.longestOf === item ? this.secondLongest : this.longest;
  }
}

/** 1/(1 - load), but in proportion to the load once it is saturated. */
function crowding(load: number): number {
  const followed = Math.min(load, saturation);
  return load <= followed ? 1 / (1 - load) : load / followed / (1 - followed);
}

function predict(candidate: Candidate, prepared: Prepared, stretchOf: (item: number) => Stretched): Prediction {
  const { queues, ratePerS, level, activeW, idleW } = prepared;
  for (const queue of queues) queue.empty();
  let everythingKnown = true;
  for (let item = 0; item < ratePerS.length; item += 1) {
    const stages = candidate[item] ?? [];
    const rate = ratePerS[item] ?? 0;
    const runs = runsOf(item, stages, prepared);
    const { by } = stretchOf(item);
    for (let stage = 0; stage < runs.length; stage += 1) {
      const at = stages[stage] ?? 0;
      const cost = runs[stage]?.[at] ?? null;
      if (cost === null) everythingKnown = false;
      else if (rate > 0) queues[at]?.join(item, level[item] ?? 0, rate, cost, by);
    }
  }

  const load = new Array<number>(queues.length);
  let dynamicW = 0;
  for (let at = 0; at < queues.length; at += 1) {
    const queue = queues[at];
    if (queue === undefined) continue;
    queue.settle();
    load[at] = queue.load;
    dynamicW += (activeW[at] ?? 0) * Math.min(queue.computing, prepared.mostBusy);
  }
  const latencyMs = new Array<Interval | null>(ratePerS.length);
  for (let item = 0; item < ratePerS.length; item += 1)
    latencyMs[item] = latencyOf(item, candidate[item] ?? [], prepared, stretchOf(item));

  const upper = idleW + powerUpperFactor * dynamicW;
  return {
    latencyMs,
    load,
    powerW: {
      expected: idleW + dynamicW,
      lower: idleW + powerLowerFactor * dynamicW,
      upper: everythingKnown ? Math.min(prepared.fullLoadW, upper) : prepared.fullLoadW,
    },
  };
}

/** Costs of what runs one after the other: the stages, or the whole variant where all are together. */
function runsOf(
  item: number,
  stages: readonly number[],
  { costs, whole }: Prepared,
): readonly (readonly (Cost | null)[])[] {
  const uncut = whole[item] ?? null;
  return uncut !== null && isTogether(stages) ? [uncut] : (costs[item] ?? []);
}

function latencyOf(
  item: number,
  stages: readonly number[],
  prepared: Prepared,
  { by, most }: Stretched,
): Interval | null {
  const { queues, level, transferS } = prepared;
  const runs = runsOf(item, stages, prepared);
  const own = level[item] ?? 0;
  let expected = 0;
  let lower = 0;
  let upper = 0;
  for (let stage = 0; stage < runs.length; stage += 1) {
    const at = stages[stage] ?? 0;
    const cost = runs[stage]?.[at] ?? null;
    const queue = queues[at];
    if (cost === null || queue === undefined) return null;
    expected += by * cost.service;
    lower += cost.unthrottled;
    upper += by * cost.tail;
    // Stages in a row on one component are one run.
    if (stage > 0 && stages[stage - 1] === at) continue;
    const transfer = stage > 0 ? (transferS[item]?.[stage] ?? 0) : 0;
    const wait = queue.meanWait[own] ?? 0;
    expected += transfer + wait;
    lower += transfer;
    upper += transfer + Math.max(queue.tailWait(own), wait + queue.blockedBy(item));
  }
  return {
    expected: expected * 1000,
    lower: lower * 1000,
    upper: Math.max(upper * most, expected) * 1000,
  };
}
