import { closeSync, constants, openSync, read, readSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inlineLimitBytes, type TensorFrame } from '../host/protocol';
import { bytesOf, elementCount, isTexts, messageBytes, typedView, type NamedTensors } from '../tensors/tensors';
import type { Tensor } from '../../signals/tensor';
import { decodeTexts, encodeTexts } from './text-bytes';

const writeLater = promisify(write);
const readLater = promisify(read);

/** Copying this much from or to memory takes about 0.1 ms; beyond it, or on a disk, the copy leaves the event loop. */
const synchronousLimitBytes = 1024 * 1024;
/** Keeps every tensor aligned for any element type. */
const alignmentBytes = 64;

/** The two files of a slot. */
export function slotPaths(directory: string, slot: number): { readonly input: string; readonly output: string } {
  return { input: join(directory, `${slot}.in`), output: join(directory, `${slot}.out`) };
}

/** The next position where a tensor may begin. */
export function align(offset: number): number {
  return Math.ceil(offset / alignmentBytes) * alignmentBytes;
}

/** True when nothing of these tensors needs a file. */
export function fitsInline(requests: readonly NamedTensors[]): boolean {
  let bytes = 0;
  for (const tensors of requests) for (const tensor of Object.values(tensors)) bytes += messageBytes(tensor.data);
  return bytes <= inlineLimitBytes;
}

export function inlineFrames(tensors: NamedTensors): TensorFrame[] {
  return Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));
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

  /** Lays the tensors of all requests out one after the other, from a position on. @throws Error ENOSPC when the memory file system is full. */
  async write(requests: readonly NamedTensors[], from = 0): Promise<TensorFrame[][]> {
    const written: TensorFrame[][] = [];
    let offset = from;
    for (const tensors of requests) {
      const frames: TensorFrame[] = [];
      for (const [name, { data, ...rest }] of Object.entries(tensors)) {
        const bytes = isTexts(data) ? encodeTexts(data) : bytesOf(data);
        await this.#writeBytes(bytes, offset);
        frames.push({ name, ...rest, offset, bytes: bytes.length });
        offset = align(offset + bytes.length);
      }
      written.push(frames);
    }
    return written;
  }

  /** Reads the tensors of the frames into memory of their own. @throws Error when the file is shorter than they say. */
  async read(frames: readonly TensorFrame[]): Promise<NamedTensors> {
    const tensors: [string, Tensor][] = [];
    for (const frame of frames) {
      const { name, type, dims } = frame;
      tensors.push([name, { type, dims, data: frame.data ?? (await this.#readData(frame)) }]);
    }
    return Object.fromEntries(tensors);
  }

  /**
   * Fills `target` with the bytes from `offset` on, however long that takes: for a process that has nothing else to do.
   * @throws Error when the file ends before that
   */
  readNow(target: Buffer, offset: number): void {
    const descriptor = this.#open();
    for (let done = 0; done < target.length;) {
      const left = target.length - done;
      done += someOf(readSync(descriptor, target, done, left, offset + done), left);
    }
  }

  async #readLater(target: Buffer, offset: number): Promise<void> {
    const descriptor = this.#open();
    for (let done = 0; done < target.length;) {
      const left = target.length - done;
      done += someOf((await readLater(descriptor, target, done, left, offset + done)).bytesRead, left);
    }
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

  /** The bytes of a frame whose data is not in the message, in memory of their own. */
  async readBytes({ offset = 0, bytes = 0 }: TensorFrame): Promise<Buffer> {
    const memory = Buffer.allocUnsafeSlow(bytes);
    if (this.#isQuick(bytes)) this.readNow(memory, offset);
    else await this.#readLater(memory, offset);
    return memory;
  }

  async #readData(frame: TensorFrame): Promise<Tensor['data']> {
    const elements = elementCount(frame.dims);
    const memory = await this.readBytes(frame);
    return frame.type === 'string'
      ? decodeTexts(memory, elements)
      : typedView(frame.type, memory.buffer, memory.byteOffset, elements);
  }

  #isQuick(bytes: number): boolean {
    return this.inMemory && bytes <= synchronousLimitBytes;
  }

  #open(): number {
    this.#descriptor ??= openSync(this.path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    return this.#descriptor;
  }
}

/** What was read of what is left. @throws Error when that is nothing */
function someOf(count: number, left: number): number {
  if (count === 0) throw new Error(`the slot file ended ${left} bytes early`);
  return count;
}
