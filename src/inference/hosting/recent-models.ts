import type { Variant } from '../../signals/tenant';
import { hostModelOf } from './deployment';
import type { ServedTenant } from './served-tenant';

/** A variant that has served a tenant. */
export interface RecentUse {
  readonly client: ServedTenant;
  readonly variant: Variant;
}

/** More than these are not taken along: every one makes a change of process longer. */
const mostRecent = 4;

/** What was used last in a place: a tenant that goes back to it finds it in memory. */
export class RecentModels {
  /** The latest first. */
  #uses: RecentUse[] = [];

  remember({ client, variant }: RecentUse): void {
    const { key } = hostModelOf(variant);
    const others = this.#uses.filter((use) => use.client !== client || hostModelOf(use.variant).key !== key);
    this.#uses = [{ client, variant }, ...others].slice(0, mostRecent);
  }

  /**
   * What a new process should load, too: the oldest first, so that it is the first to be evicted again.
   * @param present keys of models that it has already
   * @param bytesOf what a model takes by its key, null where it is not in memory
   * @param budgetBytes what all together may take
   */
  worthKeeping(
    present: Iterable<string>,
    bytesOf: (key: string) => number | null,
    budgetBytes: number,
  ): readonly RecentUse[] {
    const keys = new Set(present);
    let leftBytes = budgetBytes;
    const keep: RecentUse[] = [];
    for (const use of this.#uses) {
      const { key } = hostModelOf(use.variant);
      const bytes = bytesOf(key);
      if (keys.has(key) || bytes === null || bytes > leftBytes) continue;
      keys.add(key);
      leftBytes -= bytes;
      keep.unshift(use);
    }
    return keep;
  }
}
