import { join } from 'node:path';
import { z } from 'zod';
import { fileNameOf } from '../../signals/json-file';
import { KeptFile } from '../../signals/kept-file';

/** What is left of a day's grams; times are the grid's, ms since the epoch. */
const budgetStateSchema = z.object({
  version: z.literal(1),
  gramsPerDay: z.number().positive(),
  dayMs: z.number(),
  leftG: z.number(),
  atMs: z.number(),
});
export type BudgetState = z.infer<typeof budgetStateSchema>;

/** Keeps what is left of a budget over redeploys and restarts. */
export class KeptBudget extends KeptFile<BudgetState> {
  /** @param owner whose budget it is, e.g. the id of a node */
  constructor(stateDirectory: string, owner: string, warn: (text: string) => void) {
    super({
      path: join(stateDirectory, 'ecomap', 'budget', `${fileNameOf(owner)}.json`),
      schema: budgetStateSchema,
      consequence: "the day's budget begins anew",
      warn,
    });
  }
}
