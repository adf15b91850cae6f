import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../signals/errors';
import { fileNameOf, readJsonFile, writeJsonFile } from '../../signals/json-file';

/** What is left of a day's grams; times are the grid's, ms since the epoch. */
const budgetStateSchema = z.object({
  version: z.literal(1),
  gramsPerDay: z.number().positive(),
  dayMs: z.number(),
  leftG: z.number(),
  atMs: z.number(),
});
export type BudgetState = z.infer<typeof budgetStateSchema>;

/** Written once in so long, and when the node stops, ms. */
const leastBetweenMs = 60_000;

/** Keeps what is left of a budget over redeploys and restarts. Nothing is thrown: what goes wrong is told once. */
export class KeptBudget {
  private readonly path: string;
  private savedAtMs: number | null = null;
  private told = false;

  /** @param owner whose budget it is, e.g. the id of a node */
  constructor(
    stateDirectory: string,
    owner: string,
    private readonly warn: (text: string) => void,
  ) {
    this.path = join(stateDirectory, 'ecomap', 'budget', `${fileNameOf(owner)}.json`);
  }

  /** Null where nothing was kept, or it cannot be read. */
  async load(): Promise<BudgetState | null> {
    try {
      const content = await readJsonFile(this.path);
      return content === undefined ? null : budgetStateSchema.parse(content);
    } catch (error) {
      this.tell(`cannot be read (${messageOf(error)}): the day's budget begins anew`);
      return null;
    }
  }

  /** @param nowMs monotonic time; null writes whenever the last time was */
  async save(state: BudgetState, nowMs: number | null): Promise<void> {
    if (nowMs !== null && this.savedAtMs !== null && nowMs - this.savedAtMs < leastBetweenMs) return;
    this.savedAtMs = nowMs;
    try {
      await writeJsonFile(this.path, state);
    } catch (error) {
      this.tell(`cannot be written (${messageOf(error)}): after a restart the day's budget begins anew`);
    }
  }

  /** The owner is gone for good. */
  async forget(): Promise<void> {
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  private tell(what: string): void {
    if (!this.told) this.warn(`${this.path} ${what}`);
    this.told = true;
  }
}
