import { asEcomapError, type EcomapError } from '../../signals/errors';
import type { NamedTensors } from '../tensors/tensors';
import type { Lane } from './lanes';
import type { PendingRequest } from './pending-request';
import { fitTogether, type VariantServer } from './variant-server';

/** Requests that are computed together; at least one. */
export interface Batch {
  readonly requests: readonly PendingRequest[];
  readonly inputs: readonly NamedTensors[];
  /** Along the batch dimension, of all of them. */
  readonly rows: number;
}

/** How far a batch is searched for beyond its own length, among requests that do not fit. */
const lookAhead = 4;

/**
 * Takes the next requests out of a lane, as many as fit into one run and together, without making one of them late that would
 * be in time in a smaller batch. What turns out not to fit the model is refused on the way, so the batch may be empty.
 */
export function takeBatch(
  lane: Lane,
  server: VariantServer,
  nowMs: number,
  refuse: (request: PendingRequest, error: EcomapError) => void,
): Batch {
  const { largestBatch } = server;
  const requests: PendingRequest[] = [];
  const inputs: NamedTensors[] = [];
  let rows = 0;
  let dueMs = Infinity;
  lane.queue.sift(largestBatch === 1 ? 1 : largestBatch * lookAhead, (request) => {
    const [first] = inputs;
    if (first !== undefined && (rows >= largestBatch || requests[0]?.alone)) return 'stop';
    if (first !== undefined && request.alone) return 'leave';
    let encoded: NamedTensors;
    try {
      encoded = server.encode(request);
    } catch (error) {
      refuse(request, asEcomapError(error));
      return 'take';
    }
    const ownRows = server.rowsOf(encoded);
    const ownDueMs = request.deadlineMs !== null && request.deadlineMs > nowMs ? request.deadlineMs : Infinity;
    if (first !== undefined) {
      if (rows + ownRows > largestBatch || !fitTogether(first, encoded)) return 'leave';
      const soonestMs = Math.min(dueMs, ownDueMs);
      if (soonestMs < Infinity && nowMs + (server.expectedMs(rows + ownRows) ?? 0) > soonestMs) return 'stop';
    }
    requests.push(request);
    inputs.push(encoded);
    rows += ownRows;
    dueMs = Math.min(dueMs, ownDueMs);
    return 'take';
  });
  return { requests, inputs, rows };
}
