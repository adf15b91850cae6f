import type { Component, OperatingPoint, ThrottleTarget } from '../../signals/device';
import type { PowerScope, Source } from '../../signals/quantities';
import type { Clock } from '../clock';
import type { EnergyCount, PowerMeter } from './meter';

export interface ActivityModelOptions {
  readonly clock: Clock;
  readonly components: readonly Component[];
  readonly initialPoint: OperatingPoint;
  readonly source: Source;
  readonly scope: PowerScope;
  readonly method: string;
  readonly accuracy: number | null;
  /** A longer time without a look (a suspended machine, a stopped process) counts as unknown, ms. */
  readonly gapLimitMs?: number;
}

// CPU time is a counter, so a long silence loses nothing; only a machine that slept makes the idle watts wrong.
const defaultGapLimitMs = 15 * 60_000;

/**
 * Power from activity: `idleW + sum of activeW[component] x CPU share of our hosts on it`, the law of the operating point
 * in force. It sees only our own hosts: other programs on the machine are not in it.
 */
export class ActivityModel implements PowerMeter {
  readonly source: Source;
  readonly scope: PowerScope;
  readonly method: string;
  readonly accuracy: number | null;
  private readonly clock: Clock;
  private readonly threadsOf: ReadonlyMap<string, number>;
  private readonly gapLimitMs: number;
  private readonly cpuSecondsSeen = new Map<ThrottleTarget, number>();
  private point: OperatingPoint;
  private sum: EnergyCount;

  constructor(options: ActivityModelOptions) {
    this.source = options.source;
    this.scope = options.scope;
    this.method = options.method;
    this.accuracy = options.accuracy;
    this.clock = options.clock;
    this.gapLimitMs = options.gapLimitMs ?? defaultGapLimitMs;
    this.threadsOf = new Map(options.components.map(({ name, threads }) => [name, threads]));
    this.point = options.initialPoint;
    this.sum = { timeMs: this.clock.monotonicMs(), totalJ: 0, idleJ: 0, unknownMs: 0 };
  }

  idleW(): number {
    return this.point.idleW;
  }

  /** What ran until now is charged at the old point, what follows at the new one. */
  changePoint(point: OperatingPoint): void {
    this.count();
    this.point = point;
  }

  /** CPU time from now on counts; what the host used to start up is not charged to anybody. */
  add(target: ThrottleTarget): void {
    this.count();
    this.cpuSecondsSeen.set(target, target.cpuSeconds());
  }

  remove(target: ThrottleTarget): void {
    this.count();
    this.cpuSecondsSeen.delete(target);
  }

  count(): EnergyCount {
    const nowMs = this.clock.monotonicMs();
    const elapsedMs = Math.max(0, nowMs - this.sum.timeMs);
    const activeJ = this.takeActiveJ();
    if (elapsedMs > this.gapLimitMs) {
      this.sum = { ...this.sum, timeMs: nowMs, unknownMs: this.sum.unknownMs + elapsedMs };
      return this.sum;
    }
    const idleJ = (this.point.idleW * elapsedMs) / 1000;
    this.sum = {
      timeMs: Math.max(nowMs, this.sum.timeMs),
      totalJ: this.sum.totalJ + idleJ + activeJ,
      idleJ: this.sum.idleJ + idleJ,
      unknownMs: this.sum.unknownMs,
    };
    return this.sum;
  }

  /** Joules above idle of the CPU time used since the last look. */
  private takeActiveJ(): number {
    let activeJ = 0;
    for (const [target, seen] of this.cpuSecondsSeen) {
      const cpuSeconds = target.cpuSeconds();
      // A counter that fell belongs to a new process: all of it is new.
      const used = cpuSeconds >= seen ? cpuSeconds - seen : cpuSeconds;
      this.cpuSecondsSeen.set(target, cpuSeconds);
      activeJ += (used * (this.point.activeW[target.component] ?? 0)) / (this.threadsOf.get(target.component) ?? 1);
    }
    return activeJ;
  }
}
