import { EcomapError, messageOf } from '../../signals/errors';
import { withAllOutputs } from '../../models/onnx/all-outputs';
import type { GraphParts } from '../../models/onnx/computing-nodes';
import type { BoundaryTypes } from '../../models/onnx/cuts';
import { elementTypeNumber } from '../../models/onnx/element-types';
import type { OnnxDim, OnnxTensorType } from '../../models/onnx/value-info';
import { loadRuntime } from '../runtime';

/**
 * Types of all tensors that a model computes, as ONNX Runtime infers them for the whole, so that its parts can be told what they
 * are fed. Nothing is run: a dimension that inference leaves open stays open. Takes as long as loading the model. What is no
 * tensor (a sequence) is left out. Belongs into a child process, like all that loads the runtime.
 * @throws EcomapError MODEL_INVALID, RUNTIME_UNAVAILABLE
 */
export async function boundaryTypes(parts: GraphParts): Promise<BoundaryTypes> {
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
    throw new EcomapError(
      'MODEL_INVALID',
      `ONNX Runtime cannot infer the tensors inside the model: ${messageOf(error)}`,
    );
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
    return types;
  } finally {
    await session.release();
  }
}

/** The runtime gives an unknown dimension no name. */
function readDim(dim: number | string): OnnxDim {
  const isKnown = typeof dim === 'number' ? dim >= 0 : dim !== '';
  return isKnown ? dim : null;
}
