import { join } from 'node:path';
import { z } from 'zod';
import { fileNameOf } from '../../signals/json-file';
import { KeptFile } from '../../signals/kept-file';
import { accountStateSchema, type AccountState } from './account';

/** What a day's answers have given up, and whose answers they were: of other tenants it says nothing. */
function keptAccountSchema(tenants: readonly string[]) {
  return z.object({
    version: z.literal(1),
    tenants: z
      .array(z.string())
      .refine((names) => sorted(names) === sorted(tenants), { error: 'these are not the tenants any more' }),
    account: accountStateSchema,
  });
}

const sorted = (names: readonly string[]): string => JSON.stringify([...names].sort());

/** Keeps what a day's answers have given up in accuracy over redeploys and restarts, so that its allowance is not granted again. */
export class KeptAccuracyAccount {
  private readonly file: KeptFile<z.infer<ReturnType<typeof keptAccountSchema>>>;
  private readonly tenants: string[];

  /** @param owner whose account it is, e.g. the id of a node */
  constructor(stateDirectory: string, owner: string, tenants: readonly string[], warn: (text: string) => void) {
    this.tenants = [...tenants];
    this.file = new KeptFile({
      path: join(stateDirectory, 'ecomap', 'accuracy', `${fileNameOf(owner)}.json`),
      schema: keptAccountSchema(tenants),
      consequence: "the day's account of accuracy begins anew",
      warn,
    });
  }

  /** Null where nothing was kept, or it cannot be used. */
  async load(): Promise<AccountState | null> {
    return (await this.file.load())?.account ?? null;
  }

  /**
   * @param account null: there is nothing to keep
   * @param nowMs monotonic time; null writes whenever the last time was
   */
  async save(account: AccountState | null, nowMs: number | null): Promise<void> {
    if (account !== null) await this.file.save({ version: 1, tenants: this.tenants, account }, nowMs);
  }

  forget(): Promise<void> {
    return this.file.forget();
  }
}
