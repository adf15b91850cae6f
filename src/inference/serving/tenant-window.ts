import type { ErrorCode } from '../../signals/errors';
import type { TenantTelemetry } from '../../signals/telemetry';
import type { Variant } from '../../signals/tenant';
import { LatencyHistogram } from './latency-histogram';

interface VariantCount {
  accuracy: number;
  served: number;
  inTime: number;
  energyJ: number | null;
}

export interface ServedRequest {
  readonly variant: Variant;
  readonly latencyMs: number;
  readonly queueMs: number;
  readonly inTime: boolean;
  readonly energyJ: number | null;
  /** Answered by a lighter variant than the plan's. */
  readonly downgraded: boolean;
}

/** A sum in which one unknown part makes the whole unknown. */
function add(sum: number | null, part: number | null): number | null {
  return sum === null || part === null ? null : sum + part;
}

/** What happened to one tenant's requests since the last telemetry: every request that ended is counted exactly once. */
export class TenantWindow {
  readonly #latency = new LatencyHistogram();
  readonly #queueing = new LatencyHistogram();
  #served = 0;
  #late = 0;
  #rejected = 0;
  #failed = 0;
  #swaps = 0;
  #executions = 0;
  #downgraded = 0;
  #energyJ: number | null = 0;
  #reasons = new Map<ErrorCode, number>();
  #variants = new Map<string, VariantCount>();

  served(request: ServedRequest): void {
    this.#served += 1;
    if (!request.inTime) this.#late += 1;
    if (request.downgraded) this.#downgraded += 1;
    this.#latency.record(request.latencyMs);
    this.#queueing.record(request.queueMs);
    this.#energyJ = add(this.#energyJ, request.energyJ);
    const { name, accuracy } = request.variant;
    const count = this.#variants.get(name) ?? { accuracy, served: 0, inTime: 0, energyJ: 0 };
    count.served += 1;
    if (request.inTime) count.inTime += 1;
    count.energyJ = add(count.energyJ, request.energyJ);
    this.#variants.set(name, count);
  }

  /** Refused before it ran. */
  rejected(code: ErrorCode): void {
    this.#rejected += 1;
    this.#because(code);
  }

  /** Lost while it ran. */
  failed(code: ErrorCode): void {
    this.#failed += 1;
    this.#because(code);
  }

  /** The model ran, for one or several requests. */
  executed(): void {
    this.#executions += 1;
  }

  swapped(): void {
    this.#swaps += 1;
  }

  /** The window so far, and a fresh one. `alwaysMaxJ` is what one inference of the most accurate variant costs. */
  take(tenant: string, variant: string, latencyLimitMs: number, alwaysMaxJ: number | null): TenantTelemetry {
    const byVariant = [...this.#variants].map(([name, count]) => ({ variant: name, ...count }));
    const inTime = byVariant.reduce((sum, count) => sum + count.inTime, 0);
    const weighted = byVariant.reduce((sum, count) => sum + count.inTime * count.accuracy, 0);
    const telemetry: TenantTelemetry = {
      tenant,
      variant,
      latencyLimitMs,
      offered: this.#served + this.#rejected + this.#failed,
      served: this.#served,
      late: this.#late,
      rejected: this.#rejected,
      failed: this.#failed,
      reasons: Object.fromEntries(this.#reasons),
      latencyMs: this.#latency.quantiles(),
      queueMs: this.#queueing.quantiles(),
      effectiveAccuracy: inTime === 0 ? null : weighted / inTime,
      byVariant,
      energyJ: this.#energyJ,
      alwaysMaxEnergyJ: this.#served === 0 ? 0 : alwaysMaxJ === null ? null : this.#served * alwaysMaxJ,
      executions: this.#executions,
      downgraded: this.#downgraded,
      swaps: this.#swaps,
    };
    this.#reset();
    return telemetry;
  }

  #because(code: ErrorCode): void {
    this.#reasons.set(code, (this.#reasons.get(code) ?? 0) + 1);
  }

  #reset(): void {
    this.#latency.reset();
    this.#queueing.reset();
    this.#served = this.#late = this.#rejected = this.#failed = this.#swaps = 0;
    this.#executions = this.#downgraded = 0;
    this.#energyJ = 0;
    this.#reasons = new Map();
    this.#variants = new Map();
  }
}
