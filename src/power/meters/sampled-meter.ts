import type { OperatingPoint } from '../../signals/device';
import type { PowerScope, Source } from '../../signals/quantities';
import type { Clock } from '../clock';
import type { DeviceMeter } from './device-meter';
import { IdleEnergy } from './idle-energy';
import type { EnergyCount } from './meter';
import type { PowerSample, PowerSensor } from './sensor';

export interface SampledMeterOptions {
  readonly sensor: PowerSensor;
  readonly clock: Clock;
  /** Its idle watts are the idle part of the energy: a sensor cannot tell what the device would draw doing nothing. */
  readonly initialPoint: OperatingPoint;
  /** `simulated` where the sensor belongs to a simulated device; default `measured`. */
  readonly source?: Source;
  /** How often the sensor is asked, ms; by default as often as it says. */
  readonly intervalMs?: number;
  /** A longer time between two readings of power is unknown, ms; by default 1.5 s or 3.5 intervals. */
  readonly gapLimitMs?: number;
}

/** A counter goes on while nobody reads it; only a machine that slept, or a second wrap-around, makes it wrong. */
const counterGapLimitMs = 60_000;
const patienceMs = 1000;

/**
 * Integrates what a sensor says: trapezoids between readings of power, differences where the sensor counts energy itself. The
 * count reaches up to the newest reading; time without readings is unknown. The sensor is never asked twice at once.
 */
export class SampledMeter implements DeviceMeter {
  readonly source: Source;
  readonly scope: PowerScope;
  readonly accuracy: number | null;
  private readonly sensor: PowerSensor;
  private readonly clock: Clock;
  readonly intervalMs: number;
  private readonly gapLimitMs: number;
  private readonly idle: IdleEnergy;
  private sum: EnergyCount;
  /** Up to here time is accounted for, on the clock. */
  private accountedMs: number;
  /** The last reading that the next one can be joined to. */
  private last: PowerSample | null = null;
  private newest: PowerSample | null = null;
  private asking: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private usableAtMs: number;

  constructor(options: SampledMeterOptions) {
    this.sensor = options.sensor;
    this.clock = options.clock;
    this.source = options.source ?? 'measured';
    this.scope = this.sensor.scope;
    this.accuracy = this.sensor.accuracy;
    this.intervalMs = options.intervalMs ?? this.sensor.intervalMs;
    this.gapLimitMs = options.gapLimitMs ?? Math.max(1500, 3.5 * this.intervalMs);
    this.idle = new IdleEnergy(options.initialPoint.idleW);
    this.accountedMs = this.usableAtMs = this.clock.monotonicMs();
    this.sum = { timeMs: this.accountedMs, totalJ: 0, idleJ: 0, unknownMs: 0 };
  }

  get method(): string {
    return `${this.source}: ${this.sensor.method}`;
  }

  /** Asks the sensor from now on, again and again. The timer does not keep Node.js running. */
  start(): void {
    if (this.timer !== null || this.closed) return;
    this.timer = setInterval(() => void this.ask(), this.intervalMs).unref();
    void this.ask();
  }

  /** Asks the sensor once, unless an answer is still awaited: then this is that answer. */
  ask(): Promise<void> {
    this.asking ??= this.sensor
      .sample()
      .then((sample) => {
        if (!this.closed) this.take(sample);
      })
      // A sensor does not throw; one that does has given nothing, which is a gap.
      .catch(() => undefined)
      .finally(() => (this.asking = null));
    return this.asking;
  }

  latest(): PowerSample | null {
    if (this.newest === null) return null;
    return this.clock.monotonicMs() - this.newest.atMs <= this.gapLimitMs ? this.newest : null;
  }

  /** How long the sensor has had nothing to say, ms. */
  silentMs(): number {
    return Math.max(0, this.clock.monotonicMs() - this.usableAtMs);
  }

  /** In words: what the rails said last instead of a number; empty where they said nothing. */
  troubles(): string {
    const rails = this.newest?.rails ?? [];
    return rails.flatMap(({ name, problem }) => (problem === null ? [] : [`${name} ${problem}`])).join('; ');
  }

  idleW(): number {
    return this.idle.idleW;
  }

  changePoint(point: OperatingPoint): void {
    this.idle.change(point.idleW, this.clock.monotonicMs());
  }

  /** A sensor sees every host. */
  add(): void {
    return;
  }

  remove(): void {
    return;
  }

  count(): EnergyCount {
    const nowMs = this.clock.monotonicMs();
    const limitMs = this.last?.energyJ == null ? this.gapLimitMs : counterGapLimitMs;
    if (nowMs - this.accountedMs > limitMs) {
      this.last = null;
      this.lose(nowMs);
    }
    return this.sum;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.timer !== null) clearInterval(this.timer);
    // A sensor is not closed while it is being read, unless it does not answer at all.
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.asking, new Promise((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
    clearTimeout(timer);
    await this.sensor.close();
  }

  private take(sample: PowerSample): void {
    // The same reading once more: the sensor has no newer one.
    if (this.newest !== null && sample.atMs === this.newest.atMs) return;
    this.newest = sample;
    if (sample.atMs < this.accountedMs) {
      this.last = null;
      // It comes late, for a time that has been given up.
      if (this.accountedMs - sample.atMs <= this.gapLimitMs) return;
      // The clock was set back: begin anew here.
      this.accountedMs = sample.atMs;
    }
    if (sample.powerW === null && sample.energyJ === null) {
      // The next reading may still be near enough to the last one. A counter, though, may have started anew meanwhile.
      if (this.last !== null && this.last.energyJ !== null) {
        this.last = null;
        this.lose(sample.atMs);
      }
      return;
    }
    this.usableAtMs = this.clock.monotonicMs();
    this.join(sample);
    this.last = sample;
  }

  /** Adds the energy between the last reading and this one; what cannot be known is unknown. */
  private join(sample: PowerSample): void {
    const last = this.last;
    const elapsedMs = sample.atMs - this.accountedMs;
    const totalJ = last === null ? null : this.energyBetween(last, sample);
    if (totalJ === null) {
      this.lose(sample.atMs);
      return;
    }
    // Idle watts are a law's: what was measured is the most that idling can have taken.
    const idleJ = Math.min(totalJ, this.idle.takeJ(this.accountedMs, sample.atMs));
    this.sum = {
      timeMs: this.sum.timeMs + elapsedMs,
      totalJ: this.sum.totalJ + totalJ,
      idleJ: this.sum.idleJ + idleJ,
      unknownMs: this.sum.unknownMs,
    };
    this.accountedMs = sample.atMs;
  }

  private energyBetween(from: PowerSample, to: PowerSample): number | null {
    const elapsedMs = to.atMs - from.atMs;
    if (from.energyJ !== null && to.energyJ !== null) {
      const countedJ = to.energyJ - from.energyJ;
      return countedJ >= 0 && elapsedMs <= counterGapLimitMs ? countedJ : null;
    }
    if (from.powerW === null || to.powerW === null || elapsedMs > this.gapLimitMs) return null;
    return (((from.powerW + to.powerW) / 2) * elapsedMs) / 1000;
  }

  private lose(untilMs: number): void {
    const lostMs = Math.max(0, untilMs - this.accountedMs);
    this.idle.takeJ(this.accountedMs, untilMs);
    this.sum = { ...this.sum, timeMs: this.sum.timeMs + lostMs, unknownMs: this.sum.unknownMs + lostMs };
    this.accountedMs = Math.max(untilMs, this.accountedMs);
  }
}
