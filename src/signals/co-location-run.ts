import type { ErrorCode } from './errors';
import type { PowerReading } from './quantities';

/** One network of a co-location that is to be measured. */
export interface NetworkToRun {
  /** For people: tenant and variant. */
  readonly name: string;
  readonly path: string;
  /** Null is not pinned. */
  readonly sha256: string | null;
  /** Shape of one request; null takes the model's own. */
  readonly dims: readonly number[] | null;
  /** In order: where each stage runs, and the computing node with which it begins (0 for the first). */
  readonly stages: readonly { readonly component: string; readonly firstNode: number }[];
  /** Mean pause between an answer and the next request, s; 0 for none. */
  readonly pauseS: number;
}

/** How one network did among the others. */
export interface NetworkRun {
  /** Mean time from request to answer, ms: waiting for its components included. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Mean pause as it really was: timers are late. s */
  readonly pauseS: number;
  readonly answers: number;
}

/** Networks that ran together for a moment. */
export interface CoLocationRun {
  /** In the order of the request; null for one that could not run. */
  readonly networks: readonly (NetworkRun | null)[];
  /** Those that could not, and why: the others ran without them. */
  readonly leftOut: readonly {
    readonly network: number;
    readonly name: string;
    readonly code: ErrorCode;
    readonly reason: string;
  }[];
  /** Mean of the whole device while they ran. */
  readonly power: PowerReading;
  /** How long was measured, warm-up not included, s. */
  readonly durationS: number;
}

/** Runs networks together in processes of their own, as serving does. Implemented in src/inference, used by calibration. */
export interface CoLocationRunner {
  /**
   * Each network sends a request, waits for the answer, pauses, and sends the next. One call at a time; others wait.
   * @throws EcomapError RUNTIME_UNAVAILABLE when nothing runs here, INVALID_CONFIG for a component that the device does not have,
   * NODE_CLOSED after `close`, and the signal's reason when aborted
   */
  measure(networks: readonly NetworkToRun[], signal?: AbortSignal): Promise<CoLocationRun>;
  close(): Promise<void>;
}
