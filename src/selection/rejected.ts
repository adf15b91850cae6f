import type { Variant } from '../signals/tenant';
import type { Rejected } from '../signals/rejected';
import type { AccuracyPriceNow } from '../signals/variants';
import type { Violated } from '../signals/violated';
import { accuracyOf, hasSlack, roomOf, type Candidate } from './candidate';
import { gramsPerWs } from './price/price';
import { describeViolation } from './words';

/** More than a handful nobody reads. */
const mostRejected = 6;

/**
 * Why tenants do not run what somebody might expect of them: for each that runs less than its best, the next better variant and
 * the constraint that rules it out; for one whose least accuracy leaves lighter variants out while limits are broken, the first of
 * those. Tenants of high priority come first.
 * @param nowMs of the clock that the tenants' histories go by
 */
export function rejectedBy(
  violated: Violated,
  candidates: readonly Candidate[],
  price: AccuracyPriceNow | null,
  nowMs: number,
): Rejected[] {
  return [...candidates]
    .sort((a, b) => a.tenant.priority - b.tenant.priority)
    .flatMap((candidate) => {
      const better = [...candidate.eligible].reverse().find(({ accuracy }) => accuracy > accuracyOf(candidate));
      if (better !== undefined) return [heavierRejected(candidate, better, violated, price, nowMs)];
      const lighter = violated.violations.length > 0 ? lighterRejected(candidate) : null;
      return lighter === null ? [] : [lighter];
    })
    .slice(0, mostRejected);
}

/** What is predicted of a tenant's variant, whether the plan of that round runs it or not. */
function predicted(violated: Violated, tenant: string, variant: string) {
  if (violated.current[tenant] === variant) {
    const [broken] = [...violated.violations].sort((a, b) => b.value / b.limit - a.value / a.limit);
    return { powerW: violated.expectedW ?? null, latency: null, broken };
  }
  const found = violated.alternatives.find((other) => other.tenant === tenant && other.variant === variant);
  if (found === undefined || found.latencyMs === null) return null;
  return { powerW: found.powerW.expected, latency: found, broken: found.broken };
}

function heavierRejected(
  candidate: Candidate,
  better: Variant,
  violated: Violated,
  price: AccuracyPriceNow | null,
  nowMs: number,
): Rejected {
  const { name, latencyLimitMs } = candidate.tenant;
  const refuse = (constraint: Rejected['constraint'], value: number | null, limit: number | null, why: string) => ({
    tenant: name,
    variant: better.name,
    constraint,
    value,
    limit,
    text: `${name} does not run ${better.name}: ${why}`,
  });
  const there = predicted(violated, name, better.name);
  if (there === null) return refuse('unmeasured', null, null, 'it has not been measured on this device');
  const { broken, latency } = there;
  if (broken !== undefined)
    return refuse(broken.constraint, broken.value, broken.limit, describeViolation(broken, violated.capW));
  if (latency?.latencyMs && !hasSlack(latency, candidate.tenant)) {
    const { upper } = latency.latencyMs;
    const { nearest } = latency;
    if (nearest !== undefined && (nearest.constraint !== 'latency' || nearest.tenant !== name)) {
      const near = `${describeViolation(nearest, violated.capW)}, too near to it: it must fit for longer`;
      return refuse(nearest.constraint, nearest.value, nearest.limit, near);
    }
    const why = `it would need up to ${Math.round(upper)} ms, near to its ${Math.round(latencyLimitMs)} ms: it must fit for longer`;
    return refuse('latency', upper, latencyLimitMs, why);
  }
  const ratePerS = violated.ratePerS?.[name] ?? 0;
  const gained = (better.accuracy - accuracyOf(candidate)) * 100;
  const here = predicted(violated, name, candidate.current);
  const extraW = there.powerW === null || here === null || here.powerW === null ? null : there.powerW - here.powerW;
  if (price !== null && price.gPerPoint !== null && extraW !== null && ratePerS > 0 && gained > 0) {
    const perPoint = (extraW * gramsPerWs(price.intensityGPerKwh)) / (gained * ratePerS);
    if (perPoint > price.gPerPoint) {
      const [costs, worth] = [perPoint, price.gPerPoint].map((grams) => (grams * 1000).toPrecision(2));
      const why = `a point of its accuracy costs ${costs} g per 1000 answers now, and is worth ${worth} g today`;
      return refuse('price', perPoint, price.gPerPoint, why);
    }
  }
  const terms = { capW: violated.capW, room: latency === null ? null : roomOf(latency, candidate.tenant) };
  return candidate.history.isHeldBack(nowMs, terms)
    ? refuse('wait', null, null, 'it fits, but lately it was taken back each time: it waits until there is more room')
    : refuse('wait', null, null, 'it fits, but not for long enough yet to step up');
}

/** The first variant that only the least accuracy leaves out. */
function lighterRejected({ tenant, eligible }: Candidate): Rejected | null {
  if (tenant.override.mode !== 'auto') return null;
  const out = [...tenant.variants]
    .sort((a, b) => b.accuracy - a.accuracy)
    .find((variant) => variant.accuracy < tenant.leastAccuracy && !eligible.includes(variant));
  if (out === undefined) return null;
  const least = `${(tenant.leastAccuracy * 100).toFixed(1)} %`;
  return {
    tenant: tenant.name,
    variant: out.name,
    constraint: 'accuracy',
    value: out.accuracy,
    limit: tenant.leastAccuracy,
    text: `${tenant.name} may not run ${out.name}: it is right in ${(out.accuracy * 100).toFixed(1)} % only, the least allowed is ${least}`,
  };
}
