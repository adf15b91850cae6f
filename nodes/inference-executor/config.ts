import { z } from 'zod';
import { numberOr, optionalNumber } from '../shared/optional-number';
import { tenantIds, tenantSlots } from '../shared/tenant-slots';

/** Config of an `inference-executor` node as it stands in a flow. */
export const inferenceExecutorConfig = z
  .object({
    device: z.string().default(''),
    ...tenantSlots,
    /** Config node id of the tenant that answers messages without `msg.tenant`; empty means "the only one". */
    defaultTenant: z.string().trim().default(''),
    /** Requests that may wait, per tenant. */
    queueLength: numberOr(z.number().int().min(1).max(10_000), 32),
    /** What an inference process may take, MB; null leaves it to the executor. */
    hostMemoryLimitMb: optionalNumber(z.number().min(64)).default(null),
    /** When a process is replaced although nothing is wrong with it: ONNX Runtime does not always give memory back. */
    recycleHours: numberOr(
      z
        .number()
        .positive()
        .max(24 * 365),
      24,
    ),
    recycleGrowthMb: numberOr(z.number().positive(), 512),
    /** Length of a telemetry window, s. */
    telemetryS: numberOr(z.number().min(0.2).max(3600), 5),
  })
  .transform((config) => ({ ...config, tenants: tenantIds(config) }));
export type InferenceExecutorConfig = z.infer<typeof inferenceExecutorConfig>;
