import { join } from 'node:path';
import type { SlotPaths, TensorFrame } from '../host/protocol';
import type { NamedTensors } from '../tensors';
import type { SlotDirectory } from './slot-directory';
import { fitsInline, inlineFrames, SlotFile } from './slot-file';

/** The way of the requests of one run to a host and back: small tensors inside the message, others through two files. */
export class RequestSlot {
  private readonly input: SlotFile;
  private readonly output: SlotFile;

  constructor(
    readonly paths: SlotPaths,
    inMemory: boolean,
  ) {
    this.input = new SlotFile(paths.input, inMemory);
    this.output = new SlotFile(paths.output, inMemory);
  }

  async write(requests: readonly NamedTensors[]): Promise<TensorFrame[][]> {
    if (fitsInline(requests)) return requests.map(inlineFrames);
    try {
      return await this.input.write(requests);
    } catch (error) {
      // A full memory file system (a container often has 64 MB) must not cost the request: the slower way still works.
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return requests.map(inlineFrames);
      throw error;
    }
  }

  read(frames: readonly TensorFrame[]): Promise<NamedTensors> {
    return this.output.read(frames);
  }

  close(): void {
    this.input.close();
    this.output.close();
  }
}

/** The slots of one host: as many as were ever under way at once, used again and again. */
export class RequestSlots {
  private readonly free: RequestSlot[] = [];
  private count = 0;
  private closed = false;

  constructor(
    private readonly directory: SlotDirectory,
    private readonly name: string,
  ) {}

  take(): RequestSlot {
    const slot = this.free.pop();
    if (slot !== undefined) return slot;
    const stem = `${this.name.replace(/[^A-Za-z0-9_-]/g, '_')}-${this.count}`;
    this.count += 1;
    const paths = { input: join(this.directory.path, `${stem}.in`), output: join(this.directory.path, `${stem}.out`) };
    return new RequestSlot(paths, this.directory.inMemory);
  }

  give(slot: RequestSlot): void {
    if (this.closed) slot.close();
    else this.free.push(slot);
  }

  close(): void {
    this.closed = true;
    for (const slot of this.free.splice(0)) slot.close();
  }
}
