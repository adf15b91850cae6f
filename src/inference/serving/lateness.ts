import type { Lane } from './lanes';
import { isTooLate } from './queue';
import type { PendingRequest } from './pending-request';

/**
 * Whether a request that comes now would be late even if every run from now on were as fast as the fastest of late: it waits
 * for the run under way, then for those of the requests before it that can be in time themselves, computed in full batches.
 * `freeAtMs`: no run can begin before this. `ordered`: false when others than the first ones may be taken out of the queue, so
 * that nobody must run before it.
 */
export function cannotBeInTime(
  lane: Lane,
  request: PendingRequest,
  nowMs: number,
  freeAtMs: number,
  ordered: boolean,
): boolean {
  const { deadlineMs } = request;
  if (deadlineMs === null) return false;
  const { server, queue } = lane;
  const ownMs = server?.leastMs(nowMs) ?? 0;
  let startMs = Math.max(nowMs, freeAtMs);
  if (deadlineMs <= nowMs || isTooLate(deadlineMs, startMs, ownMs)) return true;
  if (server === null || !ordered || (server.largestBatch > 1 && !server.uniform)) return false;
  const { largestBatch } = server;
  const batchMs = server.leastBusyMs(nowMs, largestBatch);
  const ahead = queue.ahead(request);
  if (startMs + Math.floor(ahead / largestBatch) * batchMs + ownMs <= deadlineMs) return false;
  let inBatch = 0;
  for (let place = 0; place < ahead; place += 1) {
    const otherDeadlineMs = queue.at(place)?.deadlineMs ?? Infinity;
    if (isTooLate(otherDeadlineMs, startMs, ownMs)) continue;
    inBatch += 1;
    if (inBatch < largestBatch) continue;
    inBatch = 0;
    startMs += batchMs;
    if (isTooLate(deadlineMs, startMs, ownMs)) return true;
  }
  return false;
}
