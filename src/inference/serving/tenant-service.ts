import { asEcomapError, EcomapError, type ErrorCode } from '../../signals/errors';
import type { InferenceRequest, InferenceResult } from '../../signals/inference';
import type { Tenant } from '../../signals/tenant';
import { decodeOutputs } from '../answers';
import type { Clock } from '../clock';
import type { Deployment } from '../deployment';
import type { DispatchClient } from './dispatcher';
import { inferenceEnergyMethod } from '../energy';
import type { HostRun } from '../hosting/host-process';
import { encodeInputs } from '../payload';
import { RequestQueue, type Waiting } from './queue';
import { TenantWindow } from './tenant-window';
import type { NamedTensors, TensorSpec } from '../tensors';

/** A timer that is set for longer fires at once, again and again. */
const longestTimerMs = 2 ** 31 - 1;

interface QueuedRequest extends Waiting {
  readonly payload: unknown;
  /** Tensors for models with these inputs; made again when a swap changes them. */
  encoded: { readonly for: readonly TensorSpec[]; readonly tensors: NamedTensors } | null;
  resolve(result: InferenceResult): void;
  reject(error: EcomapError): void;
}

export interface TenantServiceOptions {
  readonly tenant: Tenant;
  readonly queueLength: number;
  readonly clock: Clock;
  /** Joules above idle of so much CPU time on a component; null when unknown. */
  readonly energyJ: (component: string, cpuMs: number) => number | null;
  /** Grams of so many joules at the intensity in force; null when unknown. */
  readonly carbonG: (energyJ: number | null) => number | null;
  /** Called when a request waits, so that somebody hands it over. */
  readonly onWaiting: () => void;
}

/** The requests of one tenant from the door to the answer: encoded, queued, run by whatever is deployed, counted. */
export class TenantService implements DispatchClient {
  readonly tenant: Tenant;
  readonly window = new TenantWindow();
  #deployment: Deployment | null = null;
  #problem: EcomapError | null = null;
  #why: readonly string[] = [];
  #closed = false;
  #expiryTimer: NodeJS.Timeout | null = null;
  #expiryAtMs = Infinity;
  #underWay = 0;
  readonly #mostAccurate: number;
  readonly #queue: RequestQueue<QueuedRequest>;
  readonly #clock: Clock;

  constructor(private readonly options: TenantServiceOptions) {
    this.tenant = options.tenant;
    this.#queue = new RequestQueue(options.queueLength);
    this.#clock = options.clock;
    this.#mostAccurate = Math.max(...options.tenant.variants.map((variant) => variant.accuracy));
  }

  get deployment(): Deployment | null {
    return this.#deployment;
  }
  /** Why the tenant cannot serve; null when it can, or is still being loaded. */
  get problem(): EcomapError | null {
    return this.#problem;
  }
  get queued(): number {
    return this.#queue.size;
  }
  get underWay(): number {
    return this.#underWay;
  }

  /** From now on requests run here. Atomic: there is no moment without a deployment. */
  deploy(deployment: Deployment, why: readonly string[]): void {
    this.#deployment = deployment;
    this.#why = why;
    this.#problem = null;
  }

