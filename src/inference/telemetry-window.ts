import type { OperatingPoint } from '../signals/device';
import type { Plan } from '../signals/plan';
import type { Telemetry } from '../signals/telemetry';
import type { Clock } from './clock';
import type { EnergyReading } from './energy';
import type { ComponentTotals } from './hosting/serving-component';
import type { TenantService } from './serving/tenant-service';

export interface TelemetrySources {
  readonly services: Iterable<TenantService>;
  readonly components: readonly ComponentTotals[];
  readonly energy: EnergyReading;
  readonly operatingPoint: OperatingPoint;
  readonly plan: Plan | null;
}

/** Turns what the executor counts into one telemetry message per window of time. */
export class TelemetryWindow {
  readonly #before = new Map<string, ComponentTotals>();
  #fromMs: number;
  #fromEpochMs: number;

  constructor(private readonly clock: Clock) {
    this.#fromMs = clock.nowMs();
    this.#fromEpochMs = clock.epochMs();
  }

  /** The window that ends now; the next one begins. */
  take({ services, components, energy, operatingPoint, plan }: TelemetrySources): Telemetry {
    const nowMs = this.clock.nowMs();
    const epochMs = this.clock.epochMs();
    const durationMs = nowMs - this.#fromMs;
    const telemetry: Telemetry = {
      windowFrom: new Date(this.#fromEpochMs).toISOString(),
      windowTo: new Date(epochMs).toISOString(),
      durationS: durationMs / 1000,
      tenants: Array.from(services, (service) => {
        const { name, latencyLimitMs } = service.tenant;
        const planned = plan?.tenants.find((tenant) => tenant.tenant === name);
        const variant = service.deployment?.variant.name ?? 'none';
        return service.window.take(name, variant, latencyLimitMs, planned?.alwaysMax.energyJ ?? null);
      }),
      components: components.map((totals) => this.#sinceLast(totals, durationMs)),
      energy: { totalJ: energy.totalJ, idleJ: energy.idleJ, source: energy.source, method: energy.method },
      operatingPoint: operatingPoint.name,
      capW: plan?.capW ?? null,
      planId: plan?.planId ?? null,
    };
    this.#fromMs = nowMs;
    this.#fromEpochMs = epochMs;
    return telemetry;
  }

  #sinceLast(totals: ComponentTotals, durationMs: number): Telemetry['components'][number] {
    const { component, busyMs, cpuSeconds, restarts, recycled } = totals;
    const before = this.#before.get(component) ?? { busyMs: 0, cpuSeconds: 0, restarts: 0, recycled: 0 };
    this.#before.set(component, totals);
    return {
      component,
      busyFraction: durationMs > 0 ? Math.min(1, (busyMs - before.busyMs) / durationMs) : 0,
      cpuSeconds: cpuSeconds - before.cpuSeconds,
      restarts: restarts - before.restarts,
      recycled: recycled - before.recycled,
    };
  }
}
