import type { PowerReading, PowerScope, Source } from '../../signals/quantities';

/** Energy counted since the meter was made. Time that could not be accounted for is `unknownMs`, never zero joules. */
export interface EnergyCount {
  readonly timeMs: number;
  readonly totalJ: number;
  /** What the device would have drawn doing nothing. */
  readonly idleJ: number;
  readonly unknownMs: number;
}

/** Energy since this reader's last reading; joules are null where a part of that time is unknown. */
export interface EnergyReading {
  readonly totalJ: number | null;
  readonly idleJ: number | null;
  readonly source: Source;
  /** How it was obtained, in words. */
  readonly method: string;
}

/** Measures or models what the device draws. Joules accumulate on the monotonic clock. */
export interface PowerMeter {
  readonly source: Source;
  readonly scope: PowerScope;
  readonly method: string;
  /** Relative error, e.g. 0.05; null when unknown. */
  readonly accuracy: number | null;
  /** Watts of the device doing nothing, in its present state. */
  idleW(): number;
  /** Brings the count up to now. */
  count(): EnergyCount;
}

/** One reader's place in a meter's count, so that several readers do not disturb each other. */
export class MeterReader {
  private powerFrom: EnergyCount;
  private energyFrom: EnergyCount;
  private lastPowerW: number | null = null;

  constructor(private readonly meter: PowerMeter) {
    this.powerFrom = this.energyFrom = meter.count();
  }

  /** Mean power since this reader's last `readPower` (or since it was opened). */
  readPower(): PowerReading {
    const from = this.powerFrom;
    const to = this.meter.count();
    const elapsedMs = to.timeMs - from.timeMs;
    // Two readings at the same instant have no mean of their own.
    if (elapsedMs > 0) {
      this.powerFrom = to;
      this.lastPowerW = to.unknownMs > from.unknownMs ? null : (to.totalJ - from.totalJ) / (elapsedMs / 1000);
    }
    return { powerW: this.lastPowerW, source: this.meter.source, scope: this.meter.scope };
  }

  /** Energy since this reader's last `readEnergy` (or since it was opened). */
  readEnergy(): EnergyReading {
    const from = this.energyFrom;
    const to = this.meter.count();
    this.energyFrom = to;
    const known = to.unknownMs === from.unknownMs;
    return {
      totalJ: known ? to.totalJ - from.totalJ : null,
      idleJ: known ? to.idleJ - from.idleJ : null,
      source: this.meter.source,
      method: this.meter.method,
    };
  }
}
