import type { Tenant, Variant } from '../signals/tenant';
import { eligibleVariants } from '../signals/tenant';
import type { Alternative } from '../signals/violated';
import { SwapHistory } from './swap-history';

/** Each higher level of priority in use makes a point of accuracy this much dearer, so that low priorities give up first. */
const priorityFactor = 4;
/** A heavier variant should leave this share of each limit free: stepping up and down at one threshold would flap. */
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

/**
 * Share of a limit that would stay free: of the tenant's own latency limit, or of any that the swap brings nearer. A tenant that
 * stays well below its own may still take the room of another one, or the last watts under the cap.
 */
export function roomOf({ feasible, latencyMs, nearest }: Alternative, { latencyLimitMs }: Tenant): number {
  if (!feasible || latencyMs === null) return 0;
  const own = 1 - latencyMs.upper / latencyLimitMs;
  return Math.max(0, nearest === undefined ? own : Math.min(own, 1 - nearest.value / nearest.limit));
}

/** Whether a heavier variant would fit with some room to spare. */
export function hasSlack(alternative: Alternative, tenant: Tenant): boolean {
  return roomOf(alternative, tenant) >= upSlack;
}

/** The swap that an alternative stands for; null when it is of no tenant here, or of a variant it may not run. */
export function swapOf(alternative: Alternative, candidates: readonly Candidate[]): Swap | null {
  const candidate = candidates.find(({ tenant }) => tenant.name === alternative.tenant);
  const to = candidate?.eligible.find(({ name }) => name === alternative.variant);
  return candidate === undefined || to === undefined ? null : { candidate, to };
}
