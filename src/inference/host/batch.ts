import { EcomapError } from '../../signals/errors';
import type { Tensor } from '../../signals/inference';
import { emptyData, elementCount, type NamedTensors } from '../tensors';

/**
 * The inputs of several requests as one, joined along axis 0, and how many rows each has there.
 * @throws EcomapError INPUT_MISMATCH when they differ in name, type or any other axis
 */
export function joinRequests(requests: readonly NamedTensors[]): { joined: NamedTensors; rows: number[] } {
  const [first] = requests;
  if (first === undefined) throw new EcomapError('INTERNAL_ERROR', 'A run without a request.');
  const rows = requests.map((request) => rowsOf(Object.values(request)[0]));
  if (requests.length === 1) return { joined: first, rows };
  const joined = Object.fromEntries(
    Object.entries(first).map(([name, like]) => [name, joinTensors(name, like, requests)]),
  );
  return { joined, rows };
}

function rowsOf(tensor: Tensor | undefined): number {
  return tensor?.dims[0] ?? 1;
}

function joinTensors(name: string, like: Tensor, requests: readonly NamedTensors[]): Tensor {
  const parts = requests.map((request) => {
    const part = request[name];
    const fits =
      part?.type === like.type &&
      part.dims.length === like.dims.length &&
      part.dims.every((dim, axis) => axis === 0 || dim === like.dims[axis]);
    if (part !== undefined && fits) return part;
    throw new EcomapError('INPUT_MISMATCH', `The inputs "${name}" of one batch differ in type or shape.`);
  });
  const dims = [parts.reduce((sum, part) => sum + rowsOf(part), 0), ...like.dims.slice(1)];
  const data = emptyData(like.type, elementCount(dims));
  let position = 0;
  for (const part of parts) {
    // One of the kinds of typed array, the same for all parts: the check above has seen to it.
    (data as Float32Array).set(part.data as Float32Array, position);
    position += part.data.length;
  }
  return { type: like.type, dims, data };
}

/**
 * The outputs of a batch as those of each request: views, not copies.
 * @throws EcomapError MODEL_INVALID when an output does not have a row for each row of the input
 */
export function splitOutputs(outputs: NamedTensors, rows: readonly number[]): NamedTensors[] {
  if (rows.length === 1) return [outputs];
  const total = rows.reduce((sum, count) => sum + count, 0);
  let from = 0;
  return rows.map((count) => {
    const part = Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, rowsFrom(name, tensor, from, count, total)]),
    );
    from += count;
    return part;
  });
}

function rowsFrom(name: string, { type, dims, data }: Tensor, from: number, count: number, total: number): Tensor {
  if (dims[0] !== total) {
    throw new EcomapError(
      'MODEL_INVALID',
      `The output "${name}" has ${dims[0] ?? 'no'} rows for a batch of ${total}: this model cannot compute requests together.`,
    );
  }
  const perRow = data.length / total;
  return { type, dims: [count, ...dims.slice(1)], data: data.subarray(from * perRow, (from + count) * perRow) };
}
