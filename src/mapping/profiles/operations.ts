import type { DescribedCut, ModelDescription } from '../../models/description/model-description';
import type { StageOperations } from '../estimator/estimator';

/** A place to cut at, with what comes before it. */
export interface CountedCut {
  readonly firstNode: number;
  readonly gigaflopBefore: number;
  readonly gigabytesBefore: number;
  /** To hand over, per inference. */
  readonly crossingBytes: number;
  /** Shapes of what is handed over, by name. */
  readonly crossingDims?: TensorDims;
}

/** By name. */
export type TensorDims = Readonly<Record<string, readonly number[]>>;

/** What one inference of a model computes and moves. */
export interface ModelCounts {
  readonly gigaflop: number;
  readonly gigabytes: number;
  readonly inputBytes: number;
  /** Of the model's inputs. */
  readonly inputDims?: TensorDims;
  /** First node first. */
  readonly cuts: readonly CountedCut[];
}

const flopPerMac = 2;

/** Numbers of other types may stand for shapes or places: a stage that is measured cannot be fed with any. */
const measurable: readonly (string | null)[] = ['float32', 'float16', 'float64'];

/** From the description of a model; null where the shapes inside it are not known. */
export function countsOf({ macs, bytesMoved, inputBytes, runDims, cuts }: ModelDescription): ModelCounts | null {
  if (macs === null || bytesMoved === null || inputBytes === null || runDims === null) return null;
  const gigaflop = (macs * flopPerMac) / 1e9;
  return {
    gigaflop,
    gigabytes: bytesMoved / 1e9,
    inputBytes,
    inputDims: runDims,
    cuts: cuts.flatMap((cut) => countedCut(cut, gigaflop) ?? []),
  };
}

function countedCut(
  { firstNode, macsBefore, movedBefore, bytes, crossing }: DescribedCut,
  gigaflop: number,
): CountedCut | null {
  if (macsBefore === null || movedBefore === null || bytes === null) return null;
  const crossingDims: Record<string, readonly number[]> = {};
  for (const { name, type, dims } of crossing) {
    const known = dims?.filter((dim) => typeof dim === 'number');
    if (!measurable.includes(type) || known === undefined || known.length !== dims?.length) return null;
    crossingDims[name] = known;
  }
  return {
    firstNode,
    gigaflopBefore: macsBefore * gigaflop,
    gigabytesBefore: movedBefore / 1e9,
    crossingBytes: bytes,
    crossingDims,
  };
}

/**
 * Time to bring tensors from one host to the next, s: a message there, and the bytes through shared memory (measured here with
 * 4 KB to 13 MB: about 4.4 GB/s one way, written and read).
 */
export function transferSeconds(bytes: number): number {
  return 1e-4 + bytes / 4.4e9;
}

/**
 * What each stage of a model computes and moves, and the time to bring its input.
 * @param firstNodes node with which each stage begins: 0, then cuts
 * @returns null where one of them is no counted cut
 */
export function operationsOf(counts: ModelCounts, firstNodes: readonly number[]): StageOperations[] | null {
  const start = { firstNode: 0, gigaflopBefore: 0, gigabytesBefore: 0, crossingBytes: counts.inputBytes };
  const begins: (typeof start)[] = [];
  for (const firstNode of firstNodes) {
    const found = firstNode === 0 ? start : counts.cuts.find((cut) => cut.firstNode === firstNode);
    if (found === undefined) return null;
    begins.push(found);
  }
  return begins.map((begin, index) => {
    const next = begins[index + 1];
    return {
      gigaflop: (next?.gigaflopBefore ?? counts.gigaflop) - begin.gigaflopBefore,
      gigabytes: (next?.gigabytesBefore ?? counts.gigabytes) - begin.gigabytesBefore,
      transferS: transferSeconds(begin.crossingBytes),
    };
  });
}

/** Shapes of everything that a stage may be fed: inputs of the model, and what is handed over to it. */
export function stageInputDims(counts: ModelCounts, firstNode: number): TensorDims {
  const cut = counts.cuts.find((one) => one.firstNode === firstNode);
  return { ...counts.inputDims, ...cut?.crossingDims };
}
