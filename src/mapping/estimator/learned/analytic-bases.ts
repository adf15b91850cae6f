import type { PreparedCoLocation } from './prepared-co-location';

const rounds = 12;

/**
 * What queueing theory says of the mapping that was last mapped; the learned part predicts the logarithm of what it is off by.
 *
 * - additive: `A_i`, the latency alone; nobody disturbs anybody.
 * - mean value analysis: each network is a class with one job in a closed network of queues. With `v_ic` the time of
 *   network i on unit c, `C_i` the time from request to request (latency and pause, or its period where that is longer) and
 *   `R_ic` the time with waiting: `R_ic = v_ic (1 + sum over j other than i of R_jc / C_j)`, `V_i = transfers + sum of R_ic`, iterated a fixed number of times from `R = v` (P. J. Schweitzer's
 *   approximation, 1979, for one job per class).
 * - power of a latency x: `idle + sum of energy_i / C_i`.
 */
export class AnalyticBases {
  /** `V_i`, s. */
  readonly sharedS: Float64Array;
  additivePowerW = 0;
  sharedPowerW = 0;
  private readonly waiting: Float64Array;
  private readonly share: Float64Array;
  private readonly onUnit: Float64Array;

  constructor(private readonly prepared: PreparedCoLocation) {
    const { count, units } = prepared;
    this.sharedS = new Float64Array(count);
    this.waiting = new Float64Array(count * units);
    this.share = new Float64Array(count * units);
    this.onUnit = new Float64Array(units);
  }

  work(): void {
    const { count, units, idleW } = this.prepared;
    const { aloneS, onUnitS, transferS, energyJ } = this.prepared.mapped;
    const { sharedS, waiting, share, onUnit } = this;
    waiting.set(onUnitS);
    sharedS.set(aloneS);
    for (let round = 0; round < rounds; round += 1) {
      onUnit.fill(0);
      for (let network = 0; network < count; network += 1) {
        const cycle = 1 / this.prepared.cycleS(network, sharedS[network] ?? 0);
        for (let at = 0, cell = network * units; at < units; at += 1, cell += 1) {
          const part = (waiting[cell] ?? 0) * cycle;
          share[cell] = part;
          onUnit[at] = (onUnit[at] ?? 0) + part;
        }
      }
      for (let network = 0; network < count; network += 1) {
        let whole = transferS[network] ?? 0;
        for (let at = 0, cell = network * units; at < units; at += 1, cell += 1) {
          const seconds = (onUnitS[cell] ?? 0) * (1 + (onUnit[at] ?? 0) - (share[cell] ?? 0));
          waiting[cell] = seconds;
          whole += seconds;
        }
        sharedS[network] = whole;
      }
    }
    this.additivePowerW = idleW;
    this.sharedPowerW = idleW;
    for (let network = 0; network < count; network += 1) {
      this.additivePowerW += (energyJ[network] ?? 0) / this.prepared.cycleS(network, aloneS[network] ?? 0);
      this.sharedPowerW += (energyJ[network] ?? 0) / this.prepared.cycleS(network, sharedS[network] ?? 0);
    }
  }
}
