import { closeSync, openSync, readSync } from 'node:fs';
import os from 'node:os';
import { quantile } from '../../src/signals/statistics';

/**
 * What Linux has counted so far for one thread and for its machine, ms. Null: not told.
 *
 * What the counters mean, after kernel/sched/core.c (`update_rq_clock_task`), stats.h (`sched_info_arrive`) and cputime.c
 * (`steal_account_process_time`):
 * - CPU time leaves out what the hypervisor took, where the guest is told about it (KVM, Xen: the same guests that count steal).
 *   Elsewhere steal stays 0, and what was taken is hidden in the CPU time. It is brought up to date at clock ticks (4 ms at 250 Hz)
 *   and when the thread sleeps.
 * - Waiting runs on the wall clock: what was taken from a core while the thread was queued there is in it.
 * - Steal is counted to the nanosecond at clock ticks and when a core stops being idle, but shown in whole hundredths of a second: a
 *   difference of n of them is more than n - 1 and less than n + 1.
 */
export interface KernelTimes {
  /** The thread's time on a core. */
  readonly onCpuMs: number | null;
  /** The thread's time runnable, but not running. */
  readonly waitedMs: number | null;
  /** The core that the thread runs on. */
  readonly core: number | null;
  /** Taken by the hypervisor from each core, and from all together. */
  readonly stolenMsOf: ReadonlyMap<number, number> | null;
  readonly stolenMs: number | null;
  /** The event loop's time asleep, without anything to do, by libuv's own count on the wall clock. */
  readonly loopAsleepMs: number;
}

/** `USER_HZ` is 100 on every architecture that Node.js runs on. */
const msPerTick = 10;

function numberAt(fields: readonly string[], index: number): number | null {
  const field = fields[index];
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : null;
}

/** "cpu time, waiting time, time slices" in ns. A kernel that does not count says "0 0 0", which no running thread can be. */
export function parseSchedstat(text: string): Pick<KernelTimes, 'onCpuMs' | 'waitedMs'> {
  const fields = text.trim().split(' ');
  const [onCpuNs, waitedNs] = [numberAt(fields, 0), numberAt(fields, 1)];
  if (onCpuNs === null || waitedNs === null || onCpuNs === 0) return { onCpuMs: null, waitedMs: null };
  return { onCpuMs: onCpuNs / 1e6, waitedMs: waitedNs / 1e6 };
}

/** Field 39 of a thread's `stat`. The name before it is in brackets and may itself hold spaces and brackets. */
export function parseCore(text: string): number | null {
  return numberAt(text.slice(text.lastIndexOf(')') + 2).split(' '), 36);
}

/** The eighth figure of the lines "cpu" and "cpuN" of /proc/stat; kernels before 2.6.11 have none. */
export function parseSteal(text: string): Pick<KernelTimes, 'stolenMs' | 'stolenMsOf'> {
  const stolenMsOf = new Map<number, number>();
  let stolenMs: number | null = null;
  for (const line of text.split('\n')) {
    if (!line.startsWith('cpu')) break;
    const fields = line.split(/ +/);
    const ticks = numberAt(fields, 8);
    if (ticks === null) continue;
    if (fields[0] === 'cpu') stolenMs = ticks * msPerTick;
    else stolenMsOf.set(Number(fields[0]?.slice(3)), ticks * msPerTick);
  }
  return { stolenMs, stolenMsOf: stolenMs === null || stolenMsOf.size === 0 ? null : stolenMsOf };
}

/** More than a line of /proc/stat takes; there is one for each core and one for all, and others follow. */
const lineBytes = 160;

/** What was read; taken apart only when asked for, which for most readings never is. */
export type KernelReading = () => KernelTimes;

/** Reads the counters of the thread that opens it, from files that stay open. The kernel makes all of /proc/stat anew each time. */
export class KernelClock {
  /** Why figures are missing; null when none is. */
  readonly missing: string | null;
  private readonly buffer = Buffer.allocUnsafe(lineBytes * (os.cpus().length + 4));
  private readonly descriptors = new Map<string, number>();
  private readonly readingsMs: number[] = [];

  constructor(directory = '/proc') {
    const problems: string[] = [];
    for (const file of ['thread-self/schedstat', 'thread-self/stat', 'stat']) {
      try {
        this.descriptors.set(file, openSync(`${directory}/${file}`, 'r'));
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    const { onCpuMs, stolenMs } = this.read()();
    if (problems.length === 0 && onCpuMs === null) problems.push('the kernel does not count the CPU time of threads');
    if (problems.length === 0 && stolenMs === null) problems.push('the kernel does not count steal');
    this.missing = problems.length === 0 ? null : problems.join('; ');
  }

  read(): KernelReading {
    const beganMs = performance.now();
    const schedstat = this.text('thread-self/schedstat');
    const threadStat = this.text('thread-self/stat');
    const stat = this.text('stat');
    const loopAsleepMs = performance.nodeTiming.idleTime;
    this.readingsMs.push(performance.now() - beganMs);
    return () => ({
      ...parseSchedstat(schedstat),
      core: parseCore(threadStat),
      ...parseSteal(stat),
      loopAsleepMs,
    });
  }

  /** What half of the readings took at most. */
  get readingUs(): number {
    return 1000 * (quantile(this.readingsMs, 0.5) ?? Number.NaN);
  }

  close(): void {
    for (const descriptor of this.descriptors.values()) closeSync(descriptor);
    this.descriptors.clear();
  }

  private text(file: string): string {
    const descriptor = this.descriptors.get(file);
    if (descriptor === undefined) return '';
    return this.buffer.toString('latin1', 0, readSync(descriptor, this.buffer, 0, this.buffer.length, 0));
  }
}
