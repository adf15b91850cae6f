import { channelCount, type ImageDeclaration } from '../../signals/image';
import type { Tenant } from '../../signals/tenant';
import { mismatch } from './payload-description';
import { imageDims } from './payload-images';
import { fitsDims } from './payload-shapes';
import { describeTensor, type ModelSignature, type TensorSpec } from './tensors';

type InputDeclaration = Tenant['input'];

/**
 * The shapes a tenant's requests must have: the model's, with the tenant's declaration filled in where the model leaves a
 * dimension free, and its image where it declares one.
 * @throws EcomapError INPUT_MISMATCH when the declaration contradicts the model.
 */
export function expectedInputs(declaration: InputDeclaration, { inputs }: ModelSignature): TensorSpec[] {
  const declared = declaration.name === null ? inputs[0] : inputs.find((spec) => spec.name === declaration.name);
  if (declared === undefined) {
    const names = inputs.map((spec) => spec.name).join(', ');
    throw mismatch(
      `The tenant declares the input "${declaration.name}", but the model's inputs are: ${names || 'none'}.`,
    );
  }
  const { type, dims, image } = declaration;
  if (type !== null && type !== declared.type) {
    throw mismatch(
      `The tenant declares the type ${type} for the input "${declared.name}", but the model takes ` +
        `${describeTensor(declared.type, declared.dims)}: declare ${declared.type}, or leave it to the model.`,
    );
  }
  if (dims !== null && !fitsDims(dims, declared)) {
    throw mismatch(
      `The tenant declares ${describeTensor(declared.type, dims)} for the input "${declared.name}", ` +
        `but the model takes ${describeTensor(declared.type, declared.dims)}.`,
    );
  }
  const shaped = dims === null ? declared : { ...declared, dims };
  const filled = image === null ? shaped : withImage(shaped, image);
  return inputs.map((spec) => (spec === declared ? filled : spec));
}

/** Types that a pixel can become. */
const pixelTypes: readonly string[] = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
];

/** The input with the image's size in place of free dimensions; a free batch dimension stays free. */
function withImage(spec: TensorSpec, image: ImageDeclaration): TensorSpec {
  const dims = imageDims(spec, image);
  if (!fitsDims(dims, spec)) {
    throw mismatch(
      `The tenant declares an image of ${image.width} x ${image.height} with ${channelCount(image)} channels, in the ` +
        `layout ${image.layout} [${dims.join(', ')}], for the input "${spec.name}", but the model takes ` +
        `${describeTensor(spec.type, spec.dims)}.`,
    );
  }
  if (!pixelTypes.includes(spec.type)) {
    throw mismatch(
      `The tenant declares an image for the input "${spec.name}", but the model takes ${spec.type} there.`,
    );
  }
  const isFloat = spec.type.startsWith('float');
  if (!isFloat && image.deviation.some((deviation) => (255 * image.scale) / deviation < 2)) {
    throw mismatch(
      `The input "${spec.name}" takes ${spec.type}, and the declared scale of ${image.scale} leaves nothing but 0 and 1 ` +
        'of an image: declare the scale 1.',
    );
  }
  const hasBatch = spec.dims.length === 4;
  return { ...spec, image, dims: dims.map((dim, axis) => (hasBatch && axis === 0 ? (spec.dims[0] ?? dim) : dim)) };
}
