import { closeSync, constants, openSync, read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { inlineLimitBytes, type TensorFrame } from '../host/protocol';
import { bytesOf, bytesPerElement, elementCount, typedView, type NamedTensors } from '../tensors';
import type { Tensor } from '../../signals/inference';

const writeLater = promisify(write);
const readLater = promisify(read);

/** Copying this much from or to memory takes about 0.1 ms; beyond it, or on a disk, the copy leaves the event loop. */
const synchronousLimitBytes = 1024 * 1024;
/** Keeps every tensor aligned for any element type. */
const alignmentBytes = 64;

function align(offset: number): number {
  return Math.ceil(offset / alignmentBytes) * alignmentBytes;
}

/** True when nothing of these tensors needs a file. */
export function fitsInline(requests: readonly NamedTensors[]): boolean {
  let bytes = 0;
  for (const tensors of requests) for (const tensor of Object.values(tensors)) bytes += tensor.data.byteLength;
  return bytes <= inlineLimitBytes;
}

export function inlineFrames(tensors: NamedTensors): TensorFrame[] {
  return Object.entries(tensors).map(([name, { type, dims, data }]) => ({ name, type, dims, data }));
}

/**
 * One file through which tensors pass between two processes. Who writes and who reads is settled by the requests: a slot
 * belongs to one request at a time. The file is opened on first use and keeps its memory until it is removed.
 */
export class SlotFile {
  #descriptor: number | null = null;

  constructor(
    private readonly path: string,
    private readonly inMemory: boolean,
  ) {}

  /** Lays the tensors of all requests out one after the other. @throws Error ENOSPC when the memory file system is full. */
  async write(requests: readonly NamedTensors[]): Promise<TensorFrame[][]> {
    const written: TensorFrame[][] = [];
    let offset = 0;
    for (const tensors of requests) {
      const frames: TensorFrame[] = [];
      for (const [name, { type, dims, data }] of Object.entries(tensors)) {
        const bytes = bytesOf(data);
        await this.#writeBytes(bytes, offset);
        frames.push({ name, type, dims, offset });
        offset = align(offset + bytes.length);
      }
      written.push(frames);
    }
    return written;
  }

  /** Reads the tensors of the frames into memory of their own. @throws Error when the file is shorter than they say. */
  async read(frames: readonly TensorFrame[]): Promise<NamedTensors> {
    const tensors: Record<string, Tensor> = {};
    for (const { name, type, dims, data, offset } of frames) {
      tensors[name] = { type, dims, data: data ?? (await this.#readData(type, dims, offset ?? 0)) };
    }
    return tensors;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  async #writeBytes(bytes: Buffer, offset: number): Promise<void> {
    const descriptor = this.#open();
    for (let done = 0; done < bytes.length;) {
      const left = bytes.length - done;
      done += this.#isQuick(left)
        ? writeSync(descriptor, bytes, done, left, offset + done)
        : (await writeLater(descriptor, bytes, done, left, offset + done)).bytesWritten;
    }
  }

  async #readData(type: Tensor['type'], dims: readonly number[], offset: number): Promise<Tensor['data']> {
    const elements = elementCount(dims);
    const bytes = Buffer.allocUnsafeSlow(elements * bytesPerElement[type]);
    const descriptor = this.#open();
    for (let done = 0; done < bytes.length;) {
      const left = bytes.length - done;
      const count = this.#isQuick(left)
        ? readSync(descriptor, bytes, done, left, offset + done)
        : (await readLater(descriptor, bytes, done, left, offset + done)).bytesRead;
      if (count === 0) throw new Error(`the slot file ended ${left} bytes early`);
      done += count;
    }
    return typedView(type, bytes.buffer, bytes.byteOffset, elements);
  }

  #isQuick(bytes: number): boolean {
    return this.inMemory && bytes <= synchronousLimitBytes;
  }

  #open(): number {
    this.#descriptor ??= openSync(this.path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    return this.#descriptor;
  }
}
