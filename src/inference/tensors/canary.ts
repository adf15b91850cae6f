import type { Tensor } from '../../signals/tensor';
import { patternInputs } from '../host/pattern-inputs';
import { encodeImage } from './payload-images';
import type { NamedTensors, TensorSpec } from './tensors';

/** One black pixel: the smallest image there is. */
const smallestImage = Buffer.from('R0lGODlhAQABAIAAAAAAAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');

/**
 * What a model has to answer before it serves: a pattern of the right shape, and an image where the tenant declares one, so
 * that a missing image library shows now and the first real image finds it loaded.
 */
export function canaryInputs(inputs: readonly TensorSpec[]): NamedTensors {
  const images = inputs.flatMap((spec): [string, Tensor][] => {
    const image = spec.image && encodeImage(smallestImage, spec, spec.image);
    return image ? [[spec.name, image]] : [];
  });
  return { ...patternInputs({ inputs, outputs: [] }, null), ...Object.fromEntries(images) };
}
