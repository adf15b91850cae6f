import type { EcomapError } from '../../signals/errors';
import type { Variant } from '../../signals/tenant';
import type { HostRun } from '../hosting/host-run';
import { encodeInputs } from '../tensors/payload';
import type { NamedTensors, TensorSpec } from '../tensors/tensors';
import type { PendingRequest } from './pending-request';
import type { Waiting } from './queue';
import type { RunTimes } from './run-times';

/** What a run that goes through several components needs of whoever wants it. */
export interface RunWay {
  /** Its place among the runs that wait for the same component. */
  readonly urgency: Waiting;
  /**
   * Why it should not go on: nobody waits for the answer any more, or it would come too late even if the rest took no more than
   * `leastMs`. Null when it should.
   */
  readonly refusal: (leastMs: number) => EcomapError | null;
  /** To be called when the component where it began is free again, with the milliseconds that it was kept busy. */
  readonly onFree: (busyMs: number) => void;
}

/** What serving needs of a loaded variant. */
export interface LoadedVariant {
  readonly variant: Variant;
  readonly component: string;
  /** The shapes that requests must have. */
  readonly inputs: readonly TensorSpec[];
  /** Whether the model leaves the first dimension open in all its inputs and outputs, so that it computes requests together. */
  readonly batches: boolean;
  /** Of whole runs. */
  readonly times: RunTimes;
  /** What a run keeps `component` busy for, where it goes on elsewhere. */
  readonly entryTimes?: RunTimes;
  /** False while it takes no further run. */
  readonly accepts?: boolean;
  /** One run for one or several requests. `expectedMs`: what it should take; null when unknown. */
  run(requests: readonly NamedTensors[], expectedMs: number | null, way: RunWay): Promise<HostRun>;
}

/** A loaded variant at work for one tenant: what its runs take, and how many requests go into one. */
export class VariantServer {
  #largestBatch: number;
  /** False where requests may differ in other dimensions than the first: they need not fit together. */
  readonly uniform: boolean;

  constructor(
    readonly loaded: LoadedVariant,
    largestBatch: number,
  ) {
    this.#largestBatch = loaded.batches ? largestBatch : 1;
    this.uniform = loaded.inputs.every(({ dims }) => dims.slice(1).every((dim) => typeof dim === 'number'));
  }

  /** Rows that one run takes at most; a request usually has one. */
  get largestBatch(): number {
    return this.#largestBatch;
  }

  /** The model says that its batch dimension is open, and cannot compute requests together all the same. */
  stopBatching(): void {
    this.#largestBatch = 1;
  }

  /** The least that a run takes as far as is known: 0 when nothing is. */
  leastMs(nowMs: number, rows = 1): number {
    return this.loaded.times.fastestMs(nowMs, rows) ?? 0;
  }

  /** The least that a run keeps the component busy for where it begins. */
  leastBusyMs(nowMs: number, rows: number): number {
    return (this.loaded.entryTimes ?? this.loaded.times).fastestMs(nowMs, rows) ?? 0;
  }

  expectedMs(rows: number): number | null {
    return this.loaded.times.meanMs(rows);
  }

  /** What a run will keep the component busy for where it begins. */
  expectedBusyMs(rows: number): number | null {
    return (this.loaded.entryTimes ?? this.loaded.times).meanMs(rows);
  }

  /**
   * The tensors for this variant.
   * @throws EcomapError INPUT_MISMATCH
   */
  encode(request: PendingRequest): NamedTensors {
    const { inputs } = this.loaded;
    if (request.encoded === null || !sameInputs(request.encoded.for, inputs)) {
      request.encoded = { for: inputs, tensors: encodeInputs(request.payload, inputs) };
    }
    return request.encoded.tensors;
  }

  /** Rows of encoded inputs along the batch dimension; 1 where the model has none. */
  rowsOf(inputs: NamedTensors): number {
    if (!this.loaded.batches) return 1;
    for (const name in inputs) return inputs[name]?.dims[0] ?? 1;
    return 1;
  }
}

/** Whether two requests can be computed together: all their dimensions but the first agree. */
export function fitTogether(one: NamedTensors, other: NamedTensors): boolean {
  for (const name in one) {
    const tensor = one[name];
    const twin = other[name];
    if (tensor === undefined || twin === undefined) return false;
    if (tensor.type !== twin.type || tensor.dims.length !== twin.dims.length) return false;
    for (let axis = 1; axis < tensor.dims.length; axis += 1) if (tensor.dims[axis] !== twin.dims[axis]) return false;
  }
  return true;
}

function sameInputs(one: readonly TensorSpec[], other: readonly TensorSpec[]): boolean {
  return (
    one === other ||
    (one.length === other.length &&
      one.every((spec, index) => {
        const twin = other[index];
        return (
          twin !== undefined &&
          spec.name === twin.name &&
          spec.type === twin.type &&
          spec.dims.length === twin.dims.length &&
          spec.dims.every((dim, axis) => dim === twin.dims[axis])
        );
      }))
  );
}
