import { EcomapError } from '../../signals/errors';
import { tensorTypes, type TensorType } from '../../signals/tensor';
import type { InferenceSession } from '../runtime';
import type { TensorSpec } from '../tensors/tensors';

export function isTensorType(type: string): type is TensorType {
  return (tensorTypes as readonly string[]).includes(type);
}

/** Inputs or outputs of a session. @throws EcomapError MODEL_INVALID when one is of a type that cannot be sent */
export function specsOf(path: string, metadata: readonly InferenceSession.ValueMetadata[]): TensorSpec[] {
  return metadata.map((value) => {
    if (!value.isTensor || !isTensorType(value.type)) {
      const kind = value.isTensor ? value.type : 'no tensor';
      throw new EcomapError(
        'MODEL_INVALID',
        `${path}: "${value.name}" is ${kind}, which is not supported yet; these types are: ${tensorTypes.join(', ')}.`,
      );
    }
    return { name: value.name, type: value.type, dims: [...value.shape] };
  });
}
