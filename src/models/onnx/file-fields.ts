import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { EcomapError } from '../../signals/errors';

/** A field of a protobuf message in a file: its number and where its value lies. */
export interface FileField {
  readonly number: number;
  /** Where its header begins. */
  readonly start: number;
  /** Of a string, a byte field or a message without its length. */
  readonly from: number;
  readonly to: number;
  /** False for numbers. */
  readonly holdsBytes: boolean;
}

const windowBytes = 64 * 1024;
/** Takes about a millisecond. */
const fieldsAtOnce = 2048;
/** Tag and length: two varints of at most ten bytes. */
const mostHeaderBytes = 20;

/** Walks a protobuf file by the headers of its fields, in a few reads however big the values are that it steps over. */
export class FileFields {
  private window = Buffer.alloc(0);
  private windowFrom = 0;
  private walked = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly bytes: number,
  ) {}

  /**
   * The fields between two positions, in their order.
   * @throws EcomapError MODEL_INVALID, whose message says only what is wrong with the bytes
   */
  async *between(from: number, to: number): AsyncGenerator<FileField> {
    let position = from;
    while (position < to) {
      const header = await this.read(position, Math.min(position + mostHeaderBytes, this.bytes));
      const field = readHeader(header, position);
      if (field === null) {
        const where = position === 0 ? 'it does not begin like one' : `it makes no sense from byte ${position} on`;
        throw new EcomapError('MODEL_INVALID', where);
      }
      if (field.to > this.bytes) {
        const missing = field.to - this.bytes;
        throw new EcomapError('MODEL_INVALID', `it ends ${missing} bytes too early, as if it was not copied whole`);
      }
      if (field.to > to) throw new EcomapError('MODEL_INVALID', `it makes no sense from byte ${position} on`);
      yield field;
      this.walked += 1;
      // Most steps read nothing anew, so that nobody else would have a turn in between.
      if (this.walked % fieldsAtOnce === 0) await setImmediate();
      position = field.to;
    }
  }

  /** Bytes of the file; valid until the next call. */
  async read(from: number, to: number): Promise<Buffer> {
    const isThere = from >= this.windowFrom && to <= this.windowFrom + this.window.length;
    if (!isThere) {
      const length = Math.min(Math.max(windowBytes, to - from), this.bytes - from);
      const { buffer, bytesRead } = await this.file.read(Buffer.alloc(length), 0, length, from);
      this.window = buffer.subarray(0, bytesRead);
      this.windowFrom = from;
    }
    return this.window.subarray(from - this.windowFrom, to - this.windowFrom);
  }
}

/** Null when the bytes are no header of a field. */
function readHeader(header: Buffer, start: number): FileField | null {
  const tag = readVarint(header, 0);
  if (tag === null || tag.value < 8) return null;
  const number = Math.floor(tag.value / 8);
  const from = start + tag.next;
  switch (tag.value % 8) {
    case 0: {
      const value = readVarint(header, tag.next);
      return value === null ? null : { number, start, from, to: start + value.next, holdsBytes: false };
    }
    case 1:
      return { number, start, from, to: from + 8, holdsBytes: false };
    case 2: {
      const length = readVarint(header, tag.next);
      if (length === null) return null;
      return { number, start, from: start + length.next, to: start + length.next + length.value, holdsBytes: true };
    }
    case 5:
      return { number, start, from, to: from + 4, holdsBytes: false };
    default:
      return null;
  }
}

function readVarint(bytes: Buffer, start: number): { value: number; next: number } | null {
  let value = 0;
  let scale = 1;
  for (let index = start; index < Math.min(bytes.length, start + 10); index += 1) {
    const byte = bytes[index] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next: index + 1 };
    scale *= 128;
  }
  return null;
}
