import { z } from 'zod';
import { tenantIds, tenantSlots } from '../shared/tenant-slots';

/** Config of a `sample-requests` node as it stands in a flow. */
export const sampleRequestsConfig = z
  .object({
    ...tenantSlots,
    /** Mean requests per second to each tenant; 0 sends only on demand. */
    ratePerS: z.coerce.number().min(0).max(200).default(5),
    /** Different generated samples per family. */
    poolSize: z.coerce.number().int().min(1).max(1000).default(64),
    seed: z.coerce.number().default(1),
  })
  .transform((config) => ({ ...config, tenants: tenantIds(config) }));
