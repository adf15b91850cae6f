/** Predicted logarithms of measured over analytic: [batch, slots] and [batch]. */
export interface LnRatios {
  readonly latency: Float32Array;
  readonly power: Float32Array;
}

/** Whatever computes the estimator's network: onnxruntime in a child process, or the trainer. */
export interface NetworkRuns {
  /**
   * @param features [batch, slots, features], raw
   * @param mask [batch, slots]
   */
  run(features: Float32Array, mask: Float32Array, batch: number, slots: number): Promise<LnRatios>;
}
