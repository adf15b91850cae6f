import { z } from 'zod';
import type { DeferredRequests } from '../../src/carbon/deferral/deferred-requests';
import type { NodeMessage } from '../../src/node-red/types';
import type { InferenceAccount, InferenceRequest } from '../../src/signals/inference';
import { parseAtTheDoor } from '../../src/signals/parse';
import { mostDeferralH, type Tenant } from '../../src/signals/tenant';

const hourMs = 3_600_000;
const deferral = z.object({ deferrableUntilH: z.number().min(0).max(mostDeferralH).optional() });

/**
 * How long a request may wait for a cleaner grid, in time of the grid, ms: what `msg.deferrableUntilH` says (0: not at all), else its tenant. Null
 * where it may not wait.
 * @throws EcomapError INVALID_MESSAGE
 */
export function mayWaitMs({ deferrableUntilH }: NodeMessage, tenant: Tenant | undefined): number | null {
  const what = 'The request (msg.deferrableUntilH)';
  const { deferrableUntilH: own } = parseAtTheDoor(deferral, { deferrableUntilH }, 'INVALID_MESSAGE', what);
  const hours = own ?? tenant?.deferrableUntilH ?? null;
  return hours === null || hours === 0 ? null : hours * hourMs;
}

/**
 * Runs a request when its time has come; its deadline is how long it may wait, unless it has an earlier one.
 * @param waitMs in time of the grid: where its days are played fast, hours are short here, too
 */
export async function inferDeferred<Answer extends { readonly account: InferenceAccount }>(
  deferred: DeferredRequests,
  request: InferenceRequest,
  waitMs: number,
  signal: AbortSignal,
  infer: (request: InferenceRequest) => Promise<Answer>,
): Promise<Answer> {
  const now = Date.now();
  const deadlineMs = Math.min(now + deferred.here(waitMs), request.deadlineMs ?? Infinity);
  const begun = await deferred.hold(request.tenant, deadlineMs - now, signal);
  let latencyMs: number | null = null;
  try {
    const answer = await infer({ ...request, deadlineMs });
    const { account } = answer;
    latencyMs = account.latencyMs;
    return begun.why === null ? answer : { ...answer, account: { ...account, why: [...account.why, begun.why] } };
  } finally {
    deferred.ended(request.tenant, begun, latencyMs);
  }
}
