import { z } from 'zod';

/** Sums of one account since it began: what no restated intensity changes. null means that nothing of it was ever known. */
export const accountSumsSchema = z.object({
  energyJ: z.number().nullable(),
  offered: z.number(),
  served: z.number(),
  inTime: z.number(),
  /** Sum of accuracy over the answers in time whose accuracy is known, and how many those are. */
  accuracySum: z.number(),
  accuracyCount: z.number(),
  /** Sum of latency over the served whose latency is known, ms, and how many those are. */
  latencySumMs: z.number(),
  latencyCount: z.number(),
  /** Served while energy was known: what joules per inference divide by. */
  servedWithEnergy: z.number(),
  swaps: z.number(),
});
export type AccountSums = z.infer<typeof accountSumsSchema>;

export const emptySums = (): AccountSums => ({
  energyJ: null,
  offered: 0,
  served: 0,
  inTime: 0,
  accuracySum: 0,
  accuracyCount: 0,
  latencySumMs: 0,
  latencyCount: 0,
  servedWithEnergy: 0,
  swaps: 0,
});

export function addSums(a: AccountSums, b: AccountSums): AccountSums {
  return {
    energyJ: a.energyJ === null ? b.energyJ : b.energyJ === null ? a.energyJ : a.energyJ + b.energyJ,
    offered: a.offered + b.offered,
    served: a.served + b.served,
    inTime: a.inTime + b.inTime,
    accuracySum: a.accuracySum + b.accuracySum,
    accuracyCount: a.accuracyCount + b.accuracyCount,
    latencySumMs: a.latencySumMs + b.latencySumMs,
    latencyCount: a.latencyCount + b.latencyCount,
    servedWithEnergy: a.servedWithEnergy + b.servedWithEnergy,
    swaps: a.swaps + b.swaps,
  };
}

const amount = z.number();
/** The same without names, for what is written with every window. */
export const accountSumsTupleSchema = z.tuple([
  amount.nullable(),
  amount,
  amount,
  amount,
  amount,
  amount,
  amount,
  amount,
  amount,
  amount,
]);
export type AccountSumsTuple = z.infer<typeof accountSumsTupleSchema>;

export const tupleOf = (sums: AccountSums): AccountSumsTuple => [
  sums.energyJ,
  sums.offered,
  sums.served,
  sums.inTime,
  sums.accuracySum,
  sums.accuracyCount,
  sums.latencySumMs,
  sums.latencyCount,
  sums.servedWithEnergy,
  sums.swaps,
];

export function sumsOf(tuple: AccountSumsTuple): AccountSums {
  const [
    energyJ,
    offered,
    served,
    inTime,
    accuracySum,
    accuracyCount,
    latencySumMs,
    latencyCount,
    servedWithEnergy,
    swaps,
  ] = tuple;
  return {
    energyJ,
    offered,
    served,
    inTime,
    accuracySum,
    accuracyCount,
    latencySumMs,
    latencyCount,
    servedWithEnergy,
    swaps,
  };
}
