import { unlink } from 'node:fs';
import { EcomapError } from '../../signals/errors';
import type { TensorFrame } from '../host/protocol';
import { elementCount, type NamedTensors } from '../tensors/tensors';
import type { SlotDirectory } from './slot-directory';
import { fitsInline, inlineFrames, SlotFile, slotPaths } from './slot-file';

/** The way of the requests of one run to a host and back: small tensors inside the message, others through two files. */
export class RequestSlot {
  private readonly paths: { readonly input: string; readonly output: string };
  private readonly input: SlotFile;
  private readonly output: SlotFile;

  constructor(
    readonly number: number,
    { path, inMemory }: SlotDirectory,
  ) {
    this.paths = slotPaths(path, number);
    this.input = new SlotFile(this.paths.input, inMemory);
    this.output = new SlotFile(this.paths.output, inMemory);
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
  private closed = false;

  constructor(private readonly directory: SlotDirectory) {}

  take(): RequestSlot {
    return this.free.pop() ?? new RequestSlot(this.directory.nextSlot(), this.directory);
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
