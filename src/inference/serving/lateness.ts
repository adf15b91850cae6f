import type { Lane } from './lanes';
import { isTooLate } from './queue';
import type { PendingRequest } from './pending-request';

/**
 * Whether a request that comes now can no longer be answered in time, even if all goes as fast as it ever went: after the
 * requests before it, computed in full batches, and its own run. Whoever is before it may run out of time, or be handed to
 * a lighter variant, and leave its turn, but not before its own latest start.
 * `ordered`: false when others than the first ones may be taken out of the queue, so that nobody must run before it.
 */
export function cannotBeInTime(lane: Lane, request: PendingRequest, nowMs: number, ordered: boolean): boolean {
  const { deadlineMs } = request;
  if (deadlineMs === null) return false;
  const { server, queue } = lane;
  const ownMs = server?.leastMs(nowMs) ?? 0;
  if (isTooLate(deadlineMs, nowMs, ownMs)) return true;
  if (server === null || !ordered || (server.largestBatch > 1 && !server.uniform)) return false;
  const batchMs = server.leastMs(nowMs, server.largestBatch);
  const answeredAfterMs = (requests: number) => Math.floor(requests / server.largestBatch) * batchMs + ownMs;
  const ahead = queue.ahead(request);
  if (nowMs + answeredAfterMs(ahead) <= deadlineMs) return false;
  for (let place = 0; place < ahead; place += 1) {
    const otherDeadlineMs = queue.at(place)?.deadlineMs ?? null;
    if (otherDeadlineMs === null) continue;
    const leavesAtMs = Math.max(nowMs, otherDeadlineMs - ownMs);
    if (leavesAtMs + answeredAfterMs(ahead - 1 - place) <= deadlineMs) return false;
  }
  return true;
}
