import { z } from 'zod';
import { tenantIds, tenantSlots } from '../shared/tenant-slots';

/** Config of a `variant-selector` node as it stands in a flow. */
export const variantSelectorConfig = z
  .object({
    ...tenantSlots,
    /** A heavier variant must be predicted to fit for this long before it is chosen, s. */
    upAfterS: z.coerce.number().min(0.1).max(86_400).default(20),
    /** Least time between a swap of a tenant and its next step up, s. */
    dwellS: z.coerce.number().min(0).max(86_400).default(10),
  })
  .transform((config) => ({ ...config, tenants: tenantIds(config) }));
