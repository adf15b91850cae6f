import { EcomapError, type ErrorCode } from '../../signals/errors';
import type { InferenceAccount } from '../../signals/inference';
import type { Tenant, Variant } from '../../signals/tenant';
import { decodeOutputs } from '../tensors/answers';
import type { Clock } from '../clock';
import { inferenceEnergyMethod } from '../energy';
import type { HostRun, StagePart } from '../hosting/host-run';
import type { PendingRequest } from './pending-request';
import { TenantWindow } from './tenant-window';
import type { LoadedVariant } from './variant-server';

export interface Costs {
  /** Joules above idle of so much CPU time on a component; null when unknown. */
  readonly energyJ: (component: string, cpuMs: number) => number | null;
  /** Grams of so many joules at the intensity in force; null when unknown. */
  readonly carbonG: (energyJ: number | null) => number | null;
}

/** A run that has ended well. */
export interface EndedRun {
  readonly run: HostRun;
  readonly loaded: LoadedVariant;
  readonly startedMs: number;
  /** Why the tenant runs what it runs. */
  readonly why: readonly string[];
  /** The variant that the plan asks for. */
  readonly planned: Variant;
}

/** Ends requests and counts how: each exactly once, whatever happens to it afterwards. */
export class Accounting {
  readonly window = new TenantWindow();
  readonly #mostAccurate: number;

  constructor(
    private readonly tenant: Tenant,
    private readonly clock: Clock,
    private readonly costs: Costs,
  ) {
    this.#mostAccurate = Math.max(...tenant.variants.map((variant) => variant.accuracy));
  }

  /**
   * Answers one request with its part of the run.
   * @throws EcomapError INVALID_CONFIG when the outputs do not have the form that the tenant declares, INTERNAL_ERROR
   */
  answer(request: PendingRequest, index: number, ended: EndedRun): void {
    const { run, loaded, startedMs } = ended;
    if (request.ended) return;
    const result = run.results[index];
    if (result === undefined)
      throw new EcomapError('INTERNAL_ERROR', 'The run ended without an answer for this request.');
    const payload = decodeOutputs(result.outputs, this.tenant.output);
    const nowMs = this.clock.nowMs();
    const latencyMs = nowMs - request.arrivedMs;
    const queueMs = startedMs - request.arrivedMs;
    const deadlineMet = nowMs <= (request.deadlineMs ?? request.arrivedMs + this.tenant.latencyLimitMs);
    const batchSize = run.results.length;
    const { variant, component } = loaded;
    const parts = run.parts ?? [{ component, cpuMs: run.cpuMs }];
    const energyJ = this.#energyJ(parts, batchSize);
    const downgraded = request.downgraded !== null;
    this.window.served({ variant, latencyMs, queueMs, inTime: deadlineMet, energyJ, downgraded });
    const account: InferenceAccount = {
      tenant: this.tenant.name,
      variant: variant.name,
      components: [...new Set(parts.map((part) => part.component))],
      deadlineMet,
      queueMs,
      runMs: run.runMs,
      latencyMs,
      energyJ,
      energyMethod: batchSize === 1 ? inferenceEnergyMethod : `${inferenceEnergyMethod}, shared by the batch`,
      carbonG: this.costs.carbonG(energyJ),
      degraded: downgraded || variant.accuracy < this.#mostAccurate,
      why: whyOf(request, ended),
      nonFiniteInput: result.nonFiniteInput,
      batchSize,
    };
    request.answer({ payload, account });
  }

  /** Its share of what the run has cost on all components; null when it is not known of one. */
  #energyJ(parts: readonly StagePart[], batchSize: number): number | null {
    let sum = 0;
    for (const { component, cpuMs } of parts) {
      const energyJ = this.costs.energyJ(component, cpuMs / batchSize);
      if (energyJ === null) return null;
      sum += energyJ;
    }
    return sum;
  }

  /** Ends a request that has not run. */
  refuse(request: PendingRequest, error: EcomapError): void {
    this.#end(request, error, 'rejected');
  }

  /** Ends a request that was lost while it ran. */
  lose(request: PendingRequest, error: EcomapError): void {
    this.#end(request, error, 'failed');
  }

  #end(request: PendingRequest, error: EcomapError, how: 'rejected' | 'failed'): void {
    if (request.ended) return;
    const code: ErrorCode = error.code;
    this.window[how](code);
    request.fail(error);
  }
}

function whyOf({ downgraded }: PendingRequest, { why, loaded, planned }: EndedRun): string[] {
  if (downgraded === null) return [...why];
  const reason =
    downgraded === 'full' ? 'the queue was full' : `"${planned.name}" could not have answered before the deadline`;
  return [`downgraded to "${loaded.variant.name}": ${reason}`, ...why];
}
