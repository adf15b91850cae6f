import { asEcomapError, EcomapError } from '../../signals/errors';
import type { InferenceRequest, InferenceResult } from '../../signals/inference';
import type { Tenant } from '../../signals/tenant';
import type { Clock } from '../clock';
import { Accounting, type Costs } from './accounting';
import { Admission } from './admission';
import { Alarm } from './alarm';
import { takeBatch } from './batch';
import type { DispatchClient } from './dispatcher';
import { Lanes, type Lane } from './lanes';
import { PendingRequest } from './pending-request';
import type { Waiting } from './queue';
import { TenantRuns } from './tenant-runs';
import type { TenantWindow } from './tenant-window';
import { VariantServer, type LoadedVariant } from './variant-server';

export interface TenantServiceOptions extends Costs {
  readonly tenant: Tenant;
  /** Requests that may wait where the tenant does not say it itself. */
  readonly queueLength: number;
  readonly clock: Clock;
  /** Called when a request waits, so that somebody hands it over. */
  readonly onWaiting: () => void;
}

/** The requests of one tenant from the door to the answer: encoded, queued, run by whatever is deployed, counted. */
export class TenantService<Loaded extends LoadedVariant = LoadedVariant> implements DispatchClient {
  readonly tenant: Tenant;
  readonly weight: number;
  #deployment: Loaded | null = null;
  #fallback: Loaded | null = null;
  #problem: EcomapError | null = null;
  #why: readonly string[] = [];
  #closed = false;
  #abandoned = false;
  #announced = false;
  readonly #capacity: number;
  readonly #lanes = new Lanes();
  readonly #admission: Admission;
  readonly #accounting: Accounting;
  readonly #runs: TenantRuns;
  readonly #clock: Clock;
  /** Rings when a request runs out of time: it is told so at once, whatever blocks the component. */
  readonly #sweeper: Alarm;
  readonly #refuse: (request: PendingRequest, error: EcomapError) => void;

  constructor(private readonly options: TenantServiceOptions) {
    const { tenant, clock } = options;
    this.tenant = tenant;
    this.weight = tenant.serving.weight;
    this.#clock = clock;
    this.#accounting = new Accounting(tenant, clock, options);
    this.#refuse = (request, error) => this.#accounting.refuse(request, error);
    this.#capacity = tenant.serving.queueLength ?? options.queueLength;
    const lateIsWelcome = tenant.serving.whenLate === 'wait';
    this.#runs = new TenantRuns(clock, this.#accounting, (request) => this.#putBack(request), lateIsWelcome);
    this.#admission = new Admission(tenant, this.#capacity, this.#lanes, () => this.#runs.freeAtMs, this.#refuse);
    this.#sweeper = new Alarm(clock, () => this.#sweep());
  }

