import type { ModelDescription } from '../../models/description/model-description';
import type { ErrorCode } from '../../signals/errors';
import type { OperatorList, OperatorTimes } from '../../signals/operator-profile';
import type { ImageEncoding, TensorData, TensorType } from '../../signals/tensor';
import type { ModelSignature } from '../tensors/tensors';

/** Where the bytes of a tensor are: in the message itself, or in the slot file that travels with the request. */
export interface TensorFrame {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  /** The data, for small tensors (see {@link inlineLimitBytes}). */
  readonly data?: TensorData;
  /** Position in the slot file, when `data` is absent. */
  readonly offset?: number;
  /** How many there are, when `data` is absent: texts have no size that their dimensions would tell. */
  readonly bytes?: number;
  /** What becomes of the bytes of an image. */
  readonly image?: ImageEncoding;
  /** An earlier stage of the model has computed it: it lies in the output file, and its numbers are nobody's input. */
  readonly isComputed?: true;
}

/** A part of a model: the nodes that compute, from one up to, but without, another; null: up to the end. */
export interface StageRange {
  readonly firstNode: number;
  readonly endNode: number | null;
  /** Where what is found out about a model is kept for the next time; null keeps it in memory. */
  readonly cacheDirectory: string | null;
}

/** Up to here a message is cheaper than a file: about 0.07 ms for a round trip of 4 KB. */
export const inlineLimitBytes = 16 * 1024;

/** Models go by the number that they were loaded under. */
export type HostCommand =
  | { kind: 'load'; id: number; model: number; path: string; sha256: string | null; stage?: StageRange | undefined }
  | { kind: 'unload'; id: number; model: number }
  | {
      kind: 'run';
      id: number;
      model: number;
      /** The inputs of each request; several are computed as one batch, along axis 0. */
      requests: TensorFrame[][];
      /** Number of the slot with the two files of the run. */
      slot: number;
      refuseNonFinite: boolean;
      /** Where in the output file outputs may be laid out: behind those of earlier stages. Absent: at its beginning. */
      outputFrom?: number;
      /** Another host goes on with the outputs: all go through the output file. */
      handOver?: boolean;
    }
  | { kind: 'pace'; id: number; share: number }
  | { kind: 'probe'; id: number }
  | {
      kind: 'profile';
      id: number;
      path: string;
      sha256: string | null;
      dims: readonly number[] | null;
      /** Shapes of inputs by name. */
      inputDims?: Readonly<Record<string, readonly number[]>> | undefined;
      stage?: StageRange | undefined;
      effort: ProfileEffort;
    }
  /** The model that was profiled last, once more; `besideCopy`: in turns with a second session of it. */
  | { kind: 'rerun'; id: number; durationMs: number; besideCopy: boolean }
  | { kind: 'anchor'; id: number }
  | { kind: 'stress'; id: number; durationMs: number }
  | { kind: 'describe'; id: number; path: string; sha256: string | null; dims: readonly number[] | null }
  | { kind: 'list-operators'; id: number; path: string; sha256: string | null; dims: readonly number[] | null }
  | {
      kind: 'time-operators';
      id: number;
      path: string;
      sha256: string | null;
      dims: readonly number[] | null;
      /** About how long to go on, ms. */
      measureMs: number;
    };

export interface LoadAnswer {
  readonly signature: ModelSignature;
  /** Hex SHA-256 of the bytes that were loaded. */
  readonly sha256: string;
  readonly loadMs: number;
  /** Growth of the resident memory, bytes. */
  readonly memoryBytes: number;
  /** Of the whole model, where a stage of it was loaded. */
  readonly whole?: ModelSignature | undefined;
}

export interface RunAnswer {
  /** Of each request, in the order they came. */
  readonly results: { readonly outputs: TensorFrame[]; readonly nonFiniteInput: boolean }[];
  /** Wall time of the inference alone. */
  readonly runMs: number;
  /** Wall time of making images into tensors, before the inference; 0 without images. */
  readonly decodeMs: number;
  /** CPU time of all threads during the inference and the decoding. */
  readonly cpuMs: number;
}

/** Quick: as good as a start can wait for. Thorough: with the rare latencies. */
export type ProfileEffort = 'quick' | 'thorough';

export interface ProfileAnswer {
  readonly sha256: string;
  readonly p50Ms: number;
  /** Null with too few runs. */
  readonly p90Ms: number | null;
  readonly p95Ms: number;
  /** Null with too few runs. */
  readonly p99Ms: number | null;
  readonly meanMs: number;
  /** CPU time of all threads per run. */
  readonly cpuMs: number;
  readonly loadMs: number;
  readonly memoryBytes: number;
  readonly runs: number;
  /** False: the time or the number of runs was spent before the median became stable. */
  readonly stable: boolean;
}

export interface RerunAnswer {
  readonly runs: number;
  /** Wall time until its own turn is over. */
  readonly p50Ms: number;
  /** CPU time of all threads for that. */
  readonly cpuP50Ms: number;
  /** On the clock that all processes share; see monotonic.ts. */
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface StressAnswer {
  /** Read and written. */
  readonly bytes: number;
  readonly cpuMs: number;
  /** On the clock that all processes share; see monotonic.ts. */
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface HostAnswers {
  load: LoadAnswer;
  unload: null;
  run: RunAnswer;
  pace: { share: number };
  profile: ProfileAnswer;
  rerun: RerunAnswer;
  anchor: { latencyMs: number };
  stress: StressAnswer;
  describe: ModelDescription;
  'list-operators': OperatorList;
  'time-operators': OperatorTimes;
  probe: null;
}

/** Goes with every word of the host, so that the parent knows what the process costs without asking. */
export interface HostUsage {
  /** CPU seconds since the process started. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** The answer to a command of a kind. */
export interface HostAnswer<Kind extends HostCommand['kind']> {
  kind: 'answer';
  of: Kind;
  id: number;
  value: HostAnswers[Kind];
  usage: HostUsage;
}

export type HostMessage =
  | { kind: 'ready'; usage: HostUsage }
  | { [Kind in HostCommand['kind']]: HostAnswer<Kind> }[HostCommand['kind']]
  | { kind: 'failure'; id: number; code: ErrorCode; message: string; usage: HostUsage };

/** How the component computes that a host serves. */
export interface SessionSettings {
  readonly threads: number;
  /** Execution provider of ONNX Runtime, e.g. `cpu`. */
  readonly provider: string;
  readonly providerOptions: Readonly<Record<string, string | number | boolean>>;
}

/** What a host is told when it is started, as its only argument. */
export interface HostSettings extends SessionSettings {
  /** Where the slot files lie. */
  readonly slotDirectory: string;
}

/** Of the socket in the child process through which all of this goes. */
export const channelDescriptor = 3;
