import { EcomapError } from '../../signals/errors';
import type { RunAnswer, TensorFrame } from '../host/protocol';
import { align } from '../shared-memory/slot-file';

/**
 * The tensors of one run on their way through the stages: where those lie that were sent, and those that the stages have
 * computed so far. What skips a stage stays where it is until somebody needs it.
 */
export class StageFlow {
  readonly #tensors: Map<string, TensorFrame>[];
  #end = 0;

  /** @param requests the inputs of each request of the run */
  constructor(requests: readonly (readonly TensorFrame[])[]) {
    this.#tensors = requests.map((frames) => new Map(frames.map((frame) => [frame.name, frame])));
  }

  /** The next free position in the output file. */
  get end(): number {
    return this.#end;
  }

  /** What a stage is fed, of each request. */
  inputsFor(names: readonly string[]): TensorFrame[][] {
    return this.#tensors.map((tensors) =>
      names.map((name) => {
        const frame = tensors.get(name);
        if (frame !== undefined) return frame;
        throw new EcomapError('INTERNAL_ERROR', `No stage has computed "${name}".`);
      }),
    );
  }

  /** Takes in what a stage has computed. */
  add({ results }: RunAnswer): void {
    results.forEach(({ outputs }, index) => {
      for (const frame of outputs) {
        this.#tensors[index]?.set(frame.name, frame);
        if (frame.data === undefined) this.#end = Math.max(this.#end, align((frame.offset ?? 0) + (frame.bytes ?? 0)));
      }
    });
  }
}
