import type { Plan } from '../../signals/plan';
import type { MeasuredPlan } from './measured-plan';

/** Differences below these shares are taken for noise. */
const leastPowerGain = 0.02;
const leastLatencyGain = 0.05;

/** Sum of value/limit - 1 over the limits that a plan turned out to break: the cap, and the 95th percentiles of latency. */
export function brokenBy(plan: Plan, measured: MeasuredPlan): number {
  const overCap = plan.capW === null || measured.powerW === null ? 0 : measured.powerW / plan.capW - 1;
  const latencies = plan.tenants.reduce((sum, { tenant, latencyLimitMs }) => {
    const p95Ms = measured.tenants.get(tenant)?.p95Ms ?? 0;
    return sum + Math.max(0, p95Ms / latencyLimitMs - 1);
  }, 0);
  return latencies + (overCap > leastPowerGain ? overCap : 0);
}

/** Mean over the tenants of measured latency / limit; null when nothing was answered. */
export function latencyRatioOf(plan: Plan, measured: MeasuredPlan): number | null {
  const ratios = plan.tenants.flatMap(({ tenant, latencyLimitMs }) => {
    const meanMs = measured.tenants.get(tenant)?.meanMs ?? null;
    return meanMs === null ? [] : [meanMs / latencyLimitMs];
  });
  return ratios.length === 0 ? null : ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}

/**
 * Power at the same rate of answers: arrivals fluctuate, and who happened to get fewer requests would look thrifty. Null when
 * unknown.
 */
function powerAtRate({ powerW, idleW, tenants }: MeasuredPlan, servedPerS: number): number | null {
  if (powerW === null || idleW === null) return powerW;
  const served = servedPerSecond(tenants);
  return served > 0 ? idleW + ((powerW - idleW) / served) * servedPerS : powerW;
}

export function servedPerSecond(tenants: MeasuredPlan['tenants']): number {
  return [...tenants.values()].reduce((sum, tenant) => sum + tenant.servedPerS, 0);
}

export interface TriedPlan {
  readonly plan: Plan;
  readonly measured: MeasuredPlan;
}

/**
 * The best of what was tried: broken limits first, then power, then latency. An earlier one stays unless a later one is better by
 * more than noise.
 */
export function bestMeasured([first, ...others]: readonly [TriedPlan, ...TriedPlan[]]): TriedPlan {
  return others.reduce((best, other) => (isBetter(other, best) ? other : best), first);
}

function isBetter(a: TriedPlan, b: TriedPlan): boolean {
  const [brokenA, brokenB] = [brokenBy(a.plan, a.measured), brokenBy(b.plan, b.measured)];
  if (brokenA > 0 || brokenB > 0) return brokenA < brokenB;
  const rate = (servedPerSecond(a.measured.tenants) + servedPerSecond(b.measured.tenants)) / 2;
  const [powerA, powerB] = [powerAtRate(a.measured, rate), powerAtRate(b.measured, rate)];
  if (powerA !== null && powerB !== null) {
    if (powerA < powerB * (1 - leastPowerGain)) return true;
    if (powerB < powerA * (1 - leastPowerGain)) return false;
  }
  const [latencyA, latencyB] = [latencyRatioOf(a.plan, a.measured), latencyRatioOf(b.plan, b.measured)];
  return latencyA !== null && latencyB !== null && latencyA < latencyB * (1 - leastLatencyGain);
}
