import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EcomapError } from '../../../signals/errors';
import type { OperatorList, OperatorTimes } from '../../../signals/operator-profile';
import { loadRuntime } from '../../runtime';
import { readModel } from '../model-bytes';
import { ModelSession } from '../model-session';
import { patternInputs } from '../pattern-inputs';
import type { SessionSettings } from '../protocol';
import { executedOperators, tracePrefix, withObservedSession } from './executed-graph';
import { joinTimes, meanOfFasterHalf } from './join-times';
import { parseTrace } from './trace';

export interface OperatorRequest {
  readonly path: string;
  readonly sha256: string | null;
  /** Shape of the first input; null takes 1 for what the model leaves open. */
  readonly dims: readonly number[] | null;
}

/** Runs of each kind in a row: the other session's weights have pushed these out of the caches, so the first do not count. */
const blockRuns = 8;
const uncountedOfBlock = 2;
const leastBlocks = 3;
const mostBlocks = 40;

const runtimeVersion = (): string => loadRuntime().env.versions.node ?? 'unknown';

/**
 * The operators of a model as they would be executed with these settings. Nothing is timed.
 * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, INPUT_MISMATCH, RUNTIME_UNAVAILABLE
 */
export async function listOperators(request: OperatorRequest, settings: SessionSettings): Promise<OperatorList> {
  const { bytes, sha256 } = await readModel(request.path, request.sha256);
  return withObservedSession(request.path, bytes, request.dims, settings, async (observed) => ({
    modelSha256: sha256,
    runtimeVersion: runtimeVersion(),
    operators: await executedOperators(observed),
  }));
}

/**
 * Times a model and its operators: runs with and without the runtime's profiler take turns for about `measureMs`, so that a change
 * of the machine's speed meets both.
 * @throws EcomapError as {@link listOperators}
 */
export async function timeOperators(
  request: OperatorRequest,
  settings: SessionSettings,
  measureMs: number,
): Promise<OperatorTimes> {
  const { path, dims } = request;
  const plain = await ModelSession.load(path, request.sha256, settings);
  const inputs = patternInputs(plain.signature, dims);
  const { bytes, sha256 } = await readModel(path, plain.sha256);
  return withObservedSession(path, bytes, dims, settings, async (observed) => {
    const times: number[] = [];
    const cpuTimes: number[] = [];
    const started = performance.now();
    let blocks = 0;
    do {
      for (let run = 0; run < blockRuns; run += 1) {
        const { runMs, cpuMs } = await plain.run(inputs);
        if (run < uncountedOfBlock) continue;
        times.push(runMs);
        cpuTimes.push(cpuMs);
      }
      for (let run = 0; run < blockRuns; run += 1) await observed.session.run(observed.feeds);
      blocks += 1;
    } while (blocks < leastBlocks || (blocks < mostBlocks && performance.now() - started < measureMs));
    observed.session.endProfiling();
    const trace = parseTrace(await readTrace(observed.directory), (run) => run % blockRuns >= uncountedOfBlock);
    await plain.release();
    return {
      modelSha256: sha256,
      runtimeVersion: runtimeVersion(),
      latencyMs: meanOfFasterHalf(times),
      cpuMs: meanOfFasterHalf(cpuTimes),
      runs: times.length,
      operators: joinTimes(await executedOperators(observed), trace),
    };
  });
}

/** The runtime names it after the time and does not tell how. @throws EcomapError RUNTIME_UNAVAILABLE when there is none */
async function readTrace(directory: string): Promise<string> {
  const name = (await readdir(directory)).find((file) => file.startsWith(tracePrefix) && file.endsWith('.json'));
  if (name === undefined) {
    throw new EcomapError(
      'RUNTIME_UNAVAILABLE',
      'ONNX Runtime has written no profile. The version of onnxruntime-node that is installed may not support it: install the one ' +
        'that this package names.',
    );
  }
  return readFile(join(directory, name), 'utf8');
}
