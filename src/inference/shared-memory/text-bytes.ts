/**
 * The elements of a `string` tensor as bytes: each is its length in bytes (32 bits, little endian) and that many bytes of
 * UTF-8. Half a surrogate pair, which UTF-8 cannot say, becomes the replacement character, as it would in the runtime.
 */
export function encodeTexts(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let offset = 0;
  texts.forEach((text, index) => {
    offset = bytes.writeUInt32LE(lengths[index] ?? 0, offset);
    offset += bytes.write(text, offset);
  });
  return bytes;
}

/** @throws RangeError when the bytes end early */
export function decodeTexts(bytes: Buffer, count: number): string[] {
  const texts: string[] = [];
  for (let offset = 0; texts.length < count;) {
    const start = offset + 4;
    offset = start + bytes.readUInt32LE(offset);
    if (offset > bytes.length) throw new RangeError('a text goes on beyond the end of its tensor');
    texts.push(bytes.toString('utf8', start, offset));
  }
  return texts;
}
