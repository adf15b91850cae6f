import { isEcomapError, type EcomapError } from '../../signals/errors';
import type { LoadAnswer } from '../host/protocol';
import { modelFileBytes } from './memory-limit';
import { ResidentModels, type HostModel, type Residence } from './resident-models';

export interface HostModelsOptions {
  readonly orderLoad: (model: HostModel) => Promise<LoadAnswer>;
  readonly orderUnload: (key: string) => Promise<null>;
  /** Models larger than this are refused, bytes. */
  readonly memoryLimitBytes: number;
  /** Models without users stay loaded while all models together measure less than this, bytes. */
  readonly idleBudgetBytes: number;
  /** A model that was loaded before a restart could not be loaded again. */
  readonly onLost: (model: HostModel, error: EcomapError) => void;
}

/** A model that ended so many processes while it was loaded again is given up. */
const mostReloadDeaths = 2;

/** Loads models into the process of a host, frees them, and loads them again into the process that follows. */
export class HostModels {
  readonly #residents: ResidentModels;
  #reloading: Residence | null = null;

  constructor(private readonly options: HostModelsOptions) {
    this.#residents = new ResidentModels(options.idleBudgetBytes);
  }

  /** Models in memory, those without users included. */
  get count(): number {
    return this.#residents.all().length;
  }
  /** What they measure together, bytes. */
  get bytes(): number {
    return this.#residents.bytes;
  }
  /** Counts the changes of what is in memory. */
  get changes(): number {
    return this.#residents.changes;
  }
  get hasIdle(): boolean {
    return this.#residents.all().some(({ users, loaded }) => users === 0 && loaded);
  }

  isLoaded(key: string): boolean {
    return this.#residents.get(key)?.loaded ?? false;
  }

  /** What one model measures, bytes; null when that is not known. */
  bytesOf(key: string): number | null {
    return this.#residents.get(key)?.memoryBytes ?? null;
  }

  /** Loads a model, or counts one more user of it. @throws EcomapError as `HostProcess.load` */
  async load(model: HostModel): Promise<LoadAnswer> {
    const resident = this.#residents.get(model.key);
    if (resident !== undefined) {
      this.#residents.use(resident);
      return resident.answer;
    }
    const added = this.#residents.add(model);
    added.answer = this.#loadNow(added);
    try {
      return await added.answer;
    } catch (error) {
      // Also when the load itself killed the process: it must not do so again at each restart.
      this.#residents.remove(added);
      throw error;
    } finally {
      void this.evictIdle();
    }
  }

  /** Takes one user of the model away; without users it is idle, and stays as the budget allows. Never fails. */
  async unload(key: string): Promise<void> {
    const resident = this.#residents.get(key);
    if (resident === undefined) return;
    this.#residents.leave(resident);
    if (resident.users === 0) await this.evictIdle();
  }

  /** Frees idle models, the least recently used first, until all together keep the budget. Resolves with their number. */
  async evictIdle(budgetBytes = this.options.idleBudgetBytes): Promise<number> {
    const going = this.#residents.overBudget(budgetBytes).filter((residence) => this.#residents.remove(residence));
    // A dead host has freed it anyway.
    await Promise.all(going.map(({ model: { key } }) => this.options.orderUnload(key).catch(() => undefined)));
    return going.length;
  }

  /**
   * Loads into a new process what was in use in the one before it.
   * @param isCurrent false when that process is no longer the one that counts: then it ends early
   */
  async reload(isCurrent: () => boolean): Promise<void> {
    for (const resident of this.#residents.all()) {
      if (!isCurrent()) return;
      // Its last user may have left while the ones before it were loaded.
      if (this.#residents.get(resident.model.key) !== resident) continue;
      this.#reloading = resident;
      resident.answer = this.#loadNow(resident);
      try {
        await resident.answer;
      } catch (error) {
        if (!isCurrent()) return;
        this.#residents.remove(resident);
        if (isEcomapError(error)) this.options.onLost(resident.model, error);
      }
    }
    if (isCurrent()) this.#reloading = null;
  }

  /** The process has died: what nobody uses need not be loaded again. */
  forgetIdle(): void {
    this.#residents.removeIdle();
  }

  /** The process has died: a model that ends its host whenever it is loaded must not keep the others from being served. */
  giveUpReloading(error: EcomapError): void {
    const resident = this.#reloading;
    this.#reloading = null;
    if (resident === null || (resident.deaths += 1) < mostReloadDeaths) return;
    if (this.#residents.remove(resident)) this.options.onLost(resident.model, error);
  }

  clear(): void {
    this.#residents.clear();
  }

  async #loadNow(residence: Residence): Promise<LoadAnswer> {
    const fileBytes = await modelFileBytes(residence.model.path, this.options.memoryLimitBytes);
    const answer = await this.options.orderLoad(residence.model);
    // Memory that was freed before and is used again does not show as growth.
    this.#residents.loaded(residence, Math.max(answer.memoryBytes, fileBytes));
    return answer;
  }
}
