import { z } from 'zod';
import { sourceSchema, timeSchema } from './quantities';

/** How many co-locations a calibration may measure. */
export const calibrationSamples = { least: 40, most: 1000 } as const;

/** `ecomap/calibrate`: learn this device. Measures co-locations of the tenants' networks for a while, then trains. */
export const calibrateSchema = z.object({
  action: z.enum(['start', 'cancel']),
  /** Co-locations to measure; absent: the node's own setting. */
  samples: z.number().int().min(calibrationSamples.least).max(calibrationSamples.most).optional(),
});
export type Calibrate = z.infer<typeof calibrateSchema>;

const errorsSchema = z.object({ latencyMapePct: z.number(), powerMapePct: z.number() });

/** What a calibration found, small enough to look at: held-out errors before and after, and points to plot. */
export const calibrationSummarySchema = z.object({
  deviceFingerprint: z.string(),
  finishedAt: timeSchema,
  /** The calibrated estimator is used from now on; false: it was no better on held-out workloads. */
  kept: z.boolean(),
  /** Why not, in a sentence; null when it was kept. */
  reason: z.string().nullable(),
  samples: z.number().int().nonnegative(),
  workloads: z.number().int().nonnegative(),
  /** Samples that an anchor measured before and after showed to be of another speed of the device (heat, other programs). */
  setAside: z.number().int().nonnegative(),
  /** Mean absolute relative errors on held-out workloads. */
  before: errorsSchema,
  after: errorsSchema,
  /** Error of the additive model on the same workloads, %: what one would have without any estimator. */
  additiveMapePct: z.number(),
  /** How far two measurements of the same co-location lie apart, %; null where none was repeated. */
  floorPct: z.number().nullable(),
  powerSource: sourceSchema,
  /** Held-out latencies, ms: before and after calibration beside what was measured. At most a few hundred. */
  points: z.array(z.object({ measuredMs: z.number(), beforeMs: z.number(), afterMs: z.number() })),
});
export type CalibrationSummary = z.infer<typeof calibrationSummarySchema>;

/** `ecomap/calibration`: how a calibration gets on. */
export const calibrationStatusSchema = z.object({
  /** `interrupted`: begun before a restart, and goes on where it was when it is started again. */
  phase: z.enum(['idle', 'profiling', 'measuring', 'training', 'done', 'cancelled', 'interrupted', 'failed']),
  /** Of the phase. */
  done: z.number().int().nonnegative(),
  total: z.number().int().nonnegative(),
  /** Of the whole; null while nobody can tell. */
  secondsLeft: z.number().nonnegative().nullable(),
  /** What is done right now, or what went wrong, in words; empty when idle. */
  text: z.string(),
  /** Stable code of a failure. */
  code: z.string().nullable(),
  /** Of the last calibration that ended on this device. */
  summary: calibrationSummarySchema.nullable(),
});
export type CalibrationStatus = z.infer<typeof calibrationStatusSchema>;

/** One device learns at a time; who starts it and who watches it may be different nodes. Implemented in src/mapping/calibration. */
export interface DeviceCalibration {
  /** Begins, or goes on where an interrupted one was. Does nothing while one runs. Never throws: failures are in the status. */
  start(samples?: number): void;
  /** Stops soon and keeps what was measured. */
  cancel(): void;
  /** Another one has calibrated this device: what it learned is used here, too. Never rejects. */
  catchUp(): Promise<void>;
  status(): CalibrationStatus;
  /** Told on every change; call the returned function to hear no more. */
  onChange(listener: (status: CalibrationStatus) => void): () => void;
}
