import { z } from 'zod';
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
  })
  .transform((config) => ({ ...config, tenants: tenantIds(config) }));
export type MappingEstimatorConfig = z.infer<typeof mappingEstimatorConfig>;
