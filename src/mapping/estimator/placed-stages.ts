import type { StageCost, Work } from './estimator';

/** A part of a variant that runs in one piece on one component. */
export interface PlacedStage {
  readonly at: number;
  /** Null where it was not measured. */
  readonly cost: StageCost | null;
  /** Computing node with which it begins. */
  readonly firstNode: number;
}

type Stages = Pick<Work, 'costs' | 'whole' | 'firstNodes'>;

/** True where no stage leaves the component of the one before it. */
export function isTogether(places: readonly number[]): boolean {
  for (let stage = 1; stage < places.length; stage += 1) if (places[stage] !== places[0]) return false;
  return true;
}

/**
 * What really runs where: stages in a row on one component are one piece and cost what their sum costs, except for all of them
 * together, which have been measured as a whole.
 * @param places component of each stage
 */
export function placedStages({ costs, whole, firstNodes }: Stages, places: readonly number[]): PlacedStage[] {
  const [first] = places;
  if (first !== undefined && whole !== undefined && isTogether(places)) {
    return [{ at: first, cost: whole.costs[first] ?? null, firstNode: 0 }];
  }
  const pieces: PlacedStage[] = [];
  places.forEach((at, stage) => {
    const cost = costs[stage]?.[at] ?? null;
    const last = pieces.at(-1);
    if (last?.at === at) pieces[pieces.length - 1] = { ...last, cost: sumOf(last.cost, cost) };
    else pieces.push({ at, cost, firstNode: firstNodes?.[stage] ?? stage });
  });
  return pieces;
}

function sumOf(a: StageCost | null, b: StageCost | null): StageCost | null {
  if (a === null || b === null) return null;
  return { p50Ms: a.p50Ms + b.p50Ms, p95Ms: a.p95Ms + b.p95Ms, cpuMs: a.cpuMs + b.cpuMs };
}