  /** The tenant cannot serve: what waits and what comes is refused with this error. */
  breakDown(problem: EcomapError): void {
    this.#deployment = null;
    this.#problem = problem;
    for (const item of this.#queue.takeAll()) this.#refuse(item, problem);
  }

  /** The reason that the answers state, when a plan confirms what already runs. */
  explain(why: readonly string[]): void {
    this.#why = why;
  }

  /**
   * Takes a request in.
   * @throws EcomapError INPUT_MISMATCH, QUEUE_FULL, DEADLINE_EXCEEDED, HOST_CRASHED, NODE_CLOSED, or why the tenant is broken
   */
  submit(request: InferenceRequest): Promise<InferenceResult> {
    return new Promise<InferenceResult>((resolve, reject) => {
      const arrivedMs = this.#clock.nowMs();
      const { payload, deadlineMs } = request;
      const item: QueuedRequest = {
        payload,
        arrivedMs,
        priority: request.priority ?? this.tenant.priority,
        deadlineMs: deadlineMs === undefined ? null : arrivedMs + deadlineMs - this.#clock.epochMs(),
        encoded: null,
        resolve,
        reject,
      };
      try {
        this.#admit(item);
      } catch (error) {
        this.#refuse(item, asEcomapError(error));
        return;
      }
      this.#armExpiry();
      this.options.onWaiting();
    });
  }

  /** No new requests; what waits is refused when the time to drain is over. */
  close(): void {
    this.#closed = true;
  }

  abandonQueue(): void {
    if (this.#expiryTimer !== null) clearTimeout(this.#expiryTimer);
    this.#expiryTimer = null;
    for (const item of this.#queue.takeAll()) this.#refuse(item, this.#closedError());
  }

  head(): Waiting | undefined {
    return this.#queue.head();
  }

  expectedRunMs(): number | null {
    return this.#deployment?.times.meanMs() ?? null;
  }

  dispatch(): Promise<number> | null {
    const deployment = this.#deployment;
    const item = deployment === null ? undefined : this.#queue.take();
    if (item === undefined || deployment === null) return null;
    let inputs: NamedTensors;
    try {
      this.#checkDeadline(item, deployment.times.fastestMs(this.#clock.nowMs()) ?? 0);
      inputs = this.#encode(item, deployment);
    } catch (error) {
      this.#refuse(item, asEcomapError(error));
      return null;
    }
    return this.#run(item, deployment, inputs);
  }

  #admit(item: QueuedRequest): void {
    if (this.#closed) throw this.#closedError();
    if (this.#problem !== null) throw this.#problem;
    this.#checkDeadline(item, 0);
    if (this.#deployment !== null) this.#encode(item, this.#deployment);
    if (!this.#queue.offer(item)) {
      throw new EcomapError(
        'QUEUE_FULL',
        `The queue of "${this.tenant.name}" is full (${this.#queue.capacity} requests wait): ` +
          'send fewer, allow a lighter variant, or make the queue longer.',
      );
    }
  }

  #closedError(): EcomapError {
    return new EcomapError('NODE_CLOSED', `The executor of "${this.tenant.name}" was stopped before it had answered.`);
  }

  /** The tensors for this deployment; a swap to a model with other inputs makes them again. */
  #encode(item: QueuedRequest, { inputs }: Deployment): NamedTensors {
    if (item.encoded === null || !sameInputs(item.encoded.for, inputs)) {
      item.encoded = { for: inputs, tensors: encodeInputs(item.payload, inputs) };
    }
    return item.encoded.tensors;
  }

  /** What cannot be answered in time is refused at once: the component has better things to do. */
  #checkDeadline(item: QueuedRequest, leastRunMs: number): void {
    if (item.deadlineMs === null) return;
    const leftMs = item.deadlineMs - this.#clock.nowMs();
    if (leftMs > 0 && leftMs >= leastRunMs) return;
    throw new EcomapError(
      'DEADLINE_EXCEEDED',
      leftMs <= 0
        ? `The deadline of the request to "${this.tenant.name}" passed before it was its turn.`
        : `The request to "${this.tenant.name}" had ${leftMs.toFixed(1)} ms left, an inference takes at least ` +
            `${leastRunMs.toFixed(1)} ms: allow more time or a lighter variant.`,
    );
  }

  async #run(item: QueuedRequest, deployment: Deployment, inputs: NamedTensors): Promise<number> {
    const startedMs = this.#clock.nowMs();
    this.#underWay += 1;
    try {
      const run = await deployment.run([inputs]);
      deployment.times.record(run.runMs, this.#clock.nowMs());
      this.window.executed();
      run.results.forEach((result) => this.#answer(item, deployment, result, run, startedMs));
      return run.runMs;
    } catch (thrown) {
      const error = asEcomapError(thrown);
      // A model that refuses its input has not run; everything else was lost on the way.
      if (error.code === 'INPUT_MISMATCH') this.#refuse(item, error);
      else this.#lose(item, error);
      return this.#clock.nowMs() - startedMs;
    } finally {
      this.#underWay -= 1;
    }
  }

  #answer(
    item: QueuedRequest,
    deployment: Deployment,
    result: HostRun['results'][number],
    run: HostRun,
    startedMs: number,
  ): void {
    const { tenant } = this;
    const payload = decodeOutputs(result.outputs, tenant.output);
    const nowMs = this.#clock.nowMs();
    const latencyMs = nowMs - item.arrivedMs;
    const queueMs = startedMs - item.arrivedMs;
    const dueMs = item.deadlineMs ?? item.arrivedMs + tenant.latencyLimitMs;
    const deadlineMet = nowMs <= dueMs;
    const { variant, component } = deployment;
    const energyJ = this.options.energyJ(component, run.cpuMs);
    this.window.served({ variant, latencyMs, queueMs, inTime: deadlineMet, energyJ, downgraded: false });
    item.resolve({
      payload,
      account: {
        tenant: tenant.name,
        variant: variant.name,
        components: [component],
        deadlineMet,
        queueMs,
        runMs: run.runMs,
        latencyMs,
        energyJ,
        energyMethod: inferenceEnergyMethod,
        carbonG: this.options.carbonG(energyJ),
        degraded: variant.accuracy < this.#mostAccurate,
        why: [...this.#why],
        nonFiniteInput: result.nonFiniteInput,
        batchSize: run.results.length,
      },
    });
  }

  #refuse(item: QueuedRequest, error: EcomapError): void {
    this.#count('rejected', error.code);
    item.reject(error);
  }

  #lose(item: QueuedRequest, error: EcomapError): void {
    this.#count('failed', error.code);
    item.reject(error);
  }

  #count(how: 'rejected' | 'failed', code: ErrorCode): void {
    this.window[how](code);
  }

  /** One timer for the earliest deadline in the queue: a request whose time is up is told so at once, whatever blocks it. */
  #armExpiry(): void {
    const atMs = this.#queue.earliestDeadlineMs;
    if (atMs === Infinity || atMs >= this.#expiryAtMs) return;
    if (this.#expiryTimer !== null) clearTimeout(this.#expiryTimer);
    this.#expiryAtMs = atMs;
    this.#expiryTimer = setTimeout(
      () => {
        this.#expiryTimer = null;
        this.#expiryAtMs = Infinity;
        for (const item of this.#queue.takeExpired(this.#clock.nowMs())) {
          this.#refuse(
            item,
            new EcomapError(
              'DEADLINE_EXCEEDED',
              `The deadline of the request to "${this.tenant.name}" passed while it waited for its turn.`,
            ),
          );
        }
        this.#armExpiry();
      },
      Math.min(longestTimerMs, Math.max(1, Math.ceil(atMs - this.#clock.nowMs()))),
    );
  }
}

function sameInputs(one: readonly TensorSpec[], other: readonly TensorSpec[]): boolean {
  return (
    one === other ||
    (one.length === other.length &&
      one.every((spec, index) => {
        const twin = other[index];
        return (
          twin !== undefined &&
          spec.name === twin.name &&
          spec.type === twin.type &&
          spec.dims.length === twin.dims.length &&
          spec.dims.every((dim, axis) => dim === twin.dims[axis])
        );
      }))
  );
}
