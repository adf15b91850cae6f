import { z } from 'zod';

/** `ecomap/cancel`: takes a request back that waits or runs. Nothing happens where it has ended, or was never there. */
export const cancelSchema = z.object({
  /** `msg.requestId` of the request, else its `_msgid`. */
  requestId: z.union([z.string().min(1), z.number()]).transform(String),
});
export type Cancel = z.infer<typeof cancelSchema>;
