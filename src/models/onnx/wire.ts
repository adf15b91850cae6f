import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { EcomapError, messageOf } from '../../signals/errors';

/** One field of a protobuf message: views of the bytes it was read from, nothing is copied or decoded. */
export interface Field {
  readonly number: number;
  readonly wireType: WireType;
  /** Tag, length and value, as they stood in the file: what is written back when nothing was changed. */
  readonly raw: Uint8Array;
  /** The value alone; of a string, a byte field or a message without its length. */
  readonly value: Uint8Array;
}

/** Pieces of a message in their order. They are joined once, at the very end, so that weights are copied once. */
export type Chunks = readonly Uint8Array[];

function reading<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new EcomapError(
      'MODEL_INVALID',
      `The ONNX model is damaged: ${what} cannot be read (${messageOf(error)}). Export or copy it again.`,
    );
  }
}

/**
 * The fields of a message in their order, those that we do not know too.
 * @throws EcomapError MODEL_INVALID when the bytes are no such message; `what` names it
 */
export function readFields(bytes: Uint8Array, what: string): Field[] {
  return reading(what, () => {
    const reader = new BinaryReader(bytes);
    const fields: Field[] = [];
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [number, wireType] = reader.tag();
      const value = wireType === WireType.LengthDelimited ? reader.bytes() : reader.skip(wireType, number);
      fields.push({ number, wireType, raw: bytes.subarray(start, reader.pos), value });
    }
    return fields;
  });
}

/** The last field of that number, as protobuf wants it for a field that is not repeated. */
export function lastOf(fields: readonly Field[], number: number): Field | undefined {
  return fields.findLast((field) => field.number === number);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function textOf(field: Field | undefined): string {
  if (field === undefined) return '';
  return reading('a name', () => utf8.decode(field.value));
}

export function textsOf(fields: readonly Field[], number: number): string[] {
  return fields.filter((field) => field.number === number).map(textOf);
}

/** A signed integer; null when the field is absent. Beyond 2^53 it loses digits, which no size of a tensor reaches. */
export function integerOf(field: Field | undefined): number | null {
  if (field === undefined) return null;
  return reading('a number', () => Number(new BinaryReader(field.value).int64()));
}

/** Repeated signed integers, packed or not. */
export function integersOf(fields: readonly Field[], number: number): number[] {
  return reading('a list of numbers', () =>
    fields
      .filter((field) => field.number === number)
      .flatMap(({ value }) => {
        const reader = new BinaryReader(value);
        const integers: number[] = [];
        while (reader.pos < reader.len) integers.push(Number(reader.int64()));
        return integers;
      }),
  );
}

/** Repeated 32-bit floating point numbers, packed or not. */
export function floatsOf(fields: readonly Field[], number: number): number[] {
  return reading('a list of numbers', () =>
    fields
      .filter((field) => field.number === number)
      .flatMap(({ value }) => {
        const reader = new BinaryReader(value);
        const floats: number[] = [];
        while (reader.pos < reader.len) floats.push(reader.float());
        return floats;
      }),
  );
}

export function integerField(number: number, value: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.Varint).int64(value).finish();
}

export function textField(number: number, value: string): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).string(value).finish();
}

function byteLengthOf(chunks: Chunks): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** A message or bytes as a field: its header in front of the pieces. */
export function lengthDelimited(number: number, chunks: Chunks): Uint8Array[] {
  const header = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(byteLengthOf(chunks)).finish();
  return [header, ...chunks];
}

/** The one copy. */
export function joinChunks(chunks: Chunks): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(byteLengthOf(chunks));
  let position = 0;
  for (const chunk of chunks) {
    joined.set(chunk, position);
    position += chunk.length;
  }
  return joined;
}
