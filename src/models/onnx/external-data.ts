import { EcomapError } from '../../signals/errors';
import { OnnxTensor, tensorField, type ExternalLocation } from './tensor';
import { modelPlaces, type MessagePlaces } from './tensor-places';
import { integerField, joinChunks, lengthDelimited, readFields, type Chunks } from './wire';

/** Gives the bytes of a tensor that lie outside the model file. */
export type FetchExternal = (location: ExternalLocation, tensor: OnnxTensor) => Uint8Array;

/** What becomes of a tensor; null leaves it as it is. */
type TensorChange = (tensor: Uint8Array) => Chunks | null;

/**
 * The model with all external data inside, so that it can be loaded from memory; itself, not a copy, when there is none. Tensors
 * are looked for wherever ONNX allows them: as initializers, in attributes, in sub-graphs and in functions.
 * @throws EcomapError MODEL_INVALID
 */
export function inlineExternalData(bytes: Uint8Array, fetch: FetchExternal): Uint8Array {
  const chunks = changed(bytes, modelPlaces, (tensor) => inlined(tensor, fetch));
  return chunks === null ? bytes : joinChunks(chunks);
}

/**
 * Names of the files that hold external data, each once, sorted.
 * @throws EcomapError MODEL_INVALID
 */
export function externalFileNames(bytes: Uint8Array): string[] {
  const names = new Set<string>();
  changed(bytes, modelPlaces, (tensor) => {
    const place = new OnnxTensor(tensor).externalLocation;
    if (place !== null) names.add(place.location);
    return null;
  });
  return [...names].sort();
}

/** A message with its tensors changed; null when none was. */
function changed(bytes: Uint8Array, places: MessagePlaces, change: TensorChange): Chunks | null {
  if (places.isTensor === true) return change(bytes);
  let isChanged = false;
  const chunks = readFields(bytes, 'the file').flatMap((field) => {
    const inner = places.fields[field.number];
    const replaced = inner === undefined ? null : changed(field.value, inner, change);
    if (replaced === null) return [field.raw];
    isChanged = true;
    return lengthDelimited(field.number, replaced);
  });
  return isChanged ? chunks : null;
}

const embedded = 0;
const replacedFields: readonly number[] = [tensorField.rawData, tensorField.externalData, tensorField.dataLocation];

function inlined(bytes: Uint8Array, fetch: FetchExternal): Chunks | null {
  const tensor = new OnnxTensor(bytes);
  const location = tensor.externalLocation;
  if (location === null) return null;
  const data = fetch(location, tensor);
  if (tensor.bytes !== null && data.length !== tensor.bytes) {
    throw new EcomapError(
      'MODEL_INVALID',
      `The weight "${tensor.name}" needs ${tensor.bytes} bytes, but its place in "${location.location}" holds ` +
        `${data.length}: the files do not belong together. Export the model again.`,
    );
  }
  return [
    ...tensor.fields.filter(({ number }) => !replacedFields.includes(number)).map(({ raw }) => raw),
    ...lengthDelimited(tensorField.rawData, [data]),
    integerField(tensorField.dataLocation, embedded),
  ];
}

/**
 * The bytes of a tensor in a file that was read whole.
 * @throws EcomapError MODEL_INVALID when the place lies outside the file
 */
export function sliceOfFile(
  file: Uint8Array,
  { location, offset, length }: ExternalLocation,
  name: string,
): Uint8Array {
  const end = offset + (length ?? file.length - offset);
  const isInside = [offset, end].every(Number.isSafeInteger) && offset >= 0 && offset <= end && end <= file.length;
  if (isInside) return file.subarray(offset, end);
  throw new EcomapError(
    'MODEL_INVALID',
    `The weight "${name}" is said to lie at byte ${offset} of "${location}" with ${length ?? 'all further'} bytes, but that ` +
      `file has ${file.length}: it was cut short or belongs to another model. Copy or export the model again.`,
  );
}
