import type { SlotFile } from '../shared-memory/slot-file';
import type { NamedTensors } from '../tensors';
import { joinRequests } from './batch';
import { firstNonFinite, nonFiniteRefused } from './non-finite';
import type { TensorFrame } from './protocol';

/** The inputs of one run, ready for the model. */
export interface RunInputs {
  /** Of all requests together, joined along axis 0. */
  readonly joined: NamedTensors;
  /** How many rows each request has there. */
  readonly rows: readonly number[];
  /** Of each request: whether its input holds NaN or infinity. */
  readonly nonFinite: readonly boolean[];
}

/**
 * Reads the inputs of the requests of one run out of their slot and the message.
 * @throws EcomapError INPUT_MISMATCH when the requests do not fit together, or hold NaN or infinity where that is refused
 */
export async function readInputs(
  requests: readonly (readonly TensorFrame[])[],
  slot: SlotFile,
  refuseNonFinite: boolean,
): Promise<RunInputs> {
  const tensors: NamedTensors[] = [];
  for (const frames of requests) tensors.push(await slot.read(frames));
  const found = tensors.map(firstNonFinite);
  const refused = refuseNonFinite ? found.find((value) => value !== null) : null;
  if (refused) throw nonFiniteRefused(refused);
  return { ...joinRequests(tensors), nonFinite: found.map((value) => value !== null) };
}
