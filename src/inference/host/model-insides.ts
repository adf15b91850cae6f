import { withAllOutputs } from '../../models/onnx/all-outputs';
import type { GraphParts } from '../../models/onnx/computing-nodes';
import type { BoundaryTypes } from '../../models/onnx/cuts';
import { elementTypeNumber } from '../../models/onnx/element-types';
import type { OnnxDim, OnnxTensorType } from '../../models/onnx/value-info';
import { loadRuntime } from '../runtime';
import type { ModelSignature } from '../tensors/tensors';
import { loadFailure } from './load-failure';
import { specsOf } from './signature';

/** What cutting a model needs to know of it beyond its file. */
export interface ModelInsides {
  /** Of all tensors that it computes. */
  readonly types: BoundaryTypes;
  /** Inputs and outputs of the whole. */
  readonly whole: ModelSignature;
}

/**
 * Asks ONNX Runtime for the types of all tensors that a model computes, as it infers them for the whole, so that its parts can be
 * told what they are fed. Nothing is run: a dimension that inference leaves open stays open. Takes as long as loading the
 * model. What is no tensor (a sequence) is left out. Belongs into a child process, like all that loads the runtime.
 * @param path for messages
 * @throws EcomapError MODEL_INVALID, RUNTIME_UNAVAILABLE
 */
export async function modelInsides(path: string, parts: GraphParts): Promise<ModelInsides> {
  const runtime = loadRuntime();
  const session = await runtime.InferenceSession.create(withAllOutputs(parts), {
    executionProviders: ['cpu'],
    // No optimisation: it would merge nodes, and the tensors between them would be gone.
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // Errors only: what it warns of, it says again when the model is loaded.
    logSeverityLevel: 3,
  }).catch((error: unknown) => {
    throw loadFailure(path, error);
  });
  try {
    const types = new Map<string, OnnxTensorType>();
    for (const value of session.outputMetadata) {
      const type = value.isTensor ? elementTypeNumber(value.type) : null;
      if (!value.isTensor || type === null) continue;
      // The binding says [] for a scalar and for a tensor of unknown rank alike: then nothing is said, which is always right.
      const dims = value.shape.length === 0 ? null : value.shape.map(readDim);
      types.set(value.name, { type, dims });
    }
    const own = new Set(parts.model.graph.outputs.map(({ name }) => name));
    const inputs = specsOf(path, session.inputMetadata);
    const outputs = specsOf(
      path,
      session.outputMetadata.filter(({ name }) => own.has(name)),
    );
    return { types, whole: { inputs, outputs } };
  } finally {
    await session.release();
  }
}

/** The runtime gives an unknown dimension no name. */
function readDim(dim: number | string): OnnxDim {
  const isKnown = typeof dim === 'number' ? dim >= 0 : dim !== '';
  return isKnown ? dim : null;
}
