import type { Component, OperatingPoint, ThrottleTarget } from '../../signals/device';
import type { PowerScope, Source } from '../../signals/quantities';
import type { Clock } from '../clock';
import type { DeviceMeter } from './device-meter';
import type { EnergyCount } from './meter';

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
 * in force. Where the CPU time of the whole machine is told ({@link seeMachine}), what other programs use is added at the mean
 * of the CPU components; without it only our own hosts are seen.
 */
export class ActivityModel implements DeviceMeter {
  readonly source: Source;
  readonly scope: PowerScope;
  readonly method: string;
  readonly accuracy: number | null;
  private readonly clock: Clock;
  private readonly threadsOf: ReadonlyMap<string, number>;
  private readonly gapLimitMs: number;
  private readonly cpuSecondsSeen = new Map<ThrottleTarget, number>();
  private readonly cpuComponents: readonly Component[];
  /** CPU seconds of our own hosts, of those too that are gone. */
  private ownCpuSeconds = 0;
  /** Busy seconds of the machine less those of our hosts, when both were first known together. */
  private machineFrom: { readonly busySeconds: number; readonly ownCpuSeconds: number } | null = null;
  private machineSeconds = 0;
  private machineSeenMs = 0;
  private othersCpuSeconds = 0;
  /** Energy of other programs, spread over as much time as it was used in: told in lumps, it would make the power jump. */
  private othersWaiting = { energyJ: 0, perMs: 0 };
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
    this.cpuComponents = options.components.filter(({ kind }) => kind === 'cpu');
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

  latest(): null {
    return null;
  }

  /**
   * Tells the CPU time that the whole machine has used since its start, s. What of it our hosts did not use is charged at the
   * mean watts of a CPU thread, to nobody. Hosts tell their CPU time a little later than the machine does, so what others used
   * is what was never yet explained by ours: it only grows.
   */
  seeMachine(busySeconds: number): void {
    this.count();
    if (this.machineFrom === null || busySeconds < this.machineSeconds) {
      this.machineFrom = { busySeconds, ownCpuSeconds: this.ownCpuSeconds };
      this.machineSeconds = busySeconds;
      this.machineSeenMs = this.sum.timeMs;
      this.othersCpuSeconds = 0;
      return;
    }
    this.machineSeconds = busySeconds;
    const machineS = busySeconds - this.machineFrom.busySeconds;
    const ownS = this.ownCpuSeconds - this.machineFrom.ownCpuSeconds;
    const usedS = Math.max(0, machineS - ownS - this.othersCpuSeconds);
    this.othersCpuSeconds += usedS;
    const energyJ = this.othersWaiting.energyJ + usedS * this.wattsPerThread();
    this.othersWaiting = { energyJ, perMs: energyJ / Math.max(1, this.sum.timeMs - this.machineSeenMs) };
    this.machineSeenMs = this.sum.timeMs;
  }

  /** After a time in which nobody told it of the machine: what others used meanwhile is not charged later. */
  forgetMachine(): void {
    this.count();
    this.machineFrom = null;
    this.othersWaiting = { energyJ: 0, perMs: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
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
      totalJ: this.sum.totalJ + idleJ + activeJ + this.takeOthersJ(elapsedMs),
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
      this.ownCpuSeconds += used;
      activeJ += (used * (this.point.activeW[target.component] ?? 0)) / (this.threadsOf.get(target.component) ?? 1);
    }
    return activeJ;
  }

  private takeOthersJ(elapsedMs: number): number {
    const { energyJ, perMs } = this.othersWaiting;
    const takenJ = Math.min(energyJ, perMs * elapsedMs);
    this.othersWaiting = { energyJ: energyJ - takenJ, perMs };
    return takenJ;
  }

  /** Mean watts that a busy thread of the CPU components adds. */
  private wattsPerThread(): number {
    const threads = this.cpuComponents.reduce((sum, component) => sum + component.threads, 0);
    const activeW = this.cpuComponents.reduce((sum, { name }) => sum + (this.point.activeW[name] ?? 0), 0);
    return threads === 0 ? 0 : activeW / threads;
  }
}