  get latencyLimitMs(): number {
    return this.tenant.latencyLimitMs;
  }
  get window(): TenantWindow {
    return this.#accounting.window;
  }
  get deployment(): Loaded | null {
    return this.#deployment;
  }
  /** The lighter variant that answers where the tenant's requests may be downgraded; null when none is loaded. */
  get fallback(): Loaded | null {
    return this.#fallback;
  }
  /** Why the tenant cannot serve; null when it can, or is still being loaded. */
  get problem(): EcomapError | null {
    return this.#problem;
  }
  get queued(): number {
    return this.#lanes.size;
  }
  /** Requests that would still not find the queue full. */
  get room(): number {
    return Math.max(0, this.#capacity - this.queued);
  }
  get underWay(): number {
    return this.#runs.requests;
  }

  /** From now on requests run here, for this reason (absent: as before). Atomic: there is no moment without a deployment. */
  deploy(deployment: Loaded, why = this.#why): void {
    this.#deployment = deployment;
    this.#why = why;
    this.#problem = null;
    const { planned, late } = this.#lanes;
    planned.server = late.server = new VariantServer(deployment, this.tenant.serving.largestBatch);
    this.#watchDeadlines();
  }

  /**
   * From now on this lighter variant answers what would otherwise be rejected. It must be loaded where the deployment is. With
   * null, requests that were to be answered by the former one wait for the planned variant.
   */
  deployFallback(deployment: Loaded | null): void {
    this.#fallback = deployment;
    const { planned, light } = this.#lanes;
    light.server = deployment === null ? null : new VariantServer(deployment, this.tenant.serving.largestBatch);
    if (deployment !== null) return;
    for (const request of light.queue.takeAll()) {
      request.downgraded = null;
      planned.put(request, this.#clock.nowMs());
    }
  }

  /** The tenant cannot serve: what waits and what comes is refused with this error. */
  breakDown(problem: EcomapError): void {
    this.#deployment = this.#fallback = null;
    this.#problem = problem;
    const { planned, light, late } = this.#lanes;
    planned.server = light.server = late.server = null;
    this.#refuseAll(problem);
  }

  /** The reason that the answers state, when a plan confirms what already runs. */
  explain(why: readonly string[]): void {
    this.#why = why;
  }

  /**
   * Takes a request in.
   * @throws EcomapError INPUT_MISMATCH, QUEUE_FULL, DEADLINE_EXCEEDED, CANCELLED, HOST_CRASHED, INPUT_QUARANTINED, NODE_CLOSED,
   * or why the tenant is broken
   */
  submit(request: InferenceRequest): Promise<InferenceResult> {
    return new Promise<InferenceResult>((resolve, reject) => {
      const arrivedMs = this.#clock.nowMs();
      const { payload, deadlineMs, signal } = request;
      const dueMs = deadlineMs === undefined ? null : arrivedMs + deadlineMs - this.#clock.epochMs();
      const priority = request.priority ?? this.tenant.priority;
      const pending = new PendingRequest(payload, arrivedMs, priority, dueMs, resolve, reject);
      try {
        if (this.#closed) throw this.#closedError();
        if (this.#problem !== null) throw this.#problem;
        if (signal?.aborted) throw this.#cancelledError();
        this.#admission.admit(pending, arrivedMs);
      } catch (error) {
        this.#refuse(pending, asEcomapError(error));
        return;
      }
      if (signal !== undefined) pending.listenTo(signal, () => this.#cancel(pending));
      if (dueMs !== null) this.#watchDeadlines();
      this.#announce();
    });
  }

  /** No new requests; what waits is refused when the time to drain is over. */
  close(): void {
    this.#closed = true;
    // What waited for others to join its batch waits no longer.
    this.options.onWaiting();
  }

  abandonQueue(): void {
    this.#abandoned = true;
    this.#sweeper.clear();
    this.#refuseAll(this.#closedError());
    this.options.onWaiting();
  }

  head(): Waiting | undefined {
    const lane = this.#nextLane();
    return lane?.server?.loaded.accepts === false ? undefined : lane?.queue.head();
  }

  ripeAtMs(): number {
    // Nobody comes any more who could join.
    if (this.#closed) return -Infinity;
    return this.#nextLane()?.ripeAtMs(this.tenant.serving.batchDelayMs) ?? -Infinity;
  }

  get gathering(): boolean {
    return this.#nextLane()?.gathering ?? false;
  }

  expectedRunMs(): number | null {
    const lane = this.#nextLane();
    if (lane?.server == null) return null;
    return lane.server.expectedBusyMs(Math.min(lane.queue.size, lane.server.largestBatch));
  }

  dispatch(): Promise<number> | null {
    const nowMs = this.#clock.nowMs();
    this.#admission.sweep(nowMs);
    const lane = this.#nextLane();
    if (lane?.server == null) return null;
    const batch = takeBatch(lane, lane.server, nowMs, this.#refuse);
    lane.wasServed(nowMs);
    if (batch.requests.length === 0) return null;
    const planned = this.#deployment?.variant ?? lane.server.loaded.variant;
    return this.#runs.start(batch, lane.server, { why: this.#why, planned });
  }

  #nextLane(): Lane | null {
    return this.#lanes.next(this.#clock.nowMs());
  }

  /** Where requests are computed together, those that come in one go are handed over together. */
  #announce(): void {
    if ((this.#lanes.planned.server?.largestBatch ?? 1) === 1) {
      this.options.onWaiting();
      return;
    }
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.options.onWaiting();
    });
  }

  #cancel(request: PendingRequest): void {
    const error = this.#cancelledError();
    if (this.#lanes.remove(request)) this.#accounting.refuse(request, error);
    else this.#accounting.lose(request, error);
  }

  #sweep(): void {
    this.#admission.sweep(this.#clock.nowMs());
    this.#watchDeadlines();
    // What has just become downgraded or late may be the only thing that waits.
    this.options.onWaiting();
  }

  #watchDeadlines(): void {
    if (!this.#abandoned) this.#sweeper.setFor(this.#admission.nextSweepMs(this.#clock.nowMs()));
  }

  /** It has not been computed: back to where it waited. */
  #putBack(request: PendingRequest): void {
    if (request.ended) return;
    if (this.#abandoned) this.#accounting.refuse(request, this.#closedError());
    else if (this.#problem !== null) this.#accounting.refuse(request, this.#problem);
    else {
      const { planned, light } = this.#lanes;
      if (light.server === null) request.downgraded = null;
      (request.downgraded === null ? planned : light).put(request, this.#clock.nowMs());
      this.#watchDeadlines();
    }
  }

  #refuseAll(error: EcomapError): void {
    for (const request of this.#lanes.takeAll()) this.#accounting.refuse(request, error);
  }

  #closedError(): EcomapError {
    return new EcomapError('NODE_CLOSED', `The executor of "${this.tenant.name}" was stopped before it had answered.`);
  }

  #cancelledError(): EcomapError {
    return new EcomapError('CANCELLED', `The request to "${this.tenant.name}" was taken back.`);
  }
}
