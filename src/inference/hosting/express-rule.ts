/** What a tenant's runs take on a component, and how long its requests may take. */
export interface TenantRuns {
  readonly latencyLimitMs: number;
  /** Measured mean of one run; null before the first. */
  readonly runMs: number | null;
}

/** Beyond the two runs themselves: the way to the process and back, and runs that take longer than the mean. */
const margin = 1.2;
/** A tenant that is served apart leaves only when it would not come back at once. */
const hysteresis = 1.5;
/** Only runs that are this much shorter than the longest: others would slow the big tenant down as much as they gain. */
const smallShare = 0.25;

/**
 * Whether a tenant should not wait behind the others of its component. A run cannot be interrupted, so in one process a request
 * may have to wait for the longest run of the others before its own begins. Where that breaks its latency limit, and its own
 * runs are at most a quarter as long, it gets a process of its own on the same cores, which the system prefers to the ordinary
 * one: the small run then goes in between, and the big one takes longer by no more than it.
 */
export function shouldBeExpress(own: TenantRuns, others: readonly TenantRuns[], isExpress: boolean): boolean {
  if (own.runMs === null || own.latencyLimitMs < own.runMs) return false;
  const longestMs = others.reduce((longest, { runMs }) => Math.max(longest, runMs ?? 0), 0);
  const slack = isExpress ? hysteresis : 1;
  return own.runMs <= smallShare * slack * longestMs && own.latencyLimitMs < margin * slack * (longestMs + own.runMs);
}
