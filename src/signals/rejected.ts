import { z } from 'zod';

/** Why a tenant does not run a variant that somebody might ask about. */
export const rejectedSchema = z.object({
  tenant: z.string(),
  variant: z.string(),
  /**
   * What ruled it out: a limit that would break (`latency`, `load`, `power`), the least accuracy of the tenant (`accuracy`), what
   * accuracy is worth today (`price`), that it has not fitted for long enough yet (`wait`), or that it was not measured.
   */
  constraint: z.enum(['latency', 'load', 'power', 'accuracy', 'price', 'wait', 'unmeasured']),
  /** In the unit of the constraint: ms, busy share, W, accuracy 0..1, grams per percentage point and request, s; null where unknown. */
  value: z.number().nullable(),
  limit: z.number().nullable(),
  text: z.string(),
});
export type Rejected = z.infer<typeof rejectedSchema>;
