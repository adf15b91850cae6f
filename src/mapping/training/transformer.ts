import { layerNormEpsilon, weightShapes, type NetworkShape } from '../estimator/learned/network-shape';
import type { JaxArray, JaxModule } from './jax';

/** Weights in the order of `weightShapes`. */
export type WeightList = JaxArray[];

/** A batch in standardised numbers: [batch, slots, features], [batch, slots], [batch, slots], [batch]. */
export type Batch = [x: JaxArray, mask: JaxArray, latency: JaxArray, power: JaxArray];

/** Beyond this many standard deviations a residual counts in proportion instead of squared. */
const huberDelta = 2;
const powerShare = 0.5;

/**
 * The estimator as functions of jax: a transformer over the networks of a co-location, pre-norm, without any code of position (a
 * set has no order). Functions take ownership of their arguments, as all of jax-js: what is used again is `.ref`.
 */
export class Transformer {
  private readonly index: ReadonlyMap<string, number>;

  constructor(
    private readonly jax: JaxModule,
    private readonly shape: NetworkShape,
  ) {
    this.index = new Map(weightShapes(shape).map(([name], index) => [name, index]));
  }

  /** @returns predictions in standard deviations: [batch, slots] and [batch]. `weights` and `x` are borrowed, `mask` too. */
  forward(weights: WeightList, x: JaxArray, mask: JaxArray): { latency: JaxArray; power: JaxArray } {
    const { nn, numpy: np } = this.jax;
    const { width, heads, layers } = this.shape;
    const [batch = 0, slots = 0] = x.shape;
    const tokens = batch * slots;
    // Keys of padding are as good as never attended to.
    const keyPenalty = mask.ref.sub(1).mul(1e9).reshape([batch, 1, 1, slots]);
    let state = this.dense(weights, 'input', x.ref.reshape([tokens, this.shape.features]));
    for (let layer = 0; layer < layers; layer += 1) {
      const name = `layer${layer}`;
      const qkv = this.dense(weights, `${name}.qkv`, this.norm(weights, `${name}.norm1`, state.ref))
        .reshape([batch, slots, 3, heads, width / heads])
        .transpose([2, 0, 3, 1, 4]);
      const [query, key, value] = [0, 1, 2].map((part) => (part < 2 ? qkv.ref : qkv).slice(part));
      if (query === undefined || key === undefined || value === undefined) throw new Error('no query, key or value');
      const scores = np
        .matmul(query, key.transpose([0, 1, 3, 2]))
        .mul(1 / Math.sqrt(width / heads))
        .add(layer + 1 < layers ? keyPenalty.ref : keyPenalty);
      const mixed = np.matmul(nn.softmax(scores, -1), value).transpose([0, 2, 1, 3]).reshape([tokens, width]);
      state = state.add(this.dense(weights, `${name}.attended`, mixed));
      const hidden = nn.relu(this.dense(weights, `${name}.forward1`, this.norm(weights, `${name}.norm2`, state.ref)));
      state = state.add(this.dense(weights, `${name}.forward2`, hidden));
    }
    state = this.norm(weights, 'norm', state);
    const latency = this.dense(weights, 'latency2', nn.relu(this.dense(weights, 'latency1', state.ref))).reshape([
      batch,
      slots,
    ]);
    const present = mask.ref.reshape([batch, slots, 1]);
    const whole = state
      .reshape([batch, slots, width])
      .mul(present)
      .sum(1)
      .div(mask.ref.sum(1).reshape([batch, 1]));
    const power = this.dense(weights, 'power2', nn.relu(this.dense(weights, 'power1', whole))).reshape([batch]);
    return { latency, power };
  }

  /** Mean Huber loss over networks, plus a share of that over samples for the power. Takes ownership of all. */
  loss(weights: WeightList, [x, mask, latency, power]: Batch): JaxArray {
    const out = this.forward(weights, x, mask);
    const networks = mask.ref.sum();
    const latencyLoss = this.huber(out.latency.sub(latency)).mul(mask).sum().div(networks);
    const powerLoss = this.huber(out.power.sub(power)).mean();
    x.dispose();
    for (const weight of weights) weight.dispose();
    return latencyLoss.add(powerLoss.mul(powerShare));
  }

  private huber(residual: JaxArray): JaxArray {
    const { numpy: np } = this.jax;
    const size = np.abs(residual);
    const inner = np.minimum(size.ref, huberDelta);
    // d (|r| - d/2) beyond d, r^2/2 within: with i = min(|r|, d) both are i (|r| - i/2).
    return inner.ref.mul(size.sub(inner.mul(0.5)));
  }

  private weight(weights: WeightList, name: string): JaxArray {
    const weight = weights[this.index.get(name) ?? -1];
    if (weight === undefined) throw new Error(`the network has no weight ${name}`);
    return weight.ref;
  }

  private dense(weights: WeightList, name: string, x: JaxArray): JaxArray {
    return this.jax.numpy.matmul(x, this.weight(weights, `${name}.weight`)).add(this.weight(weights, `${name}.bias`));
  }

  private norm(weights: WeightList, name: string, x: JaxArray): JaxArray {
    const { numpy: np } = this.jax;
    const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
    return centred
      .div(np.sqrt(variance.add(layerNormEpsilon)))
      .mul(this.weight(weights, `${name}.scale`))
      .add(this.weight(weights, `${name}.shift`));
  }
}
