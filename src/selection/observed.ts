import type { TenantTelemetry } from '../signals/telemetry';

/** Fewer requests than this say nothing about a window. */
const leastRequests = 5;
/** With fewer answers than this the 95th percentile is the slowest answer, and one straggler would be a violation. */
const leastForPercentile = 20;
/** Share of requests that may be late or refused for lack of time or room ... */
const mostLost = 0.1;
/** ... and one alone may be an accident. */
const leastLost = 2;
/** Windows in a row that must be bad: one may be an accident. */
const windowsToAct = 2;

/** Refusals that mean "too slow"; a request with a wrong tensor says nothing about speed. */
const tooSlow = ['QUEUE_FULL', 'DEADLINE_EXCEEDED'] as const;

/** What was wrong in a window, in words; null when nothing was. */
export function observedViolation(window: TenantTelemetry): string | null {
  if (window.offered < leastRequests) return null;
  const limit = window.latencyLimitMs;
  const p95 = window.latencyMs?.p95 ?? 0;
  if (window.served >= leastForPercentile && p95 > limit) {
    return `observed p95 ${Math.round(p95)} ms over the limit of ${Math.round(limit)} ms`;
  }
  const refused = tooSlow.reduce((sum, code) => sum + (window.reasons[code] ?? 0), 0);
  const lost = window.late + refused;
  const share = lost / window.offered;
  return lost >= leastLost && share > mostLost
    ? `observed ${Math.round(share * 100)} % of requests late or refused`
    : null;
}

/** Counts bad windows of each tenant. */
export class ObservedViolations {
  private readonly bad = new Map<string, number>();
  private readonly ignoreNext = new Set<string>();

  /** The violation of this window when it is one too many, else null. */
  observe(window: TenantTelemetry): { acute: boolean; violation: string } | null {
    // The window in which a swap happened holds answers of both variants.
    if (this.ignoreNext.delete(window.tenant)) return null;
    const violation = observedViolation(window);
    if (violation === null) {
      // Too few requests neither confirm nor refute; a good window does.
      if (window.offered >= leastRequests) this.bad.delete(window.tenant);
      return null;
    }
    const count = (this.bad.get(window.tenant) ?? 0) + 1;
    this.bad.set(window.tenant, count);
    return { acute: count >= windowsToAct, violation };
  }

  /** Starts over for a tenant whose variant changes. */
  swapped(tenant: string): void {
    this.bad.delete(tenant);
    this.ignoreNext.add(tenant);
  }
}
