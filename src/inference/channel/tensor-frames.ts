import { imageDeclarationSchema } from '../../signals/image';
import { tensorTypes, type ImageEncoding, type TensorData, type TensorType } from '../../signals/tensor';
import type { TensorFrame } from '../host/protocol';
import { decodeTexts, encodeTexts } from '../shared-memory/text-bytes';
import { bytesOf, bytesPerElement, isTexts, typedView } from '../tensors/tensors';
import type { ByteReader, ByteWriter } from './bytes';

const isInline = 1;
const isComputed = 2;
const isImage = 4;
/** Of a frame in bytes: lengths of its name and data, type, flags, number of dimensions. */
const leastFrameBytes = 14;

/** The frames of several requests, or of several answers. */
export function writeFrames(writer: ByteWriter, requests: readonly (readonly TensorFrame[])[]): void {
  writer.uint32(requests.length);
  for (const frames of requests) {
    writer.uint32(frames.length);
    for (const frame of frames) writeFrame(writer, frame);
  }
}

/** @throws RangeError, SyntaxError or a ZodError when the bytes are not what {@link writeFrames} writes */
export function readFrames(reader: ByteReader): TensorFrame[][] {
  return readTimes(reader.count(4), () => readTimes(reader.count(leastFrameBytes), () => readFrame(reader)));
}

function writeFrame(writer: ByteWriter, frame: TensorFrame): void {
  const { name, type, dims, data, image } = frame;
  writer.uint8(tensorTypes.indexOf(type));
  writer.uint8((data === undefined ? 0 : isInline) | (frame.isComputed ? isComputed : 0) | (image ? isImage : 0));
  writer.text(name);
  writer.uint32(dims.length);
  for (const dim of dims) writer.float64(dim);
  if (image !== undefined) writer.text(JSON.stringify(image));
  if (data === undefined) {
    writer.float64(frame.offset ?? 0);
    writer.float64(frame.bytes ?? 0);
  } else {
    writer.uint32(data.length);
    writer.bytes(isTexts(data) ? encodeTexts(data) : bytesOf(data));
  }
}

function readFrame(reader: ByteReader): TensorFrame {
  const number = reader.uint8();
  const type = tensorTypes[number];
  if (type === undefined) throw new RangeError(`there is no tensor type ${number}`);
  const flags = reader.uint8();
  const name = reader.text();
  const dims = readTimes(reader.count(8), () => reader.float64());
  const image = flags & isImage ? readImage(reader) : undefined;
  const place =
    flags & isInline
      ? { data: readData(reader, image === undefined ? type : 'uint8') }
      : { offset: reader.float64(), bytes: reader.float64() };
  return {
    name,
    type,
    dims,
    ...place,
    ...(image === undefined ? {} : { image }),
    ...(flags & isComputed ? { isComputed: true } : {}),
  };
}

/** In memory of its own, where every type may lie. */
function readData(reader: ByteReader, type: TensorType): TensorData {
  const elements = reader.uint32();
  const bytes = reader.bytes();
  if (type === 'string') return decodeTexts(bytes, elements);
  if (elements * bytesPerElement[type] !== bytes.length) {
    throw new RangeError(`${bytes.length} bytes are not ${elements} elements of ${type}`);
  }
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return typedView(type, own.buffer, own.byteOffset, elements);
}

function readImage(reader: ByteReader): ImageEncoding {
  const { declaration, form } = JSON.parse(reader.text()) as Record<string, unknown>;
  if (form !== 'file' && form !== 'pixels') throw new RangeError('an image that is neither a file nor pixels');
  return { declaration: imageDeclarationSchema.parse(declaration), form };
}

function readTimes<T>(count: number, read: () => T): T[] {
  const items: T[] = [];
  while (items.length < count) items.push(read());
  return items;
}
