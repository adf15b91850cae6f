import type { LoadAnswer, StageRange } from '../host/protocol';

/** A model as a host knows it. `key` names one set of bytes; the same key is loaded once, however many ask for it. */
export interface HostModel {
  readonly key: string;
  readonly path: string;
  readonly sha256: string | null;
  /** Absent: the whole model. */
  readonly stage?: StageRange;
}

export interface Residence {
  readonly model: HostModel;
  /** Deployments that need it. Without any it is idle and may be evicted. */
  users: number;
  /** What loading it gives or gave. */
  answer: Promise<LoadAnswer>;
  loaded: boolean;
  /** Growth of the host's resident memory when it was loaded, bytes; 0 until then. */
  memoryBytes: number;
  /** Processes that ended while they loaded it. */
  deaths: number;
}

/**
 * The models that one host has in memory, with their users. Models without users stay while there is room for them, so that
 * swapping back and forth costs nothing; the least recently used goes first.
 */
export class ResidentModels {
  /** In the order of last use, the oldest first. */
  readonly #residents = new Map<string, Residence>();
  #changes = 0;

  /** @param idleBudgetBytes what all models together may measure for an idle one to stay; 0 keeps none */
  constructor(private readonly idleBudgetBytes: number) {}

  /** Models that have come or gone so far. */
  get changes(): number {
    return this.#changes;
  }

  /** Together, bytes. */
  get bytes(): number {
    return this.all().reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }

  /** It is in memory now. */
  loaded(residence: Residence, memoryBytes: number): void {
    residence.loaded = true;
    residence.memoryBytes = memoryBytes;
    this.#changes += 1;
  }

  get(key: string): Residence | undefined {
    return this.#residents.get(key);
  }

  /** Each model once, the least recently used first. */
  all(): Residence[] {
    return [...this.#residents.values()];
  }

  /** With one user, and yet to be loaded. */
  add(model: HostModel): Residence {
    const answer = new Promise<LoadAnswer>(() => undefined);
    const residence: Residence = { model, users: 1, answer, loaded: false, memoryBytes: 0, deaths: 0 };
    this.#residents.set(model.key, residence);
    return residence;
  }

  /** One more user. */
  use(residence: Residence): void {
    residence.users += 1;
    this.#touch(residence);
  }

  /** One user less; it stays, idle, until it is evicted. */
  leave(residence: Residence): void {
    residence.users = Math.max(0, residence.users - 1);
    this.#touch(residence);
  }

  /** False when somebody else has removed it, or another model has taken its place. */
  remove(residence: Residence): boolean {
    if (this.#residents.get(residence.model.key) !== residence) return false;
    this.#changes += 1;
    return this.#residents.delete(residence.model.key);
  }

  /** Forgets the idle models and returns them. */
  removeIdle(): Residence[] {
    return this.all().filter((residence) => residence.users === 0 && this.remove(residence));
  }

  clear(): void {
    this.#residents.clear();
  }

  /** The idle models that have to go, the least recently used first, for the rest to keep the budget. */
  overBudget(budgetBytes = this.idleBudgetBytes): Residence[] {
    let sum = this.bytes;
    const going: Residence[] = [];
    for (const residence of this.#residents.values()) {
      if (residence.users > 0 || (budgetBytes > 0 && sum <= budgetBytes)) continue;
      going.push(residence);
      sum -= residence.memoryBytes;
    }
    return going;
  }

  #touch(residence: Residence): void {
    const { key } = residence.model;
    if (this.#residents.get(key) !== residence) return;
    this.#residents.delete(key);
    this.#residents.set(key, residence);
  }
}
