import type { CoLocationSample } from '../../signals/co-location';
import type { Component } from '../../signals/device';
import type { Plan } from '../../signals/plan';
import type { VariantWork, Work } from '../estimator/estimator';
import { coLocationOf } from '../estimator/learned/planning-co-location';
import { placesOf } from '../rounds/places';
import type { MeasuredPlan } from './measured-plan';

export interface SampleSurroundings {
  readonly components: readonly Component[];
  readonly workOf: (tenant: string, variant: string) => VariantWork;
}

/**
 * What a plan did, as the learned estimator learns it.
 * @returns null where something of it is unknown: a tenant that answered nothing, the power, or what a variant computes
 */
export function sampleOf(
  { tenants, operatingPoint }: Plan,
  measured: MeasuredPlan,
  { components, workOf }: SampleSurroundings,
): CoLocationSample | null {
  const work: Work[] = [];
  const mapping: number[][] = [];
  const latencyS: number[] = [];
  for (const { tenant, variant, stages } of tenants) {
    const { offeredPerS = 0, meanMs = null } = measured.tenants.get(tenant) ?? {};
    const known = workOf(tenant, variant);
    const places = placesOf(stages, known, components);
    if (meanMs === null || meanMs <= 0 || places === null) return null;
    work.push({ ...known, tenant, variant, ratePerS: offeredPerS, priority: 1 });
    mapping.push(places);
    latencyS.push(computedSeconds(meanMs / 1000, offeredPerS));
  }
  const coLocation = coLocationOf({ components, operatingPoint, work });
  if (coLocation === null || measured.powerW === null || measured.powerW <= 0 || work.length === 0) return null;
  const workload = workloadOf(work.map(({ tenant, variant }) => `${tenant}\n${variant}`));
  return { ...coLocation, mapping, latencyS, powerW: measured.powerW, workload };
}

/**
 * Of a mean latency at a rate of arrivals, what is not waiting for the tenant's own requests: the X that solves
 * `latency = X + rate X^2 / (2 (1 - rate X))`, which is how the learned estimator adds the waiting (Pollaczek-Khinchine).
 */
export function computedSeconds(latencyS: number, ratePerS: number): number {
  const a = ratePerS * latencyS;
  // The other form of (1 + a - sqrt(1 + a^2)) / rate: no difference of large numbers, and fine at a rate of 0.
  return (2 * latencyS) / (1 + a + Math.sqrt(1 + a * a));
}

/** A number that is the same for the same variants together, whichever plan put them there (FNV-1a). */
function workloadOf(names: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const character of [...names].sort().join('\n\n')) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash >>> 1;
}
