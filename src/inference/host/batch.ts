import { EcomapError } from '../../signals/errors';
import type { Tensor } from '../../signals/tensor';
import { isTexts, type NamedTensors } from '../tensors/tensors';

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
  const [start, end] = [from * perRow, (from + count) * perRow];
  return {
    type,
    dims: [count, ...dims.slice(1)],
    data: isTexts(data) ? data.slice(start, end) : data.subarray(start, end),
  };
}
