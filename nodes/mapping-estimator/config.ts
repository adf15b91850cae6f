import { z } from 'zod';
import { numberOr } from '../shared/optional-number';
import { tenantIds, tenantSlots } from '../shared/tenant-slots';

/** Config of a `mapping-estimator` node as it stands in a flow. */
export const mappingEstimatorConfig = z
  .object({
    device: z.string().default(''),
    ...tenantSlots,
    /** How long a plan that breaks limits waits for lighter variants, ms; 0 sends it at once. */
    selectorWaitMs: z.coerce.number().min(0).max(10_000).default(250),
    /** `auto`: the learned estimator wherever it knows enough; `analytic`: only ever the queueing model. */
    estimator: z.enum(['auto', 'analytic']).default('auto'),
    /** Windows of telemetry for which each of a few plans that predictions cannot tell apart is tried; 0: none is. */
    trialWindows: numberOr(z.number().int().min(0).max(20), 2),
    /** Co-locations that a calibration of the device measures unless its message says otherwise. */
    calibrationSamples: numberOr(z.number().int().min(40).max(1000), 160),
  })
  .transform((config) => ({ ...config, tenants: tenantIds(config) }));
export type MappingEstimatorConfig = z.infer<typeof mappingEstimatorConfig>;
