import type { Telemetry } from '../signals/telemetry';
import type { Tenant } from '../signals/tenant';

/** Time constant with which an observed rate replaces the old one, s. */
const memoryS = 30;
/** Rates that moved by more than this share of the larger one (and more than a trickle) call for a new plan. */
const leastMove = 0.2;
const trickle = 0.2;

/** Requests per second of each tenant: what the tenant declares until telemetry knows better (exponential average). */
export class ArrivalRates {
  private readonly rates = new Map<string, number>();

  constructor(tenants: readonly Tenant[]) {
    for (const tenant of tenants) this.rates.set(tenant.name, tenant.arrivalRatePerS);
  }

  of(tenant: string): number {
    return this.rates.get(tenant) ?? 0;
  }

  /** Learns from one window; windows of no length and unknown tenants teach nothing. */
  learn(telemetry: Telemetry): void {
    if (!(telemetry.durationS > 0)) return;
    const weight = 1 - Math.exp(-telemetry.durationS / memoryS);
    for (const { tenant, offered } of telemetry.tenants) {
      const known = this.rates.get(tenant);
      if (known !== undefined) this.rates.set(tenant, known + weight * (offered / telemetry.durationS - known));
    }
  }

  snapshot(): ReadonlyMap<string, number> {
    return new Map(this.rates);
  }

  /** Whether any rate is far from what it was. */
  movedSince(before: ReadonlyMap<string, number>): boolean {
    return [...this.rates].some(([tenant, rate]) => {
      const then = before.get(tenant) ?? 0;
      const difference = Math.abs(rate - then);
      return difference > trickle && difference > leastMove * Math.max(rate, then);
    });
  }
}
