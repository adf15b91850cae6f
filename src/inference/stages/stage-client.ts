import type { EcomapError } from '../../signals/errors';
import type { DispatchClient } from '../serving/dispatcher';
import { RequestQueue, type Waiting } from '../serving/queue';

/** A run that has left one stage and waits for the next. */
export interface StageJob extends Waiting {
  /** As `DispatchClient.dispatch`. */
  start(): Promise<number> | null;
  refuse(error: EcomapError): void;
}

export interface StageClientOptions {
  /** The tenant's. */
  readonly weight: number;
  /** The tenant's, ms. */
  readonly latencyLimitMs: number;
  /** What a run of this stage takes, ms; null when nothing is known. */
  readonly expectedMs: () => number | null;
  /** False while the stage after this one is so far behind that its tensors would pile up. */
  readonly mayStart: () => boolean;
}

/** A later stage of a tenant's model as the dispatcher of its component sees it: it competes like a tenant of its own. */
export class StageClient implements DispatchClient {
  readonly weight: number;
  readonly latencyLimitMs: number;
  /** Runs come as they are: what is computed together was settled before the first stage. */
  readonly gathering = false;
  readonly #queue = new RequestQueue<StageJob>();

  constructor(private readonly options: StageClientOptions) {
    this.weight = options.weight;
    this.latencyLimitMs = options.latencyLimitMs;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  put(job: StageJob): void {
    this.#queue.put(job);
  }

  head(): Waiting | undefined {
    return this.options.mayStart() ? this.#queue.head() : undefined;
  }

  ripeAtMs(): number {
    return -Infinity;
  }

  expectedRunMs(): number | null {
    return this.options.expectedMs();
  }

  dispatch(): Promise<number> | null {
    return this.#queue.take()?.start() ?? null;
  }

  /** Nobody will compute what waits here. */
  refuseAll(error: EcomapError): void {
    for (const job of this.#queue.takeAll()) job.refuse(error);
  }
}
