import { Random } from '../../src/simulation/random';
import { quantile } from '../../src/signals/statistics';

/** Requests kept under way to one tenant: each answer is followed by the next request at once. */
export interface ClosedLoop {
  readonly tenant: string;
  readonly inFlight: number;
  /** Pause between an answer and the next request, ms: between half and one and a half times this. */
  readonly thinkMs?: number;
}

export interface LoadOrder {
  readonly loops: readonly ClosedLoop[];
  readonly seconds: number;
  /** Not counted, s. */
  readonly warmUpS: number;
}

export interface TenantFigures {
  readonly count: number;
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
}
export type LoadFigures = Readonly<Record<string, TenantFigures>>;

export const sleep = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

interface Tally {
  count: number;
  firstMs: number;
  lastMs: number;
  readonly latenciesMs: number[];
}

/** Between the first and the last answer, so that a window of whole answers does not round the rate. */
function figuresOf({ count, firstMs, lastMs, latenciesMs }: Tally): TenantFigures {
  const at = (share: number) => quantile(latenciesMs, share) ?? Number.NaN;
  const perS = count > 1 ? ((count - 1) / (lastMs - firstMs)) * 1000 : 0;
  return { count, perS, p50Ms: at(0.5), p99Ms: at(0.99), maximumMs: at(1) };
}

/** Runs closed loops through `infer`: the answers that came in the window, and the latencies of what began in it. */
export async function runClosedLoops(
  infer: (tenant: string) => Promise<unknown>,
  { loops, seconds, warmUpS }: LoadOrder,
): Promise<LoadFigures> {
  let fromMs = Infinity;
  let running = true;
  const random = new Random(7);
  const loop = async ({ tenant, thinkMs = 0 }: ClosedLoop, tally: Tally): Promise<void> => {
    while (running) {
      if (thinkMs > 0) await sleep(random.uniform(0.5, 1.5) * (thinkMs / 1000));
      const beganMs = performance.now();
      await infer(tenant);
      const endedMs = performance.now();
      if (endedMs < fromMs || !running) continue;
      if (tally.count === 0) tally.firstMs = endedMs;
      tally.lastMs = endedMs;
      tally.count += 1;
      if (beganMs >= fromMs) tally.latenciesMs.push(endedMs - beganMs);
    }
  };
  const tallies = loops.map((load) => ({
    load,
    tally: { count: 0, firstMs: 0, lastMs: 0, latenciesMs: [] } as Tally,
  }));
  const under = tallies.flatMap(({ load, tally }) => Array.from({ length: load.inFlight }, () => loop(load, tally)));
  const ended = Promise.all(under);
  // A loop ends early only by failing, and then nothing is worth waiting for.
  await Promise.race([sleep(warmUpS), ended]);
  fromMs = performance.now();
  await Promise.race([sleep(seconds), ended]);
  running = false;
  await ended;
  return Object.fromEntries(tallies.map(({ load, tally }) => [load.tenant, figuresOf(tally)]));
}
