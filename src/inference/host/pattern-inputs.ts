import { EcomapError } from '../../signals/errors';
import type { TensorData } from '../../signals/tensor';
import { toFloat16 } from '../tensors/float16';
import { emptyData, elementCount, type ModelSignature, type NamedTensors, type TensorSpec } from '../tensors/tensors';

/** Free dimensions become 1: one inference. @throws EcomapError INPUT_MISMATCH when `dims` do not fit the model. */
function concreteDims(spec: TensorSpec, dims: readonly number[] | null): number[] {
  const fits =
    dims === null ||
    (dims.length === spec.dims.length &&
      spec.dims.every((declared, axis) => typeof declared === 'string' || declared === dims[axis]));
  if (!fits) {
    throw new EcomapError(
      'INPUT_MISMATCH',
      `The input "${spec.name}" is declared as [${dims?.join(', ')}], the model takes [${spec.dims.join(', ')}].`,
    );
  }
  return spec.dims.map((declared, axis) => (typeof declared === 'number' ? declared : (dims?.[axis] ?? 1)));
}

/**
 * Inputs of the right shape, filled with an even pattern between 0 and 1 (whole numbers: 0; texts: empty).
 * @param dims of the first input
 * @param named of inputs by name: go before `dims`
 */
export function patternInputs(
  signature: ModelSignature,
  dims: readonly number[] | null,
  named: Readonly<Record<string, readonly number[]>> = {},
): NamedTensors {
  const inputs: Record<string, NamedTensors[string]> = {};
  signature.inputs.forEach((spec, position) => {
    const concrete = concreteDims(spec, named[spec.name] ?? (position === 0 ? dims : null));
    const elements = elementCount(concrete);
    const pattern = (index: number) => ((index * 37) % 101) / 100;
    let data: TensorData;
    if (spec.type === 'string') data = new Array<string>(elements).fill('');
    else {
      data = emptyData(spec.type, elements);
      for (let index = 0; index < elements; index += 1) {
        if (data instanceof Float32Array || data instanceof Float64Array) data[index] = pattern(index);
        else if (spec.type === 'float16') data[index] = toFloat16(pattern(index));
      }
    }
    inputs[spec.name] = { type: spec.type, dims: concrete, data };
  });
  return inputs;
}
