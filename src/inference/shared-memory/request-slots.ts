import { unlink } from 'node:fs';
import { join } from 'node:path';
import { EcomapError } from '../../signals/errors';
import type { SlotPaths, TensorFrame } from '../host/protocol';
import { elementCount, type NamedTensors } from '../tensors/tensors';
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

  /** @throws EcomapError INPUT_MISMATCH when the data of a tensor was taken away since it was checked */
  async write(requests: readonly NamedTensors[]): Promise<TensorFrame[][]> {
    for (const tensors of requests) checkWhole(tensors);
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

  /** Its files are removed, too: a host that was replaced would else keep their memory until the executor closes. */
  close(): void {
    this.input.close();
    this.output.close();
    // That one was never written is no mistake; whatever else stays goes with the directory.
    for (const path of [this.paths.input, this.paths.output]) unlink(path, () => undefined);
  }
}

/**
 * Tensors are not copied while their request waits. Whoever sent one may since have handed its memory to somebody else (a
 * worker thread, for instance), which leaves nothing of it: the slot would then give what an older request left there.
 */
function checkWhole(tensors: NamedTensors): void {
  for (const [name, { dims, data, image }] of Object.entries(tensors)) {
    if (image === undefined ? data.length === elementCount(dims) : data.length > 0) continue;
    throw new EcomapError(
      'INPUT_MISMATCH',
      `The data of the input "${name}" changed while its request waited: ${data.length} of ${elementCount(dims)} ` +
        'elements are left. Send a copy to whoever else needs the memory.',
    );
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
