import type { EcomapError } from '../../signals/errors';
import type { Tenant } from '../../signals/tenant';
import type { Clock } from '../clock';
import type { RunAnswer } from '../host/protocol';
import type { Dispatcher } from '../serving/dispatcher';
import type { RunWay } from '../serving/variant-server';
import { StageClient } from './stage-client';
import { busyMsOf } from './stage-deployment';

export interface StageQueuesOptions {
  readonly tenant: Tenant;
  /** By stage. */
  readonly dispatchers: readonly Dispatcher[];
  /** What a run of a stage takes, ms; null when nothing is known. */
  readonly expectedMs: (stage: number) => number | null;
  /** The least that a run takes from this stage on, ms; 0 when nothing is known. */
  readonly leastMsFrom: (stage: number) => number;
  readonly clock: Clock;
}

/**
 * Runs that have begun one stage and not yet the next are at most so many, so that no more than these can come to wait there with
 * their tensors: one that waits and one that is being computed keep a component busy, more would only take memory.
 */
const mostAhead = 2;

/** How far a run has come: the stage that it has not begun yet. */
export interface Passage {
  towards: number;
}

/** The way of runs from stage to stage: each waits for its turn on the next component, and none runs far ahead of it. */
export class StageQueues {
  /** The clients of the stages after the first, in their order. */
  readonly #clients: readonly StageClient[];
  /** By stage: runs that have begun the one before it and not yet this one. */
  readonly #ahead: number[];
  readonly #stages: number;
  /** Why no stage can be begun; null when all can. */
  #problem: EcomapError | null = null;

  constructor(private readonly options: StageQueuesOptions) {
    const { tenant, dispatchers, expectedMs } = options;
    this.#stages = dispatchers.length;
    this.#ahead = dispatchers.map(() => 0);
    this.#clients = dispatchers.slice(1).map(
      (_, index) =>
        new StageClient({
          weight: tenant.serving.weight,
          latencyLimitMs: tenant.latencyLimitMs,
          expectedMs: () => expectedMs(index + 1),
          mayStart: () => this.#hasRoomAfter(index + 1),
        }),
    );
  }

  /** Whether another run may begin now. */
  get accepts(): boolean {
    return this.#hasRoomAfter(0);
  }

  /** Runs that wait for a later stage. */
  get waiting(): number {
    return this.#clients.reduce((sum, client) => sum + client.waiting, 0);
  }

  attach(): void {
    this.#clients.forEach((client, index) => this.options.dispatchers[index + 1]?.attach(client));
  }

  detach(): void {
    this.#clients.forEach((client, index) => this.options.dispatchers[index + 1]?.detach(client));
  }

  /** What waits for a stage ends with this error, and so does what comes to wait there, until `resume`. */
  abandon(error: EcomapError): void {
    this.#problem = error;
    for (const client of this.#clients) client.refuseAll(error);
  }

  resume(): void {
    this.#problem = null;
  }

  /** A run begins the first stage. Every passage has to be ended. */
  begin(): Passage {
    const passage: Passage = { towards: 1 };
    this.#count(passage, 1);
    return passage;
  }

  /** The run has gone through all stages, or has failed. */
  end(passage: Passage): void {
    this.#advance(passage, this.#stages);
  }

  /**
   * Computes a later stage when it is its turn.
   * @throws EcomapError CANCELLED or DEADLINE_EXCEEDED when its answer is of no use any more by then, that of `abandon`; what
   * `compute` throws
   */
  turn(
    stage: number,
    compute: () => Promise<RunAnswer>,
    { urgency, refusal }: RunWay,
    passage: Passage,
  ): Promise<RunAnswer> {
    return new Promise<RunAnswer>((resolve, reject) => {
      const { clock, dispatchers, leastMsFrom } = this.options;
      if (this.#problem !== null) {
        reject(this.#problem);
        return;
      }
      this.#clients[stage - 1]?.put({
        ...{ priority: urgency.priority, arrivedMs: urgency.arrivedMs, deadlineMs: urgency.deadlineMs },
        start: () => {
          const why = refusal(leastMsFrom(stage));
          if (why !== null) {
            reject(why);
            return null;
          }
          this.#advance(passage, stage + 1);
          const startedMs = clock.nowMs();
          const answer = compute();
          answer.then(resolve, reject);
          return answer.then(busyMsOf, () => clock.nowMs() - startedMs);
        },
        refuse: reject,
      });
      dispatchers[stage]?.pump();
    });
  }

  #hasRoomAfter(stage: number): boolean {
    return stage === this.#stages - 1 || (this.#ahead[stage + 1] ?? 0) < mostAhead;
  }

  /** The run now begins the stage before this one, or has ended: what came before may go on. */
  #advance(passage: Passage, towards: number): void {
    const from = passage.towards;
    if (from === towards) return;
    this.#count(passage, -1);
    passage.towards = towards;
    this.#count(passage, 1);
    this.options.dispatchers[from - 1]?.pump();
  }

  #count({ towards }: Passage, by: number): void {
    if (towards < this.#stages) this.#ahead[towards] = (this.#ahead[towards] ?? 0) + by;
  }
}
