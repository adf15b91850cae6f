import type { NumericData } from '../../signals/tensor';
import { bytesPerElement, typedView, type NumericType } from '../tensors/tensors';

/** What is larger is given back after its run: it would stay with the host for good. */
const mostKeptBytes = 16 * 1024 * 1024;

/**
 * Memory for the inputs of a run, used again by the next one: fresh memory costs a page fault for every 4 KB, which for an
 * image takes longer than filling it. The commands of a host are carried out one after the other, and the runtime is done
 * with its input when a run ends; only an output that is an input, unchanged, still lies in it until the answer is written.
 */
export class InputMemory {
  private readonly kept: ArrayBuffer[] = [];

  /** Memory with anything in it, for the input at this position of the model's. */
  take(position: number, type: NumericType, elements: number): NumericData {
    const bytes = elements * bytesPerElement[type];
    let memory = this.kept[position];
    if (memory === undefined || memory.byteLength < bytes) {
      memory = new ArrayBuffer(bytes);
      if (bytes <= mostKeptBytes) this.kept[position] = memory;
    }
    return typedView(type, memory, 0, elements);
  }
}
