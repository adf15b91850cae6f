import type { Clock } from '../clock';
import type { Waiting } from './queue';

/** One tenant as its component's dispatcher sees it. */
export interface DispatchClient {
  /** The request that would be served next. */
  head(): Waiting | undefined;
  /** What a run is expected to take, ms; null when nothing is known yet. */
  expectedRunMs(): number | null;
  /**
   * Takes the head and runs it. Resolves, never rejects, with the milliseconds that it kept the component busy. Null: the
   * head was refused without running.
   */
  dispatch(): Promise<number> | null;
}

export interface DispatcherOptions {
  readonly clock: Clock;
  /** Whether the host takes requests now. */
  readonly ready: () => boolean;
  /** A tenant that has waited this long without being served goes first once, whatever its priority. */
  readonly starvationMs?: number;
}

/**
 * A second request is handed over in advance only when both runs are this short together: then the way between the processes
 * is a good part of the run, and waiting behind a request that was handed over costs little.
 */
const prefetchMs = 8;

interface Account {
  /** Component time used so far, brought up to the others' at each return from idleness, ms. */
  usedMs: number;
  /** When it last was served, or became busy. */
  servedAtMs: number;
  waiting: boolean;
}

/**
 * Chooses what one component computes next: the highest priority first; among equals the tenant that has had the least
 * component time (so a big model never keeps a small one waiting for more than the run under way); then the longest
 * waiting. A tenant that waits too long behind higher priorities is served once in a while all the same.
 */
export class Dispatcher {
  readonly #clients = new Map<DispatchClient, Account>();
  readonly #clock: Clock;
  readonly #ready: () => boolean;
  readonly #starvationMs: number;
  /** Expected times of the runs under way. */
  readonly #underWay = new Set<{ expectedMs: number | null }>();
  /** Time used by whoever was served last: the measure for those who come back from idleness. */
  #levelMs = 0;
  #busyMs = 0;

  constructor(options: DispatcherOptions) {
    this.#clock = options.clock;
    this.#ready = options.ready;
    this.#starvationMs = options.starvationMs ?? 1000;
  }

  /** Milliseconds in which the component computed, since the dispatcher was made. */
  get busyMs(): number {
    return this.#busyMs;
  }

  attach(client: DispatchClient): void {
    if (!this.#clients.has(client)) {
      this.#clients.set(client, { usedMs: this.#levelMs, servedAtMs: this.#clock.nowMs(), waiting: false });
    }
    this.pump();
  }

  detach(client: DispatchClient): void {
    this.#clients.delete(client);
  }

  /** Hands over what can be handed over now. Call it when a request came, a run ended or the host became ready. */
  pump(): void {
    while (this.#ready()) {
      const next = this.#next();
      if (next === null || !this.#hasRoom(next.client)) return;
      this.#start(next.client, next.account);
    }
  }

  #hasRoom(client: DispatchClient): boolean {
    if (this.#underWay.size === 0) return true;
    if (this.#underWay.size > 1) return false;
    const [running] = this.#underWay;
    const expectedMs = client.expectedRunMs();
    return running?.expectedMs != null && expectedMs !== null && running.expectedMs + expectedMs <= prefetchMs;
  }

  #start(client: DispatchClient, account: Account): void {
    const expectedMs = client.expectedRunMs();
    const run = client.dispatch();
    if (run === null) return;
    const entry = { expectedMs };
    this.#underWay.add(entry);
    const chargedMs = expectedMs ?? 0;
    this.#levelMs = account.usedMs;
    account.usedMs += chargedMs;
    account.servedAtMs = this.#clock.nowMs();
    void run.then((busyMs) => {
      account.usedMs += busyMs - chargedMs;
      this.#busyMs += busyMs;
      this.#underWay.delete(entry);
      this.pump();
    });
  }

  #next(): { client: DispatchClient; account: Account } | null {
    const nowMs = this.#clock.nowMs();
    let best: { client: DispatchClient; account: Account; head: Waiting; starved: boolean } | null = null;
    for (const [client, account] of this.#clients) {
      const head = client.head();
      if (head === undefined) {
        account.waiting = false;
        continue;
      }
      if (!account.waiting) {
        account.waiting = true;
        account.usedMs = Math.max(account.usedMs, this.#levelMs);
        account.servedAtMs = Math.max(account.servedAtMs, head.arrivedMs);
      }
      const candidate = { client, account, head, starved: nowMs - account.servedAtMs > this.#starvationMs };
      if (best === null || goesFirst(candidate, best)) best = candidate;
    }
    return best;
  }
}

interface Candidate {
  readonly account: Account;
  readonly head: Waiting;
  readonly starved: boolean;
}

function goesFirst(one: Candidate, other: Candidate): boolean {
  if (one.starved !== other.starved) return one.starved;
  if (one.starved) return one.account.servedAtMs < other.account.servedAtMs;
  if (one.head.priority !== other.head.priority) return one.head.priority < other.head.priority;
  if (one.account.usedMs !== other.account.usedMs) return one.account.usedMs < other.account.usedMs;
  return one.head.arrivedMs < other.head.arrivedMs;
}
