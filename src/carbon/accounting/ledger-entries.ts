import { z } from 'zod';
import { carbonBasisSchema, carbonQualitySchema, carbonSignalSchema, intensitySchema } from '../../signals/carbon';
import { sourceSchema } from '../../signals/quantities';
import { accountSumsSchema, accountSumsTupleSchema } from './account-sums';

const time = z.number().min(-8.64e15).max(8.64e15);
const amount = z.number();
const known = amount.nullable();

export const intensityRowSchema = z.object({
  id: z.string(),
  signal: carbonSignalSchema,
  basis: carbonBasisSchema,
  zone: z.string(),
  provider: z.string(),
  fromMs: time,
  toMs: time,
  fetchedAtMs: time,
  intensityGPerKwh: intensitySchema.nullable(),
  quality: carbonQualitySchema,
  attribution: z.string(),
  version: z.string().nullable(),
  datasetYear: z.number().nullable(),
  played: z.boolean(),
  restated: z.number(),
});

/** An intensity became known or was restated, and since when it is in force (null: it only tells of the past). */
const intensityEntrySchema = z.object({
  kind: z.literal('intensity'),
  row: intensityRowSchema,
  inForceMs: time.nullable(),
});

/** One window of telemetry, divided among accounts and among the intensities in force. */
const windowEntrySchema = z.object({
  kind: z.literal('window'),
  fromMs: time,
  toMs: time,
  durationS: amount,
  source: sourceSchema,
  energyKnown: z.boolean(),
  compared: z.boolean(),
  /** From, to, share of the window, id of the intensity. */
  parts: z.array(z.tuple([time, time, amount, z.string().nullable()])),
  accounts: z.array(z.tuple([z.string(), accountSumsTupleSchema])),
});

const resetEntrySchema = z.object({ kind: z.literal('reset'), atMs: time });

/** What the whole account sums up beside its accounts. */
export const summarySchema = z.object({
  fromMs: time,
  toMs: time,
  durationS: amount,
  energySource: sourceSchema.nullable(),
  joulesBySource: z.partialRecord(sourceSchema, z.number()),
  unknownEnergyS: amount,
  comparedS: amount,
  restatedIntervals: amount,
  /** Of the intervals of grid time seen: seconds, and the sums of intensity and of its square over them. */
  spread: z.object({ seconds: amount, sum: amount, sumOfSquares: amount }),
});
export type Summary = z.infer<typeof summarySchema>;

/** Whose intensities were accounted. */
export const gridUsedSchema = z.object({
  provider: z.string(),
  zone: z.string(),
  signal: carbonSignalSchema,
  basis: carbonBasisSchema,
  attribution: z.string(),
  version: z.string().nullable(),
  datasetYear: z.number().nullable(),
});
export type GridUsed = z.infer<typeof gridUsedSchema>;

const joinedRowSchema = z.object({
  hourMs: time,
  chain: z.string(),
  quality: z.string(),
  provisional: z.boolean(),
  durationS: amount,
  intensityS: amount,
  /** Account, joules, grams, joules of unknown intensity, served, served with known grams. */
  cells: z.array(z.tuple([z.string(), known, known, amount, amount, amount])),
});

const energyRowSchema = z.object({
  fromMs: time,
  toMs: time,
  intensity: z.string().nullable(),
  durationS: amount,
  /** Account, joules, served, served with known joules. */
  cells: z.array(z.tuple([z.string(), known, amount, amount])),
});

/**
 * The lines of a ledger's file. `intensity`, `window` and `reset` are appended as they happen; the others hold a whole account and
 * come first, after the file was written anew.
 */
export const ledgerEntrySchema = z.discriminatedUnion('kind', [
  intensityEntrySchema,
  windowEntrySchema,
  resetEntrySchema,
  z.object({ kind: z.literal('summary'), summary: summarySchema }),
  z.object({ kind: z.literal('grid'), grid: gridUsedSchema }),
  z.object({ kind: z.literal('account'), account: z.string(), sums: accountSumsSchema }),
  z.object({ kind: z.literal('known'), row: intensityRowSchema }),
  z.object({ kind: z.literal('in-force'), atMs: time, intensity: z.string() }),
  z.object({ kind: z.literal('energy'), row: energyRowSchema }),
  z.object({ kind: z.literal('hour'), row: joinedRowSchema }),
  z.object({ kind: z.literal('settled'), row: joinedRowSchema }),
]);
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;
export type WindowEntry = z.infer<typeof windowEntrySchema>;
export type JoinedRowEntry = z.infer<typeof joinedRowSchema>;
export type EnergyRowEntry = z.infer<typeof energyRowSchema>;
