import type { EcomapError } from '../../signals/errors';
import type { InferenceResult } from '../../signals/inference';
import type { NamedTensors, TensorSpec } from '../tensors/tensors';
import type { Waiting } from './queue';

/** Why a lighter variant answers than the plan's. */
export type DowngradeReason = 'full' | 'late';

/** One request between the door and its end, which comes exactly once. */
export class PendingRequest implements Waiting {
  /** Tensors for models with these inputs; made again when a swap changes them. */
  encoded: { readonly for: readonly TensorSpec[]; readonly tensors: NamedTensors } | null = null;
  /** A batch that it was part of was refused: it is tried by itself, so that it harms no other or is not harmed. */
  alone = false;
  downgraded: DowngradeReason | null = null;
  #ended = false;
  #signal: AbortSignal | null = null;
  #onAbort: (() => void) | null = null;

  constructor(
    readonly payload: unknown,
    readonly arrivedMs: number,
    readonly priority: number,
    readonly deadlineMs: number | null,
    private readonly resolve: (result: InferenceResult) => void,
    private readonly reject: (error: EcomapError) => void,
  ) {}

  /** Whether the caller has been told: what is computed for it from now on is of no use. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls back when the caller takes the request back, unless it ends before that. */
  listenTo(signal: AbortSignal, onAbort: () => void): void {
    this.#signal = signal;
    this.#onAbort = onAbort;
    signal.addEventListener('abort', onAbort, { once: true });
  }

  answer(result: InferenceResult): void {
    this.#end();
    this.resolve(result);
  }

  fail(error: EcomapError): void {
    this.#end();
    this.reject(error);
  }

  #end(): void {
    this.#ended = true;
    this.encoded = null;
    if (this.#signal !== null && this.#onAbort !== null) this.#signal.removeEventListener('abort', this.#onAbort);
    this.#signal = this.#onAbort = null;
  }
}
