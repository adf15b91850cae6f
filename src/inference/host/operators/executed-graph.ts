import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withAllOutputs } from '../../../models/onnx/all-outputs';
import { graphParts, type GraphParts } from '../../../models/onnx/computing-nodes';
import { elementTypeName } from '../../../models/onnx/element-types';
import { parseModel } from '../../../models/onnx/model';
import type { OnnxAttribute, OnnxNode } from '../../../models/onnx/node';
import type { Operator, OperatorTensor } from '../../../signals/operator-profile';
import { loadRuntime, type InferenceSession, type Runtime } from '../../runtime';
import type { ModelSignature } from '../../tensors/tensors';
import { executionProvidersOf } from '../execution-provider';
import { loadFailure } from '../load-failure';
import { patternInputs } from '../pattern-inputs';
import type { SessionSettings } from '../protocol';
import { specsOf } from '../signature';

/** Longer lists are tables, not settings of an operator. */
const longestList = 16;

type Feeds = Record<string, InstanceType<Runtime['Tensor']>>;

/** A session that writes down what it makes of the model, and, while it runs, how long each node takes. */
export interface ObservedSession {
  readonly session: InferenceSession;
  readonly feeds: Feeds;
  /** Where it writes; the prefix of the profile's name is {@link tracePrefix}. */
  readonly directory: string;
}

export const tracePrefix = 'trace';
const executedFile = 'executed.onnx';

/**
 * Opens a model the way it is served, observed, calls `task`, and removes what was written.
 * @throws EcomapError MODEL_INVALID, INPUT_MISMATCH, RUNTIME_UNAVAILABLE
 */
export async function withObservedSession<T>(
  path: string,
  bytes: Uint8Array,
  dims: readonly number[] | null,
  settings: SessionSettings,
  task: (observed: ObservedSession) => Promise<T>,
): Promise<T> {
  const { InferenceSession } = loadRuntime();
  const directory = await mkdtemp(join(tmpdir(), 'ecomap-operators-'));
  try {
    const session = await InferenceSession.create(bytes, {
      executionProviders: executionProvidersOf(settings),
      intraOpNumThreads: settings.threads,
      interOpNumThreads: 1,
      enableProfiling: true,
      profileFilePrefix: join(directory, tracePrefix),
      optimizedModelFilePath: join(directory, executedFile),
      // Errors only: it warns that what it writes down suits this processor alone, which is what is wanted.
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    }).catch((error: unknown) => {
      throw loadFailure(path, error);
    });
    try {
      const signature = { inputs: specsOf(path, session.inputMetadata), outputs: [] };
      return await task({ session, feeds: feedsOf(signature, dims), directory });
    } finally {
      await session.release();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function feedsOf(signature: ModelSignature, dims: readonly number[] | null): Feeds {
  const { Tensor } = loadRuntime();
  return Object.fromEntries(
    Object.entries(patternInputs(signature, dims)).map(([name, { type, dims: shape, data }]) => [
      name,
      new Tensor(type, data, shape),
    ]),
  );
}

/**
 * The operators of an observed session, in the order in which they are executed, with the shapes of one inference. That one is
 * computed with everything inside the model as an output: it takes the memory of all of them together, and its time says nothing.
 */
export async function executedOperators({ feeds, directory }: ObservedSession): Promise<Operator[]> {
  const parts = graphParts(parseModel(await readFile(join(directory, executedFile))));
  const session = await loadRuntime().InferenceSession.create(withAllOutputs(parts), {
    executionProviders: ['cpu'],
    // What was written down is optimised already; merged further, tensors would be gone.
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
    const fetched = await session.run(feeds, tensors);
    const known = new Map<string, OperatorTensor>();
    for (const [name, { type, dims }] of [...Object.entries(feeds), ...Object.entries(fetched)])
      known.set(name, { elementType: type, dims: [...dims], constant: false });
    return parts.computing.map(({ node }) => operatorOf(node, known, parts));
  } finally {
    await session.release();
  }
}

function operatorOf(node: OnnxNode, known: ReadonlyMap<string, OperatorTensor>, parts: GraphParts): Operator {
  const { name, opType, domain, attributes } = node;
  const describe = (tensor: string): OperatorTensor =>
    known.get(tensor) ?? constantOf(tensor, parts) ?? { elementType: 'unknown', dims: null, constant: false };
  return {
    name,
    type: opType,
    domain,
    inputs: node.inputs.map((tensor) => (tensor === '' ? null : describe(tensor))),
    outputs: node.outputs.filter((tensor) => tensor !== '').map(describe),
    attributes: Object.fromEntries(
      attributes.flatMap((attribute) => {
        const value = valueOf(attribute);
        return value === null ? [] : [[attribute.name, value]];
      }),
    ),
  };
}

function constantOf(name: string, { constants }: GraphParts): OperatorTensor | null {
  const constant = constants.get(name);
  if (constant === undefined || !('initializer' in constant)) return null;
  const { tensor } = constant.initializer;
  if (tensor === null) return null;
  return { elementType: elementTypeName(tensor.type), dims: [...tensor.dims], constant: true };
}

/** Null for what is no setting: tensors, graphs, long lists. */
function valueOf({ integer, float, text, integers, floats }: OnnxAttribute): Operator['attributes'][string] | null {
  const list = integers.length > 0 ? integers : floats;
  if (list.length > 0) return list.length <= longestList ? list : null;
  return integer ?? float ?? text;
}
