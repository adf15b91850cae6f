import { carbonReadingSchema, type CarbonReading } from '../../../src/signals/carbon';
import type { Telemetry, TenantTelemetry } from '../../../src/signals/telemetry';

const validFromMs = Date.parse('2026-11-20T12:00:00Z');
export const iso = (timeMs: number): string => new Date(timeMs).toISOString();

export function reading(intensityGPerKwh: number | null, more: Partial<CarbonReading> = {}): CarbonReading {
  return carbonReadingSchema.parse({
    intensityGPerKwh,
    signal: 'average',
    basis: 'lifecycle',
    zone: 'X',
    validFrom: iso(validFromMs),
    validTo: iso(validFromMs + 3_600_000),
    fetchedAt: iso(validFromMs),
    provider: 'test',
    quality: intensityGPerKwh === null ? 'unknown' : 'measured',
    attribution: 'a test',
    ...more,
  });
}

export function tenantWindow(tenant: string, more: Partial<TenantTelemetry> = {}): TenantTelemetry {
  return {
    tenant,
    variant: 'large',
    latencyLimitMs: 50,
    offered: 10,
    served: 10,
    late: 0,
    rejected: 0,
    failed: 0,
    reasons: {},
    latencyMs: { mean: 20, p50: 20, p95: 30, p99: 40, maximum: 45 },
    queueMs: null,
    effectiveAccuracy: 0.9,
    byVariant: [],
    energyJ: 10,
    alwaysMaxEnergyJ: 20,
    executions: 0,
    downgraded: 0,
    swaps: 0,
    ...more,
  };
}

export function telemetryWindow(
  fromMs: number,
  durationS: number,
  tenants: TenantTelemetry[],
  energy: Partial<Telemetry['energy']> = {},
): Telemetry {
  return {
    windowFrom: iso(fromMs),
    windowTo: iso(fromMs + durationS * 1000),
    durationS,
    tenants,
    components: [],
    energy: { totalJ: 50, idleJ: 30, source: 'modelled', method: 'test', ...energy },
    operatingPoint: 'full',
    capW: null,
    planId: null,
  };
}
