import type { Random } from '../../random';

/** Requests of one network on a unit of a simulated device. */
export interface RequestStream {
  /** Mean time of one run while nothing else has something to do there, s. */
  readonly serviceS: number;
  readonly random: Random;
  /** 1 is the highest; only a host that serves one after another looks at it. */
  readonly priority?: number;
  /** Requests that come whether or not answers are there, or clients that wait for their answer. */
  readonly asks: OpenRequests | ClosedRequests;
}

export interface OpenRequests {
  /** Times at which requests come, each later than the one before, s. */
  readonly next: () => number;
  /** Requests that may wait; those beyond are refused. */
  readonly queueLength: number;
}

export interface ClosedRequests {
  /** What passes from each answer to the next request, s. */
  readonly pauseS: () => number;
}

export interface StreamResult {
  /** From request to answer, of those that were answered, s. */
  readonly latencyS: Float64Array;
  readonly offered: number;
  readonly refused: number;
}

/** Spread of the run time of one network around its mean. */
const jitter = 0.03;

/** One unit: it shares its time evenly among the networks that have something to do, and serves the requests of each in order. */
export function simulateUnit(streams: readonly RequestStream[], horizonS: number): StreamResult[] {
  const count = streams.length;
  const queues = streams.map((): number[] => []);
  const heads = new Array<number>(count).fill(0);
  const left = new Float64Array(count);
  const latencies = streams.map((): number[] => []);
  const offered = new Array<number>(count).fill(0);
  const refused = new Array<number>(count).fill(0);
  const next = streams.map(({ asks }) => ('next' in asks ? asks.next() : asks.pauseS()));
  let now = 0;
  let active = 0;
  for (;;) {
    // What comes first: a request, or the end of the work that is nearest to its end.
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
      const asks = streams[ending]?.asks;
      if (queue === undefined || asks === undefined) break;
      latencies[ending]?.push(now - (queue[head] ?? now));
      heads[ending] = head + 1;
      if (queue.length > head + 1) left[ending] = serviceOf(streams[ending]);
      else active -= 1;
      if ('pauseS' in asks) next[ending] = now + asks.pauseS();
    } else {
      const queue = queues[arriving];
      const asks = streams[arriving]?.asks;
      if (queue === undefined || asks === undefined) break;
      offered[arriving] = (offered[arriving] ?? 0) + 1;
      const waiting = queue.length - (heads[arriving] ?? 0);
      if (waiting === 0) {
        left[arriving] = serviceOf(streams[arriving]);
        active += 1;
      }
      if ('pauseS' in asks || waiting <= asks.queueLength) queue.push(now);
      else refused[arriving] = (refused[arriving] ?? 0) + 1;
      next[arriving] = 'next' in asks ? asks.next() : Infinity;
    }
  }
  return streams.map((_, at) => ({
    latencyS: Float64Array.from(latencies[at] ?? []),
    offered: offered[at] ?? 0,
    refused: refused[at] ?? 0,
  }));
}

/**
 * One unit whose only user is an inference host: one run at a time, none is interrupted, the highest priority first, then who has waited
 * longest.
 */
export function simulateHost(streams: readonly RequestStream[], horizonS: number): StreamResult[] {
  const queues = streams.map((): number[] => []);
  const heads = streams.map(() => 0);
  const latencies = streams.map((): number[] => []);
  const offered = streams.map(() => 0);
  const refused = streams.map(() => 0);
  const next = streams.map(({ asks }) => ('next' in asks ? asks.next() : asks.pauseS()));
  /** The one that runs among them. */
  const openOf = (at: number): number => (queues[at]?.length ?? 0) - (heads[at] ?? 0);
  let running = -1;
  let endS = Infinity;
  for (;;) {
    let arriving = 0;
    for (let at = 1; at < streams.length; at += 1)
      if ((next[at] ?? Infinity) < (next[arriving] ?? Infinity)) arriving = at;
    const arrivalS = next[arriving] ?? Infinity;
    const comes = arrivalS <= horizonS && arrivalS < endS;
    if (!comes && running < 0) break;
    const now = comes ? arrivalS : endS;
    if (comes) {
      const asks = streams[arriving]?.asks;
      if (asks === undefined) break;
      offered[arriving] = (offered[arriving] ?? 0) + 1;
      const waiting = openOf(arriving) - (running === arriving ? 1 : 0);
      if ('pauseS' in asks || running < 0 || waiting < asks.queueLength) queues[arriving]?.push(now);
      else refused[arriving] = (refused[arriving] ?? 0) + 1;
      next[arriving] = 'next' in asks ? asks.next() : Infinity;
    } else {
      const head = heads[running] ?? 0;
      const asks = streams[running]?.asks;
      latencies[running]?.push(now - (queues[running]?.[head] ?? now));
      heads[running] = head + 1;
      if (asks !== undefined && 'pauseS' in asks) next[running] = now + asks.pauseS();
      running = -1;
      endS = Infinity;
    }
    if (running >= 0) continue;
    for (let at = 0; at < streams.length; at += 1)
      if (openOf(at) > 0 && (running < 0 || isBefore(at, running))) running = at;
    if (running >= 0) endS = now + serviceOf(streams[running]);
  }
  function isBefore(at: number, other: number): boolean {
    const [own, others] = [streams[at]?.priority ?? 1, streams[other]?.priority ?? 1];
    return own !== others
      ? own < others
      : (queues[at]?.[heads[at] ?? 0] ?? 0) < (queues[other]?.[heads[other] ?? 0] ?? 0);
  }
  return streams.map((_, at) => ({
    latencyS: Float64Array.from(latencies[at] ?? []),
    offered: offered[at] ?? 0,
    refused: refused[at] ?? 0,
  }));
}

const serviceOf = (stream: RequestStream | undefined): number =>
  stream === undefined ? 0 : stream.serviceS * (1 + jitter * stream.random.grain());

/** Bursts: a third of the time twice the mean rate, else half of it, for so many requests each. */
const burst = { high: 2, low: 0.5, requests: 30 } as const;

/** Times of requests that come at random, s: evenly, or in bursts. */
export function arrivalTimes(ratePerS: number, random: Random, bursty: boolean): () => number {
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
