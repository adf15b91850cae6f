import { z } from 'zod';
import { sourceSchema, timeSchema } from './quantities';

export const latencyQuantilesSchema = z.object({
  mean: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  maximum: z.number(),
});
export type LatencyQuantiles = z.infer<typeof latencyQuantilesSchema>;

const count = z.number().int().nonnegative();

export const tenantTelemetrySchema = z.object({
  tenant: z.string(),
  /** In force at the end of the window. */
  variant: z.string(),
  latencyLimitMs: z.number(),
  /** Requests that ended in this window: offered = served + rejected + failed. Late ones are among the served. */
  offered: count,
  served: count,
  late: count,
  /** Refused before they ran: QUEUE_FULL, DEADLINE_EXCEEDED, INPUT_MISMATCH, ... */
  rejected: count,
  /** Lost while they ran: HOST_CRASHED, ... */
  failed: count,
  /** How often each error code ended a request. */
  reasons: z.record(z.string(), count),
  /** From arrival to answer, ms, of the served; null when none was. */
  latencyMs: latencyQuantilesSchema.nullable(),
  queueMs: latencyQuantilesSchema.nullable(),
  /** Accuracy (model card) of the answers within the deadline, weighted by requests; null when none was. */
  effectiveAccuracy: z.number().nullable(),
  byVariant: z.array(
    z.object({
      variant: z.string(),
      accuracy: z.number(),
      served: count,
      inTime: count,
      energyJ: z.number().nullable(),
    }),
  ),
  /** Energy above idle, J; null when unknown. */
  energyJ: z.number().nullable(),
  /** What the same served requests would have cost with the most accurate variant at full speed, J above idle; null when not profiled. */
  alwaysMaxEnergyJ: z.number().nullable(),
  /** Runs of the model: fewer than `served` where requests were computed together. */
  executions: count,
  /** Served by a lighter variant than the plan's, because the queue was full or time was short. Among the served. */
  downgraded: count,
  /** Changes of variant in this window. */
  swaps: count,
});
export type TenantTelemetry = z.infer<typeof tenantTelemetrySchema>;

/** `ecomap/telemetry`: what the executor did in one window of time. */
export const telemetrySchema = z.object({
  windowFrom: timeSchema,
  windowTo: timeSchema,
  /** Length of the window on the monotonic clock, s. */
  durationS: z.number().nonnegative(),
  tenants: z.array(tenantTelemetrySchema),
  components: z.array(
    z.object({
      component: z.string(),
      /** Share of the window in which a request ran. */
      busyFraction: z.number(),
      cpuSeconds: z.number(),
      /** Processes that died and were replaced. */
      restarts: count,
      /** Processes that were replaced because of their age or memory, without losing a request. */
      recycled: count.default(0),
    }),
  ),
  energy: z.object({
    /** Whole device over the window, J; null when unknown. */
    totalJ: z.number().nullable(),
    idleJ: z.number().nullable(),
    source: sourceSchema,
    /** How it was obtained, in words. */
    method: z.string(),
  }),
  operatingPoint: z.string(),
  capW: z.number().nullable(),
  planId: z.string().nullable(),
});
export type Telemetry = z.infer<typeof telemetrySchema>;
