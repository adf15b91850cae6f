import type { TensorFrame } from '../host/protocol';
import type { NamedTensors } from '../tensors/tensors';

/** One run of a model for one or several requests. */
export interface HostRun {
  /** Of each request, in the order they came. */
  readonly results: readonly { readonly outputs: NamedTensors; readonly nonFiniteInput: boolean }[];
  readonly runMs: number;
  /** CPU time of all threads, ms, of the inference and of decoding images. */
  readonly cpuMs: number;
  /** Time that the host took to make images into tensors, before the inference; 0 without images. */
  readonly decodeMs: number;
  /** Of each stage, in their order, where the model runs in stages. */
  readonly parts?: readonly StagePart[];
}

/** What one component has done of a run that went through several. */
export interface StagePart {
  readonly component: string;
  /** CPU time of all threads, ms. */
  readonly cpuMs: number;
}

export interface RunOptions {
  /** What the run should take, ms; null when nothing is known. */
  readonly expectedMs: number | null;
  /** Refuses NaN and infinity in the input, instead of passing them on. */
  readonly refuseNonFinite: boolean;
}

/** The tensors of a run of which somebody else keeps the slot files. */
export interface FramedRun extends RunOptions {
  readonly requests: TensorFrame[][];
  /** Number of the slot. */
  readonly slot: number;
  /** Where in the output file the outputs may begin. */
  readonly outputFrom?: number;
  /** Whether another host goes on with the outputs. */
  readonly handOver?: boolean;
}
