import { EcomapError, messageOf } from '../../signals/errors';
import type { TensorData } from '../../signals/tensor';
import { loadRuntime, type InferenceSession } from '../runtime';
import { isTexts, type ModelSignature, type NamedTensors } from '../tensors/tensors';
import { cutStage } from './cut-stage';
import { loadFailure } from './load-failure';
import { executionProvidersOf } from './execution-provider';
import { readModel } from './model-bytes';
import type { SessionSettings, StageRange } from './protocol';
import { isTensorType, specsOf } from './signature';

/** One loaded model: what onnxruntime knows as a session. */
export class ModelSession {
  private constructor(
    private readonly session: InferenceSession,
    readonly signature: ModelSignature,
    readonly sha256: string,
    readonly loadMs: number,
    readonly memoryBytes: number,
    /** Of the whole model, where this is a stage of it. */
    readonly whole?: ModelSignature,
  ) {}

  /**
   * Thread counts are always explicit: left alone, the runtime starts one per core and pins them past taskset. Its threads
   * do not spin while they wait, since the cores are shared with other hosts.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_HASH_MISMATCH, MODEL_INVALID, RUNTIME_UNAVAILABLE; INVALID_MESSAGE when there
   * is no such stage
   */
  static async load(
    path: string,
    pinnedSha256: string | null,
    settings: SessionSettings,
    stage?: StageRange,
  ): Promise<ModelSession> {
    const runtime = loadRuntime();
    const residentBefore = process.memoryUsage.rss();
    const model = await readModel(path, pinnedSha256);
    const { sha256 } = model;
    const { bytes, whole } = stage === undefined ? { bytes: model.bytes } : await cutStage(path, model, stage);
    const started = performance.now();
    let session: InferenceSession;
    try {
      // From the bytes that were hashed, not from the path: the file cannot change in between, and a model cannot reach
      // for external data outside its folder.
      session = await runtime.InferenceSession.create(bytes, {
        executionProviders: executionProvidersOf(settings),
        intraOpNumThreads: settings.threads,
        interOpNumThreads: 1,
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
    } catch (error) {
      throw loadFailure(path, error);
    }
    const loadMs = performance.now() - started;
    try {
      const inputs = specsOf(path, session.inputMetadata);
      const outputs = specsOf(path, session.outputMetadata);
      const memoryBytes = Math.max(0, process.memoryUsage.rss() - residentBefore);
      return new ModelSession(session, { inputs, outputs }, sha256, loadMs, memoryBytes, whole);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /** @throws EcomapError INPUT_MISMATCH with the words of the runtime. */
  async run(inputs: NamedTensors): Promise<{ outputs: NamedTensors; runMs: number; cpuMs: number }> {
    const { Tensor } = loadRuntime();
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { type, dims, data }]) => [
        name,
        isTexts(data) ? new Tensor('string', data, dims) : new Tensor(type, data, dims),
      ]),
    );
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    let fetched: InferenceSession.ReturnType;
    try {
      fetched = await this.session.run(feeds);
    } catch (error) {
      throw new EcomapError('INPUT_MISMATCH', `The model refused its input: ${messageOf(error)}`);
    }
    const runMs = performance.now() - started;
    const cpu = process.cpuUsage(cpuBefore);
    const outputs: Record<string, NamedTensors[string]> = {};
    for (const [name, tensor] of Object.entries(fetched)) {
      if (!isTensorType(tensor.type)) {
        throw new EcomapError('MODEL_INVALID', `The output "${name}" is ${tensor.type}, which is not supported yet.`);
      }
      outputs[name] = { type: tensor.type, dims: tensor.dims, data: tensor.data as TensorData };
    }
    return { outputs, runMs, cpuMs: (cpu.user + cpu.system) / 1000 };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
