import { asEcomapError, EcomapError, type ErrorCode } from '../../signals/errors';
import type { Variant } from '../../signals/tenant';
import type { Clock } from '../clock';
import { HostLostError } from '../hosting/host-lost-error';
import type { Accounting } from './accounting';
import type { Batch } from './batch';
import type { PendingRequest } from './pending-request';
import { isTooLate, type Waiting } from './queue';
import { RunsUnderWay } from './runs-under-way';
import type { VariantServer } from './variant-server';

/** The model or host would not compute this input: nothing ran. */
const refusals: readonly ErrorCode[] = ['INPUT_MISMATCH', 'INPUT_QUARANTINED'];
/** What one request of a batch can do to the others; by itself it does it to nobody. */
const batchRefusals: readonly ErrorCode[] = [...refusals, 'MODEL_INVALID'];

/** What was in force when a run began. */
export interface RunReason {
  readonly why: readonly string[];
  /** The variant that the plan asks for. */
  readonly planned: Variant;
}

/** The runs of one tenant, from the moment that a batch is handed over to the end of each of its requests. */
export class TenantRuns {
  readonly #underWay = new RunsUnderWay();

  constructor(
    private readonly clock: Clock,
    private readonly accounting: Accounting,
    /** Lets a request wait again that has not been computed. */
    private readonly putBack: (request: PendingRequest) => void,
    /** Whether the tenant wants answers that come after their deadline. */
    private readonly lateIsWelcome: boolean,
  ) {}

  /** Requests that are being computed. */
  get requests(): number {
    return this.#underWay.requests;
  }

  /** No run can begin before this; in the past when one can begin now. */
  get freeAtMs(): number {
    return this.#underWay.freeAtMs;
  }

  /** Resolves with the milliseconds that the component was kept busy, which may be before the run has ended elsewhere. */
  start(batch: Batch, server: VariantServer, reason: RunReason): Promise<number> {
    return new Promise((onFree) => void this.#compute(batch, server, reason, onFree).then(onFree));
  }

  async #compute(
    { requests, inputs, rows }: Batch,
    server: VariantServer,
    { why, planned }: RunReason,
    onFree: (busyMs: number) => void,
  ): Promise<number> {
    const { loaded } = server;
    const startedMs = this.clock.nowMs();
    const underWay = this.#underWay.begin(requests.length, startedMs, server.leastBusyMs(startedMs, rows));
    try {
      const run = await loaded.run(inputs, server.expectedMs(rows), {
        urgency: mostUrgent(requests),
        refusal: (leastMs) => this.#refusalOf(requests, leastMs),
        onFree: (busyMs) => {
          this.#underWay.leave(underWay, this.clock.nowMs());
          onFree(busyMs);
        },
      });
      // What a request keeps the component busy for: the next one waits for its image as well.
      const busyMs = run.decodeMs + run.runMs;
      loaded.times.record(busyMs, this.clock.nowMs(), rows);
      this.accounting.window.executed();
      const ended = { run, loaded, startedMs, why, planned };
      requests.forEach((request, index) => {
        try {
          this.accounting.answer(request, index, ended);
        } catch (error) {
          this.accounting.lose(request, asEcomapError(error));
        }
      });
      return busyMs;
    } catch (thrown) {
      this.#onFailure(requests, server, asEcomapError(thrown));
      return this.clock.nowMs() - startedMs;
    } finally {
      this.#underWay.end(underWay, this.clock.nowMs());
    }
  }

  /** Between two components: of several requests each one is enough for the run to go on. */
  #refusalOf(requests: readonly PendingRequest[], leastMs: number): EcomapError | null {
    const waiting = requests.filter(({ ended }) => !ended);
    if (waiting.length === 0) return new EcomapError('CANCELLED', 'Nobody waits for the answer any more.');
    const nowMs = this.clock.nowMs();
    const mayEnd = ({ deadlineMs }: PendingRequest) => deadlineMs !== null && isTooLate(deadlineMs, nowMs, leastMs);
    if (this.lateIsWelcome || !waiting.every(mayEnd)) return null;
    return new EcomapError(
      'DEADLINE_EXCEEDED',
      `The request could not be answered in time any more when its next stage began, which takes at least ` +
        `${leastMs.toFixed(1)} ms with those that follow. Allow more time or a lighter variant.`,
    );
  }

  #onFailure(requests: readonly PendingRequest[], server: VariantServer, error: EcomapError): void {
    // It was only on its way to the process that died: the next one computes it.
    if (error instanceof HostLostError && !error.wasRunning) {
      requests.forEach(this.putBack);
      return;
    }
    if (requests.length > 1 && batchRefusals.includes(error.code)) {
      if (error.code === 'MODEL_INVALID') server.stopBatching();
      for (const request of requests) {
        request.alone = true;
        this.putBack(request);
      }
      return;
    }
    for (const request of requests) {
      if (refusals.includes(error.code)) this.accounting.refuse(request, error);
      else this.accounting.lose(request, error);
    }
  }
}

/** The one whose turn it was: the others of the batch go along. */
function mostUrgent([first]: readonly PendingRequest[]): Waiting {
  if (first === undefined) throw new EcomapError('INTERNAL_ERROR', 'A run without a request.');
  return first;
}
