import type { Tenant, Variant } from '../signals/tenant';
import { eligibleVariants } from '../signals/tenant';
import type { Alternative } from '../signals/violated';
import { SwapHistory } from './swap-history';

/** Each higher level of priority in use makes a point of accuracy this much dearer, so that low priorities give up first. */
const priorityFactor = 4;
/** A heavier variant should leave this share of the latency limit free: stepping up and down at one threshold would flap. */
const upSlack = 0.1;

/** What the selector knows of one tenant. */
export interface Candidate {
  readonly tenant: Tenant;
  /** Most accurate first. */
  readonly eligible: readonly Variant[];
  /** What a point of its accuracy is worth against the least important tenant's. */
  readonly weight: number;
  readonly history: SwapHistory;
  current: string;
  why: string[];
}

export interface Swap {
  readonly candidate: Candidate;
  readonly to: Variant;
}

/** One candidate per tenant that has a variant to run; of two tenants with the same name the first counts. */
export function candidatesOf(
  tenants: readonly Tenant[],
  settings: { readonly upAfterS: number; readonly dwellS: number },
): Candidate[] {
  const levels = [...new Set(tenants.map(({ priority }) => priority))].sort((a, b) => b - a);
  const seen = new Set<string>();
  return tenants.flatMap((tenant): Candidate[] => {
    const eligible = eligibleVariants(tenant);
    const [first] = eligible;
    if (first === undefined || seen.has(tenant.name)) return [];
    seen.add(tenant.name);
    return [
      {
        tenant,
        eligible,
        weight: priorityFactor ** levels.indexOf(tenant.priority),
        history: new SwapHistory({ upAfterMs: settings.upAfterS * 1000, dwellMs: settings.dwellS * 1000 }),
        current: first.name,
        why: [],
      },
    ];
  });
}

export function variantOf(candidate: Candidate): Variant | undefined {
  return candidate.eligible.find(({ name }) => name === candidate.current);
}

export function accuracyOf(candidate: Candidate): number {
  return variantOf(candidate)?.accuracy ?? 0;
}

/** Accuracy that a swap gives up (below 0: gains), priority counted. */
export function lossOf({ candidate, to }: Swap): number {
  return (accuracyOf(candidate) - to.accuracy) * candidate.weight;
}

export function nextLighter(candidate: Candidate): Swap | null {
  const to = candidate.eligible.find(({ accuracy }) => accuracy < accuracyOf(candidate));
  return to === undefined ? null : { candidate, to };
}

/** Whether a heavier variant would fit with some of the latency limit to spare. */
export function hasSlack({ feasible, latencyMs }: Alternative, tenant: Tenant): boolean {
  return feasible && latencyMs !== null && latencyMs.upper <= tenant.latencyLimitMs * (1 - upSlack);
}

/** The swap that an alternative stands for; null when it is of no tenant here, or of a variant it may not run. */
export function swapOf(alternative: Alternative, candidates: readonly Candidate[]): Swap | null {
  const candidate = candidates.find(({ tenant }) => tenant.name === alternative.tenant);
  const to = candidate?.eligible.find(({ name }) => name === alternative.variant);
  return candidate === undefined || to === undefined ? null : { candidate, to };
}
