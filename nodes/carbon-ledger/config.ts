import { z } from 'zod';
import { numberOr } from '../shared/optional-number';

/** Config of a `carbon-ledger` node as it stands in a flow. */
export const carbonLedgerConfig = z.object({
  /** Goes on with the account after a restart. */
  persist: z.preprocess((value) => value === true || value === 'true', z.boolean()),
  /** Seconds between two lines in the log; 0 or empty writes none. */
  logEveryS: numberOr(z.number().min(0).max(86_400), 0),
});
