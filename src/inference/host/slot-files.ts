import { SlotFile, slotPaths } from '../shared-memory/slot-file';
import type { RunSlots } from './request-inputs';

/** Slots whose files stay open: more than are ever under way at once. */
const mostOpenSlots = 8;

/** The slots that runs come with, by their numbers. */
export class SlotFiles {
  readonly #open = new Map<number, RunSlots>();

  constructor(private readonly directory: string) {}

  /** Everything blocks in here anyway: a run is synchronous, and nobody else uses this process. */
  of(slot: number): RunSlots {
    const files = this.#open.get(slot) ?? this.#make(slot);
    // The one used last goes to the end. An open file keeps its memory although its owner has removed it.
    this.#open.delete(slot);
    this.#open.set(slot, files);
    for (const [unused, old] of this.#open) {
      if (this.#open.size <= mostOpenSlots) break;
      old.input.close();
      old.output.close();
      this.#open.delete(unused);
    }
    return files;
  }

  #make(slot: number): RunSlots {
    const paths = slotPaths(this.directory, slot);
    return { input: new SlotFile(paths.input, true), output: new SlotFile(paths.output, true) };
  }
}
