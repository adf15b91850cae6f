import { weakestSource, type Source } from '../../signals/quantities';
import type { Telemetry } from '../../signals/telemetry';

export interface MeasuredTenant {
  /** Requests that arrived per second. */
  readonly offeredPerS: number;
  readonly servedPerS: number;
  /** From arrival to answer; null when nothing was answered. */
  readonly meanMs: number | null;
  /** The largest of the windows' 95th percentiles. */
  readonly p95Ms: number | null;
}

/** What a plan did while it was in force. */
export interface MeasuredPlan {
  readonly windows: number;
  readonly seconds: number;
  readonly tenants: ReadonlyMap<string, MeasuredTenant>;
  /** Mean of the whole device; null when unknown. */
  readonly powerW: number | null;
  readonly idleW: number | null;
  readonly powerSource: Source;
}

interface TenantSum {
  offered: number;
  served: number;
  latencyMs: number;
  p95Ms: number | null;
}

/**
 * Adds up the telemetry of one plan. The first window in which the plan is in force began with another one (and may hold the
 * change itself): it does not count.
 */
export class PlanMeter {
  private begun = false;
  private windows = 0;
  private seconds = 0;
  private energyJ: number | null = 0;
  private idleJ: number | null = 0;
  private source: Source | null = null;
  private readonly tenants = new Map<string, TenantSum>();

  constructor(private readonly planId: string) {}

  /** @returns false for a window that does not count */
  add({ planId, durationS, tenants, energy }: Telemetry): boolean {
    if (planId !== this.planId) {
      this.begun = false;
      return false;
    }
    const isWhole = this.begun && durationS > 0;
    this.begun = true;
    if (!isWhole) return false;
    this.windows += 1;
    this.seconds += durationS;
    this.energyJ = sum(this.energyJ, energy.totalJ);
    this.idleJ = sum(this.idleJ, energy.idleJ);
    this.source = weakestSource([this.source, energy.source]);
    for (const { tenant, offered, served, latencyMs } of tenants) {
      const known = this.tenants.get(tenant) ?? { offered: 0, served: 0, latencyMs: 0, p95Ms: null };
      known.offered += offered;
      if (latencyMs !== null) {
        known.served += served;
        known.latencyMs += served * latencyMs.mean;
        known.p95Ms = Math.max(known.p95Ms ?? 0, latencyMs.p95);
      }
      this.tenants.set(tenant, known);
    }
    return true;
  }

  /** What was measured so far; null before the first window that counts. */
  result(): MeasuredPlan | null {
    const { seconds, windows } = this;
    if (windows === 0) return null;
    const perSecond = (joules: number | null): number | null => (joules === null ? null : joules / seconds);
    return {
      windows,
      seconds,
      powerW: perSecond(this.energyJ),
      idleW: perSecond(this.idleJ),
      powerSource: this.source ?? 'modelled',
      tenants: new Map(
        [...this.tenants].map(([tenant, { offered, served, latencyMs, p95Ms }]) => [
          tenant,
          {
            offeredPerS: offered / seconds,
            servedPerS: served / seconds,
            meanMs: served > 0 ? latencyMs / served : null,
            p95Ms,
          },
        ]),
      ),
    };
  }
}

const sum = (total: number | null, more: number | null): number | null =>
  total === null || more === null ? null : total + more;
