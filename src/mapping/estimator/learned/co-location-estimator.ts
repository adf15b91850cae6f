import type { CoLocationMapping } from '../../../signals/co-location';
import { featureCount, type CoLocationFeatures } from './features';
import type { NetworkRuns } from './network-runs';

/** What mappings are predicted to do: rows by mapping. NaN where a cost is unknown. */
export interface CoLocationPredictions {
  /** [mappings, networks]: mean latency, s. */
  readonly latencyS: Float64Array;
  /** [mappings, networks]: against running alone. */
  readonly lnSlowdown: Float64Array;
  /** [mappings, networks]: what the learned part adds to mean value analysis, as a logarithm. */
  readonly lnRatio: Float64Array;
  /** [mappings]: mean power of the whole device, W. */
  readonly powerW: Float64Array;
}

/** Candidates computed at once: more is no faster. */
const largestBatch = 256;

/** The learned estimator: analytic model times what the network says that it is off by. */
export class CoLocationEstimator {
  private features = new Float32Array(0);
  private mask = new Float32Array(0);

  constructor(private readonly network: NetworkRuns) {}

  /** Mappings of one set of networks at one operating point. One call at a time: buffers are used again. */
  async predict(features: CoLocationFeatures, mappings: readonly CoLocationMapping[]): Promise<CoLocationPredictions> {
    const { count } = features.prepared;
    const predictions = {
      latencyS: new Float64Array(mappings.length * count),
      lnSlowdown: new Float64Array(mappings.length * count),
      lnRatio: new Float64Array(mappings.length * count),
      powerW: new Float64Array(mappings.length),
    };
    if (count === 0) predictions.powerW.fill(features.prepared.idleW);
    else {
      for (let first = 0; first < mappings.length; first += largestBatch) {
        await this.batch(features, mappings, first, Math.min(largestBatch, mappings.length - first), predictions);
      }
    }
    return predictions;
  }

  private async batch(
    features: CoLocationFeatures,
    mappings: readonly CoLocationMapping[],
    first: number,
    rows: number,
    { latencyS, lnSlowdown, lnRatio, powerW }: CoLocationPredictions,
  ): Promise<void> {
    const { count, mapped } = features.prepared;
    const row = count * featureCount;
    if (this.features.length < rows * row) this.features = new Float32Array(rows * row);
    if (this.mask.length < rows * count) this.mask = new Float32Array(rows * count).fill(1);
    for (let index = 0; index < rows; index += 1) {
      const mapping = first + index;
      const known = features.write(mappings[mapping] ?? [], this.features, index * row);
      if (!known) this.features.fill(0, index * row, (index + 1) * row);
      powerW[mapping] = known ? features.bases.sharedPowerW : Number.NaN;
      for (let network = 0; network < count; network += 1) {
        const shared = features.bases.sharedS[network] ?? 0;
        latencyS[mapping * count + network] = known ? shared : Number.NaN;
        lnSlowdown[mapping * count + network] = Math.log(shared / (mapped.aloneS[network] ?? 1));
      }
    }
    const ratios = await this.network.run(
      this.features.subarray(0, rows * row),
      this.mask.subarray(0, rows * count),
      rows,
      count,
    );
    for (let cell = 0; cell < rows * count; cell += 1) {
      const ratio = ratios.latency[cell] ?? 0;
      const at = first * count + cell;
      latencyS[at] = (latencyS[at] ?? 0) * Math.exp(ratio);
      lnSlowdown[at] = (lnSlowdown[at] ?? 0) + ratio;
      lnRatio[at] = ratio;
    }
    for (let index = 0; index < rows; index += 1) {
      powerW[first + index] = (powerW[first + index] ?? 0) * Math.exp(ratios.power[index] ?? 0);
    }
  }
}
