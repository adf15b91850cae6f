import { ProfileTable } from '../../src/mapping/profiles/table';
import type { Cap } from '../../src/signals/cap';
import type { Component, InferenceDevice, OperatingPoint } from '../../src/signals/device';
import type { Profile } from '../../src/signals/profile';
import type { Telemetry, TenantTelemetry } from '../../src/signals/telemetry';
import { tenantSchema, type Tenant } from '../../src/signals/tenant';

/** Component `cpu0`, `cpu1`, ... of one class, or of the given classes. */
export function components(count: number, classes: readonly string[] = ['cpu-1t']): Component[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `cpu${at}`,
    kind: 'cpu',
    cores: [at],
    threads: 1,
    componentClass: classes[at % classes.length] ?? 'cpu-1t',
  }));
}

/** 5 W idle and 6 W per component that computes. */
export function operatingPoint(parts: readonly Component[], speed = 1): OperatingPoint {
  const activeW = Object.fromEntries(parts.map(({ name }) => [name, 6]));
  return { name: `speed-${Math.round(speed * 100)}`, speed, idleW: 5, activeW };
}

export type TestDevice = Pick<
  InferenceDevice,
  'components' | 'operatingPoints' | 'operatingPointInForce' | 'fingerprint'
>;

export function device(parts: readonly Component[] = components(2)): TestDevice {
  const point = operatingPoint(parts);
  return {
    components: parts,
    operatingPoints: [point],
    operatingPointInForce: () => point,
    fingerprint: 'test-device',
  };
}

export function cap(capW: number, point: OperatingPoint, more: Partial<Cap> = {}): Cap {
  return {
    capW,
    policy: 'fixed',
    reason: 'test',
    operatingPoint: point,
    enforced: 'software',
    power: { powerW: null, source: 'modelled', scope: 'module' },
    capUnreachable: false,
    minimumW: point.idleW,
    maximumW: 100,
    carbon: null,
    ...more,
  };
}

/** Name, accuracy and run time (ms, on `cpu-1t`) of each variant. */
export type VariantRow = readonly [name: string, accuracy: number, runMs: number];

export const fourVariants: readonly VariantRow[] = [
  ['full', 0.98, 30],
  ['medium', 0.965, 12],
  ['small', 0.93, 5],
  ['tiny', 0.85, 2],
];

export function tenant(name: string, rows: readonly VariantRow[] = fourVariants, more: Partial<Tenant> = {}): Tenant {
  return {
    ...tenantSchema.parse({
      name,
      family: name,
      variants: rows.map(([variant, accuracy]) => ({
        name: variant,
        path: `/models/${name}-${variant}.onnx`,
        accuracy,
      })),
      latencyLimitMs: 150,
      arrivalRatePerS: 5,
      input: {},
      output: { kind: 'tensors' },
    }),
    ...more,
  };
}

export function profile(runMs: number, more: Partial<Profile> = {}): Profile {
  return {
    modelSha256: 'a'.repeat(64),
    componentClass: 'cpu-1t',
    deviceFingerprint: 'test-device',
    latencyMs: { p50: runMs, p95: runMs * 1.1 },
    cpuMs: runMs,
    loadMs: 10,
    memoryBytes: null,
    runs: 20,
    contended: false,
    measuredAt: '2026-11-02T10:00:00Z',
    ...more,
  };
}

/** Profiles of tenants made with the same rows; `slowdown` by component class. */
export function profiles(
  tenants: readonly Tenant[],
  rows: readonly VariantRow[] = fourVariants,
  slowdown: Readonly<Record<string, number>> = { 'cpu-1t': 1 },
): ProfileTable {
  const table = new ProfileTable();
  for (const { name } of tenants) {
    for (const [variant, , runMs] of rows) {
      for (const [componentClass, factor] of Object.entries(slowdown)) {
        table.set(name, variant, profile(runMs * factor, { componentClass }));
      }
    }
  }
  return table;
}

export function tenantWindow(name: string, more: Partial<TenantTelemetry> = {}): TenantTelemetry {
  return {
    tenant: name,
    variant: 'full',
    latencyLimitMs: 150,
    offered: 20,
    served: 20,
    late: 0,
    rejected: 0,
    failed: 0,
    reasons: {},
    latencyMs: { mean: 40, p50: 40, p95: 60, p99: 70, maximum: 80 },
    queueMs: null,
    effectiveAccuracy: null,
    byVariant: [],
    energyJ: null,
    alwaysMaxEnergyJ: null,
    executions: 0,
    downgraded: 0,
    swaps: 0,
    ...more,
  };
}

export function telemetry(tenants: readonly TenantTelemetry[], durationS = 2): Telemetry {
  return {
    windowFrom: '2026-11-02T10:00:00Z',
    windowTo: '2026-11-02T10:00:02Z',
    durationS,
    tenants: [...tenants],
    components: [],
    energy: { totalJ: null, idleJ: null, source: 'modelled', method: 'test' },
    operatingPoint: 'speed-100',
    capW: null,
    planId: null,
  };
}
