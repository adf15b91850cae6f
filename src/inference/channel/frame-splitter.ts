/** A frame begins with the number of bytes that follow, 32 bits. */
export const frameHeaderBytes = 4;
/** No frame is longer: something else came in through the channel. */
const longestFrameBytes = 1024 * 1024 * 1024;

/** Cuts what comes through a channel into frames, however it was chopped up on the way. */
export class FrameSplitter {
  /** Of a frame that has not come in whole yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** What that frame has in all, with its header; the header alone as long as that is not here. */
  #neededBytes = frameHeaderBytes;

  /** @param onFrame called with a frame without its header, whose memory is only lent for the call */
  constructor(private readonly onFrame: (frame: Buffer) => void) {}

  /**
   * Takes in what has come; its memory may be used again afterwards.
   * @throws RangeError when that cannot be a frame
   */
  push(chunk: Buffer): void {
    if (this.#pieceBytes === 0) {
      this.#keep(chunk.subarray(this.#split(chunk)));
      return;
    }
    this.#keep(chunk);
    if (this.#pieceBytes < this.#neededBytes) return;
    const whole = Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#keep(whole.subarray(this.#split(whole)));
  }

  /** Hands over the whole frames at the beginning. @returns where the rest begins */
  #split(bytes: Buffer): number {
    let position = 0;
    for (;;) {
      this.#neededBytes = frameHeaderBytes;
      if (bytes.length - position < frameHeaderBytes) return position;
      const length = bytes.readUInt32LE(position);
      if (length > longestFrameBytes) throw new RangeError(`a frame of ${length} bytes`);
      this.#neededBytes = frameHeaderBytes + length;
      const end = position + this.#neededBytes;
      if (end > bytes.length) return position;
      this.onFrame(bytes.subarray(position + frameHeaderBytes, end));
      position = end;
    }
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#pieces.push(Buffer.from(rest));
    this.#pieceBytes += rest.length;
  }
}
