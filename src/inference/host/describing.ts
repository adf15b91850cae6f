import { open, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeModel, type DescribedFile, type ShapesInside } from '../../models/description/describe';
import type { DescriptionWarning, ModelDescription } from '../../models/description/model-description';
import { withAllOutputs } from '../../models/onnx/all-outputs';
import { graphParts, type GraphParts } from '../../models/onnx/computing-nodes';
import { elementTypeNumber } from '../../models/onnx/element-types';
import { externalFileNamesIn } from '../../models/onnx/external-files';
import { parseModel } from '../../models/onnx/model';
import type { OnnxTensorType } from '../../models/onnx/value-info';
import { messageOf } from '../../signals/errors';
import { loadRuntime, type InferenceSession } from '../runtime';
import { loadFailure } from './load-failure';
import { readModel } from './model-bytes';
import { specsOf } from './signature';
import { patternInputs } from './pattern-inputs';

/** The runtime's messages hold whole stacks of its own source files. */
const longestReason = 500;

/**
 * Describes a model file. To see the shapes inside it, it is run once, with everything that it computes as an output: that takes
 * the memory of all of them together, so it belongs into a process of its own. `dims` fixes open dimensions of the first input;
 * those that stay open become 1. A model that the runtime refuses is described by what the file says.
 * @throws EcomapError MODEL_NOT_FOUND, MODEL_HASH_MISMATCH, MODEL_INVALID, RUNTIME_UNAVAILABLE
 */
export async function describeFile(
  path: string,
  pinnedSha256: string | null,
  dims: readonly number[] | null,
): Promise<ModelDescription> {
  loadRuntime();
  const { bytes, sha256 } = await readModel(path, pinnedSha256);
  const file: DescribedFile = { sha256, ...(await filesOf(path)) };
  const parts = graphParts(parseModel(bytes));
  const warnings: DescriptionWarning[] = [];
  const session = await openForShapes(parts).catch((error: unknown) => {
    warnings.push({ kind: 'not-loadable', text: reasonOf(loadFailure(path, error)) });
    return null;
  });
  if (session === null) return describeModel(parts, file, null, warnings);
  try {
    return describeModel(parts, file, await shapesInside(session, path, dims), warnings);
  } catch (error) {
    const text = `It could not be run, so that the shapes inside it are not known: ${reasonOf(error)}`;
    return describeModel(parts, file, null, [...warnings, { kind: 'not-run', text }]);
  } finally {
    await session.release();
  }
}

async function filesOf(path: string): Promise<Omit<DescribedFile, 'sha256'>> {
  const real = await realpath(path);
  const file = await open(real, 'r');
  try {
    const { size } = await file.stat();
    const externalFiles = await externalFileNamesIn(file, size);
    const sizes = await Promise.all(externalFiles.map(async (name) => (await stat(join(dirname(real), name))).size));
    return { bytes: sizes.reduce((sum, bytes) => sum + bytes, size), externalFiles };
  } finally {
    await file.close();
  }
}

function openForShapes(parts: GraphParts): Promise<InferenceSession> {
  return loadRuntime().InferenceSession.create(withAllOutputs(parts), {
    executionProviders: ['cpu'],
    // No optimisation: it would merge nodes, and the tensors between them would be gone.
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
}

async function shapesInside(
  session: InferenceSession,
  path: string,
  dims: readonly number[] | null,
): Promise<ShapesInside> {
  const { Tensor } = loadRuntime();
  const inputs = patternInputs({ inputs: specsOf(path, session.inputMetadata), outputs: [] }, dims);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { type, dims: shape, data }]) => [name, new Tensor(type, data, shape)]),
  );
  const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  const fetched = await session.run(feeds, tensors);
  const types = new Map<string, OnnxTensorType>();
  for (const [name, { type, dims: shape }] of [...Object.entries(feeds), ...Object.entries(fetched)]) {
    const number = elementTypeNumber(type);
    if (number !== null) types.set(name, { type: number, dims: [...shape] });
  }
  const inputDims = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.dims]));
  return { types, inputDims };
}

function reasonOf(error: unknown): string {
  const text = messageOf(error).replace(/\s+/g, ' ');
  return text.length <= longestReason ? text : `${text.slice(0, longestReason)}...`;
}
