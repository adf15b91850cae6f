import { Random } from '../../src/simulation/random';

/** One day of a zone under each policy, in this order. */
export interface PlayedRound {
  readonly zone: string;
  /** Of this zone, from 1. */
  readonly round: number;
  readonly policies: readonly string[];
}

/**
 * Which policy plays when. Every second pass over the zones is the one before it backwards, zones and policies alike, so that with
 * an even number of passes each policy sits in the middle of the run in the mean, zone by zone: a machine that drifts steadily
 * does the same to all. The orders of the other passes are drawn.
 */
export function playOrder(
  policies: readonly string[],
  zones: readonly string[],
  passes: number,
  seed: number,
): PlayedRound[] {
  const random = new Random(seed);
  const rounds: PlayedRound[] = [];
  let last: readonly PlayedRound[] = [];
  for (let pass = 1; pass <= passes; pass += 1) {
    last =
      pass % 2 === 1
        ? zones.map((zone) => ({ zone, round: pass, policies: shuffled(policies, random) }))
        : last.toReversed().map(({ zone, policies: before }) => ({ zone, round: pass, policies: before.toReversed() }));
    rounds.push(...last);
  }
  return rounds;
}

function shuffled(items: readonly string[], random: Random): string[] {
  const rest = [...items];
  const order: string[] = [];
  while (rest.length > 0) order.push(...rest.splice(random.integer(0, rest.length - 1), 1));
  return order;
}
