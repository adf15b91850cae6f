import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Writes frames into a channel; they are copied where they cannot leave at once. */
export class FrameSender {
  /** Frames that wait for room in the channel: what follows has to wait behind them. */
  #waiting = 0;

  /** @param descriptor of the socket: what fits in then needs none of the machinery of streams; null uses that always */
  constructor(
    private readonly socket: Socket,
    private readonly descriptor: number | null,
    private readonly onError: (error: Error) => void,
  ) {}

  /** The frame may be overwritten as soon as this has returned. */
  send(frame: Buffer): void {
    const done = this.#waiting === 0 ? this.#writeNow(frame) : 0;
    if (done === frame.length) return;
    this.#waiting += 1;
    this.socket.write(Buffer.from(frame.subarray(done)), (error) => {
      this.#waiting -= 1;
      if (error) this.onError(error);
    });
  }

  /** @returns how many bytes have gone */
  #writeNow(frame: Buffer): number {
    if (this.descriptor === null) return 0;
    try {
      return writeSync(this.descriptor, frame);
    } catch {
      // No room, or nobody reads any more: the socket waits for the one and tells of the other.
      return 0;
    }
  }
}
