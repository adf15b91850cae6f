import { z } from 'zod';
import { tenantIds, tenantSlots } from '../shared/tenant-slots';

/** Config of a `mapping-estimator` node as it stands in a flow. */
export const mappingEstimatorConfig = z
  .object({
    device: z.string().default(''),
    ...tenantSlots,
    /** How long a plan that breaks limits waits for lighter variants, ms; 0 sends it at once. */
    selectorWaitMs: z.coerce.number().min(0).max(10_000).default(250),
  })
  .transform((config) => ({ ...config, tenants: tenantIds(config) }));
export type MappingEstimatorConfig = z.infer<typeof mappingEstimatorConfig>;
