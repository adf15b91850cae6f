/** Bytes of one frame kept for the next, as long as they are no more than this. */
const mostKeptBytes = 64 * 1024;

/** Puts numbers, texts and bytes one after the other, little endian, into memory that grows as needed. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #view = viewOf(this.#bytes);
  #end = 0;

  /** Begins anew: what was written before is gone. */
  reset(): void {
    if (this.#bytes.length > mostKeptBytes) this.#renew(4096);
    this.#end = 0;
  }

  /** What was written since the reset. Valid until the next one. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  uint8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** A number that was written before, at its position. */
  setUint32(position: number, value: number): void {
    this.#view.setUint32(position, value, true);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  /** Its length comes first. */
  bytes(value: Uint8Array): void {
    this.uint32(value.length);
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }

  text(value: string): void {
    const most = 3 * value.length;
    const at = this.#reserve(4 + most);
    const length = this.#bytes.write(value, at + 4);
    this.#view.setUint32(at, length, true);
    this.#end = at + 4 + length;
  }

  #reserve(count: number): number {
    const at = this.#end;
    this.#end = at + count;
    if (this.#end > this.#bytes.length) {
      const old = this.#bytes;
      this.#renew(2 * this.#end);
      old.copy(this.#bytes, 0, 0, at);
    }
    return at;
  }

  #renew(size: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.#bytes);
  }
}

/** Takes out what a ByteWriter has put together. Every method throws a RangeError where the bytes end too early. */
export class ByteReader {
  readonly #view: DataView;
  #position = 0;

  constructor(private readonly source: Buffer) {
    this.#view = viewOf(source);
  }

  get left(): number {
    return this.source.length - this.#position;
  }

  uint8(): number {
    const value = this.#view.getUint8(this.#position);
    this.#position += 1;
    return value;
  }

  uint32(): number {
    const value = this.#view.getUint32(this.#position, true);
    this.#position += 4;
    return value;
  }

  float64(): number {
    const value = this.#view.getFloat64(this.#position, true);
    this.#position += 8;
    return value;
  }

  /** A number of things that follow, of which each takes at least so many bytes: so nobody makes room for what cannot be there. */
  count(leastBytes: number): number {
    const value = this.uint32();
    if (value * leastBytes > this.left) throw new RangeError(`${value} things cannot be in ${this.left} bytes`);
    return value;
  }

  /** Where they lie: valid as long as the source is. */
  bytes(): Buffer {
    const length = this.count(1);
    const start = this.#position;
    this.#position += length;
    return this.source.subarray(start, this.#position);
  }

  text(): string {
    const length = this.count(1);
    const start = this.#position;
    this.#position += length;
    return this.source.toString('utf8', start, this.#position);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
