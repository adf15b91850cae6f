import { z } from 'zod';
import { sourceSchema } from '../../signals/quantities';

export const ledgerStateVersion = 1;

/** Sums of one tenant, or of all. null means that nothing of it was ever known. */
const sumsSchema = z.object({
  energyJ: z.number().nullable(),
  carbonG: z.number().nullable(),
  offered: z.number(),
  served: z.number(),
  inTime: z.number(),
  /** Sum of accuracy over the answers in time whose accuracy is known, and how many those are. */
  accuracySum: z.number(),
  accuracyCount: z.number(),
  /** Sum of latency over the served whose latency is known, ms, and how many those are. */
  latencySumMs: z.number(),
  latencyCount: z.number(),
  /** Served while energy (grams) were known: what joules (grams) per inference divide by. */
  servedWithEnergy: z.number(),
  servedWithCarbon: z.number(),
  swaps: z.number(),
});
export type Sums = z.infer<typeof sumsSchema>;

export const emptySums = (): Sums => ({
  energyJ: null,
  carbonG: null,
  offered: 0,
  served: 0,
  inTime: 0,
  accuracySum: 0,
  accuracyCount: 0,
  latencySumMs: 0,
  latencyCount: 0,
  servedWithEnergy: 0,
  servedWithCarbon: 0,
  swaps: 0,
});

/** Everything a ledger has summed up: what is kept over a restart. */
export const ledgerStateSchema = z.object({
  version: z.literal(ledgerStateVersion),
  fromMs: z.number(),
  toMs: z.number(),
  durationS: z.number(),
  energySource: sourceSchema.nullable(),
  total: sumsSchema,
  idle: z.object({ energyJ: z.number().nullable(), carbonG: z.number().nullable() }),
  tenants: z.record(z.string(), sumsSchema),
  alwaysMax: z.object({
    energyJ: z.number().nullable(),
    carbonG: z.number().nullable(),
    againstEnergyJ: z.number().nullable(),
    againstCarbonG: z.number().nullable(),
    comparedS: z.number(),
  }),
  secondsByQuality: z.record(z.string(), z.number()),
  /** "signal, basis" of every reading that was accounted. */
  bases: z.array(z.string()),
  attribution: z.array(z.string()),
  unknownEnergyS: z.number(),
  unknownIntensityS: z.number(),
  unaccountedEnergyJ: z.number(),
});
export type LedgerState = z.infer<typeof ledgerStateSchema>;

export const emptyLedgerState = (nowMs: number): LedgerState => ({
  version: ledgerStateVersion,
  fromMs: nowMs,
  toMs: nowMs,
  durationS: 0,
  energySource: null,
  total: emptySums(),
  idle: { energyJ: null, carbonG: null },
  tenants: {},
  alwaysMax: { energyJ: null, carbonG: null, againstEnergyJ: null, againstCarbonG: null, comparedS: 0 },
  secondsByQuality: {},
  bases: [],
  attribution: [],
  unknownEnergyS: 0,
  unknownIntensityS: 0,
  unaccountedEnergyJ: 0,
});
