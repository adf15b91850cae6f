import { loadRuntime, type InferenceSession, type Runtime } from '../../inference/runtime';
import { EcomapError, messageOf } from '../../signals/errors';
import { estimatorTensors } from '../estimator/learned/estimator-onnx';
import { featureCount } from '../estimator/learned/features';
import type { LnRatios, NetworkRuns } from '../estimator/learned/network-runs';

/** The estimator's network run by onnxruntime on one thread. Only child processes load this. */
export class EstimatorSession implements NetworkRuns {
  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
  ) {}

  /**
   * @param model an ONNX file of `estimatorOnnx`
   * @throws EcomapError RUNTIME_UNAVAILABLE without onnxruntime, MODEL_INVALID when it refuses the model
   */
  static async open(model: Uint8Array): Promise<EstimatorSession> {
    const runtime = loadRuntime();
    try {
      const session = await runtime.InferenceSession.create(model, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
      });
      return new EstimatorSession(runtime, session);
    } catch (error) {
      throw new EcomapError('MODEL_INVALID', `The estimator does not load: ${messageOf(error)}`, { cause: error });
    }
  }

  async run(features: Float32Array, mask: Float32Array, batch: number, slots: number): Promise<LnRatios> {
    const { Tensor } = this.runtime;
    const out = await this.session.run({
      [estimatorTensors.features]: new Tensor('float32', features, [batch, slots, featureCount]),
      [estimatorTensors.mask]: new Tensor('float32', mask, [batch, slots]),
    });
    const latency = out[estimatorTensors.latency]?.data;
    const power = out[estimatorTensors.power]?.data;
    if (!(latency instanceof Float32Array) || !(power instanceof Float32Array)) {
      throw new EcomapError('MODEL_INVALID', 'The estimator lacks an output. Calibrate again.');
    }
    return { latency, power };
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}
