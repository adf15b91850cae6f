import { EcomapError } from '../../signals/errors';
import { graphParts, type GraphParts } from '../../models/onnx/computing-nodes';
import { cutPoints, offeredCuts } from '../../models/onnx/cuts';
import { parseModel } from '../../models/onnx/model';
import { stageOf } from '../../models/onnx/stage';
import type { ModelSignature } from '../tensors/tensors';
import { cachedInsides } from './insides-cache';
import type { ModelBytes } from './model-bytes';
import { modelInsides } from './model-insides';
import type { StageRange } from './protocol';

/** Of the cuts offered, so many are named in a message. */
const mostNamed = 20;

/**
 * One stage of a model as a model of its own, and the signature of the whole.
 * @param path for messages
 * @throws EcomapError INVALID_MESSAGE for a cut that does not exist, with those that are offered; MODEL_INVALID
 */
export async function cutStage(
  path: string,
  { bytes, sha256 }: ModelBytes,
  { firstNode, endNode, cacheDirectory }: StageRange,
): Promise<{ bytes: Uint8Array; whole: ModelSignature }> {
  const parts = graphParts(parseModel(bytes));
  const end = endNode ?? parts.computing.length;
  refuseMissingCut(path, parts, [firstNode, end]);
  const { types, whole } = await cachedInsides(sha256, cacheDirectory, () => modelInsides(path, parts));
  return { bytes: stageOf(parts, firstNode, end, types).bytes, whole };
}

function refuseMissingCut(path: string, parts: GraphParts, [from, to]: readonly [number, number]): void {
  if (from >= 0 && from < to && to <= parts.computing.length) return;
  const offered = offeredCuts(cutPoints(parts)).map(({ firstNode }) => firstNode);
  const named = offered.slice(0, mostNamed).join(', ');
  const rest = offered.length > mostNamed ? ` and ${offered.length - mostNamed} more, up to ${offered.at(-1)}` : '';
  throw new EcomapError(
    'INVALID_MESSAGE',
    `${path} has ${parts.computing.length} nodes that compute, so no stage from node ${from} up to node ${to}. ` +
      (offered.length === 0 ? 'It cannot be cut.' : `A stage may begin with one of these: ${named}${rest}.`),
  );
}
