// How far decisions are from the best that is known.
import type { BatchEstimator, Candidate } from '../../src/mapping/estimator/estimator';
import { searchMapping } from '../../src/mapping/search/search';
import { Measurements, predictedCost, runsFor } from './cost';
import type { Instance } from './instance';
import type { Method } from './methods';

export interface Judged {
  readonly method: string;
  /** exp(max(0, cost - best cost)) - 1, %. */
  readonly regretPct: number;
  /** The same of the most promising mapping, had nothing been measured. */
  readonly unmeasuredPct: number;
  /** Power over cap, %; 0 within. */
  readonly capExcessPct: number;
}

export interface Verdict {
  readonly judged: readonly Judged[];
  readonly simulations: number;
}

/** Mappings that the long search leaves, of which the best counts. */
const finalists = 30;

/**
 * Lets every method decide. The best mapping is that of a search on the simulator itself that begins with all proposals, or of all
 * mappings where the budget covers them; chosen by runs of its own, so that luck is not taken for merit.
 */
export async function judge(instance: Instance, methods: readonly Method[], searchRuns: number): Promise<Verdict> {
  const measurements = new Measurements(instance);
  const proposals: { method: string; candidates: readonly Candidate[] }[] = [];
  for (const { name, propose } of methods) proposals.push({ method: name, candidates: await propose(instance) });
  const simulator: BatchEstimator = {
    name: 'simulator',
    estimate: (candidates) =>
      Promise.resolve(
        candidates.map((candidate) => {
          const { latencyS, powerW } = measurements.mean(candidate, runsFor.decision);
          const exactly = (value: number) => ({ expected: value, lower: value, upper: value });
          return { latencyMs: latencyS.map((seconds) => exactly(1000 * seconds)), load: [], powerW: exactly(powerW) };
        }),
      ),
  };
  const { top } = await searchMapping(
    {
      context: instance.context,
      limits: { capW: null, demands: [] },
      estimator: simulator,
      groups: instance.context.components.map((_, at) => at),
      rate: (_candidate, prediction) => predictedCost(instance, prediction),
    },
    {
      budget: searchRuns,
      starts: proposals.flatMap(({ candidates }) => candidates),
      seed: instance.seed,
      keep: finalists,
      apart: 1,
    },
  );
  const known = [...top.map(({ candidate }) => candidate), ...proposals.flatMap(({ candidates }) => candidates)];
  const best = leastBy(known, (candidate) => measurements.cost(candidate, runsFor.reference));
  const bestCost = measurements.cost(best, runsFor.judgement);
  const regretPct = (candidate: Candidate): number =>
    100 * Math.expm1(Math.max(0, measurements.cost(candidate, runsFor.judgement) - bestCost));
  const judged = proposals.map(({ method, candidates }): Judged => {
    const decision = leastBy(candidates, (candidate) => measurements.decisionCost(candidate));
    const { powerW } = measurements.mean(decision, runsFor.judgement);
    return {
      method,
      regretPct: regretPct(decision),
      unmeasuredPct: regretPct(candidates[0] ?? decision),
      capExcessPct: 100 * Math.max(0, powerW / instance.capW - 1),
    };
  });
  return { judged, simulations: measurements.count };
}

function leastBy(candidates: readonly Candidate[], cost: (candidate: Candidate) => number): Candidate {
  const [first] = candidates;
  if (first === undefined) throw new RangeError('nothing was proposed');
  return candidates.reduce((least, candidate) => (cost(candidate) < cost(least) ? candidate : least), first);
}
