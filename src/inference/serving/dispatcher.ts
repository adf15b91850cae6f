import type { Clock } from '../clock';
import { Alarm } from './alarm';
import type { Waiting } from './queue';

/** One tenant as its component's dispatcher sees it. */
export interface DispatchClient {
  /** Its share of the component's time: twice the weight, twice the time. */
  readonly weight: number;
  /** How long its answers may take, ms: the tighter, the less is handed over in advance. */
  readonly latencyLimitMs: number;
  /** The request that would be served next. */
  head(): Waiting | undefined;
  /** Until then it would rather wait for more requests to join the next run; -Infinity when it would not. */
  ripeAtMs(): number;
  /** Whether the next run could still take more requests than wait for it. */
  readonly gathering: boolean;
  /** What a run is expected to take, ms; null when nothing is known yet. */
  expectedRunMs(): number | null;
  /**
   * Takes the head, with others that fit into the same run, and runs it. Resolves, never rejects, with the milliseconds that
   * it kept the component busy. Null: the head was refused without running, or found another way.
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
 * Shortly before the run under way should end, the next one is handed over in advance, so that the host need not wait for it:
 * about 1 ms on a busy device. Not much earlier, because what was handed over cannot be overtaken, refused or given to a lighter
 * variant any more; and not much later, because no run takes exactly what is expected.
 */
const advanceMs = 5;
/** Who comes after that waits for both runs: together they may take this share of the tightest limit on the component. */
const shareOfLimit = 0.25;
/** So short together that waiting for them costs little, whatever the limits are: the second goes along with the first. */
const shortMs = 8;

interface UnderWay {
  readonly expectedMs: number | null;
  /** When it was handed over, or the run before it ended. */
  beganMs: number;
}

interface Account {
  /** Component time used so far by weight, brought up to the others' at each return from idleness, ms. */
  usedMs: number;
  /** When it last was served, or became busy. */
  servedAtMs: number;
  waiting: boolean;
}

/**
 * Chooses what one component computes next: the highest priority first; among equals the tenant that has had the least
 * component time for its weight (so a big model never keeps a small one with a tight limit waiting for more than the run under
 * way); then the longest waiting. A tenant that waits too long behind higher priorities is served once in a while all the same.
 */
export class Dispatcher {
  readonly #clients = new Map<DispatchClient, Account>();
  readonly #clock: Clock;
  readonly #ready: () => boolean;
  readonly #starvationMs: number;
  /** The run that the host computes, and the one that was handed over in advance. */
  readonly #underWay: UnderWay[] = [];
  /** Time used by whoever was served last: the measure for those who come back from idleness. */
  #levelMs = 0;
  #busyMs = 0;
  /** What two runs may take together so that the second is handed over in advance. */
  #mostInAdvanceMs = Infinity;
  /** Rings when a batch has been waited for long enough. */
  readonly #ripe: Alarm;
  /** Rings when it is time to hand over in advance. */
  readonly #advance: Alarm;

  constructor(options: DispatcherOptions) {
    this.#clock = options.clock;
    this.#ripe = new Alarm(options.clock, () => this.pump());
    this.#advance = new Alarm(options.clock, () => this.pump());
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
      this.#limitAdvance();
    }
    this.pump();
  }

  detach(client: DispatchClient): void {
    this.#clients.delete(client);
    this.#limitAdvance();
    if (this.#clients.size > 0) return;
    this.#ripe.clear();
    this.#advance.clear();
  }

  /** Hands over what can be handed over now. Call it when a request came, a run ended or the host became ready. */
  pump(): void {
    // When the host is back, it says so.
    if (!this.#ready()) this.#ripe.clear();
    while (this.#mayHaveRoom() && this.#ready()) {
      const next = this.#next();
      if (next === null || !this.#hasRoom(next)) return;
      this.#start(next.client, next.account);
    }
  }

  /** Answers most calls under load, without looking at the tenants. */
  #mayHaveRoom(): boolean {
    const running = this.#underWay[0];
    if (running === undefined) return true;
    if (this.#underWay.length > 1 || this.#advance.isSet) return false;
    return running.expectedMs !== null && running.expectedMs < this.#mostInAdvanceMs;
  }

  #hasRoom({ client, head }: Candidate): boolean {
    const running = this.#underWay[0];
    if (running === undefined) return true;
    const expectedMs = client.expectedRunMs();
    if (running.expectedMs === null || expectedMs === null || client.gathering) return false;
    const nowMs = this.#clock.nowMs();
    const bothMs = running.expectedMs + expectedMs;
    if (bothMs > this.#mostInAdvanceMs) return false;
    if (bothMs > shortMs) {
      const dueMs = running.beganMs + running.expectedMs - advanceMs;
      if (nowMs < dueMs) {
        this.#advance.setFor(dueMs);
        return false;
      }
    }
    // What was handed over cannot be refused or given to a lighter variant any more.
    const endsMs = Math.max(nowMs, running.beganMs + running.expectedMs) + expectedMs;
    return head.deadlineMs === null || head.deadlineMs <= nowMs || endsMs <= head.deadlineMs;
  }

  /** Where nobody else uses the component, only requests of the same tenant wait, which would wait anyway. */
  #limitAdvance(): void {
    const limits = Array.from(this.#clients.keys(), ({ latencyLimitMs }) => latencyLimitMs);
    this.#mostInAdvanceMs = limits.length > 1 ? Math.max(shortMs, shareOfLimit * Math.min(...limits)) : Infinity;
  }

  #start(client: DispatchClient, account: Account): void {
    const expectedMs = client.expectedRunMs();
    const run = client.dispatch();
    if (run === null) return;
    const nowMs = this.#clock.nowMs();
    const entry: UnderWay = { expectedMs, beganMs: nowMs };
    this.#underWay.push(entry);
    const chargedMs = expectedMs ?? 0;
    this.#levelMs = account.usedMs;
    account.usedMs += chargedMs / client.weight;
    account.servedAtMs = nowMs;
    void run.then((busyMs) => {
      account.usedMs += (busyMs - chargedMs) / client.weight;
      this.#busyMs += busyMs;
      this.#end(entry);
      this.pump();
    });
  }

  #end(run: UnderWay): void {
    const place = this.#underWay.indexOf(run);
    this.#underWay.splice(place, 1);
    this.#advance.clear();
    const next = this.#underWay[0];
    if (place === 0 && next !== undefined) next.beganMs = this.#clock.nowMs();
  }

  #next(): Candidate | null {
    const nowMs = this.#clock.nowMs();
    let best: Candidate | null = null;
    let soonestMs = Infinity;
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
      const ripeAtMs = client.ripeAtMs();
      if (ripeAtMs > nowMs) {
        soonestMs = Math.min(soonestMs, ripeAtMs);
        continue;
      }
      const candidate = { client, account, head, starved: nowMs - account.servedAtMs > this.#starvationMs };
      if (best === null || goesFirst(candidate, best)) best = candidate;
    }
    // While something runs, its end asks again.
    if (best === null && soonestMs < Infinity && this.#underWay.length === 0) this.#ripe.setFor(soonestMs);
    else this.#ripe.clear();
    return best;
  }
}

interface Candidate {
  readonly client: DispatchClient;
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
