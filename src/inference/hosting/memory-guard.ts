import { readFile } from 'node:fs/promises';
import { bytesOfMb, inMb } from './memory-limit';

export interface RecycleRules {
  /** Hours after which a process is replaced. */
  readonly afterHours: number;
  /** Growth of a process after which it is replaced, MB, counted since its models last changed. */
  readonly growthMb: number;
}

/** A day is long enough to cost nothing and short enough for a slow leak; runs of many sizes may well add some 100 MB. */
export const defaultRecycleRules: RecycleRules = { afterHours: 24, growthMb: 512 };

/** From this share of the limit on, memory is given back. */
const nearShare = 0.85;
/** What giving idle models back aims at. */
const aimShare = 0.7;
/** A process that has grown by less than this share of the limit is full of models: a new one would be as full. */
const worthwhileShare = 0.1;
/** So long a due recycling waits for a moment without requests. */
const patienceMs = 10 * 60_000;

export interface ProcessReading {
  readonly pid: number;
  readonly rssBytes: number;
  /** Counts the changes of what is in memory. */
  readonly modelChanges: number;
  readonly modelBytes: number;
  readonly hasIdleModels: boolean;
  /** No request is waiting or under way. */
  readonly isIdle: boolean;
  readonly nowMs: number;
}

export type MemoryMeasure =
  | { readonly kind: 'none' }
  /** Free idle models until all together measure this much, bytes. */
  | { readonly kind: 'evict'; readonly modelBudgetBytes: number }
  /** Replace the process when what it serves can be loaded beside it. */
  | { readonly kind: 'recycle'; readonly why: string }
  /** End the process. */
  | { readonly kind: 'kill'; readonly why: string };

const nothing: MemoryMeasure = { kind: 'none' };

/** Decides from the measured memory of one process what has to be done about it. */
export class MemoryGuard {
  #pid = 0;
  #modelChanges = -1;
  #startedMs = 0;
  /** Memory when the models had last changed. */
  #baselineBytes = 0;
  #dueSinceMs: number | null = null;

  constructor(
    private readonly limitBytes: number,
    private readonly rules: RecycleRules,
  ) {}

  judge(reading: ProcessReading): MemoryMeasure {
    const { rssBytes, nowMs } = reading;
    this.#follow(reading);
    if (rssBytes > this.limitBytes) return { kind: 'kill', why: beyond(rssBytes, this.limitBytes) };
    const grownBytes = rssBytes - this.#baselineBytes;
    if (rssBytes > nearShare * this.limitBytes) {
      if (reading.hasIdleModels) {
        const tooMuchBytes = rssBytes - aimShare * this.limitBytes;
        return { kind: 'evict', modelBudgetBytes: Math.max(1, reading.modelBytes - tooMuchBytes) };
      }
      if (grownBytes > worthwhileShare * this.limitBytes) {
        return { kind: 'recycle', why: `it has ${inMb(rssBytes)}, near its limit of ${inMb(this.limitBytes)}` };
      }
    }
    const why = this.#due(grownBytes, nowMs);
    if (why === null) {
      this.#dueSinceMs = null;
      return nothing;
    }
    this.#dueSinceMs ??= nowMs;
    return reading.isIdle || nowMs - this.#dueSinceMs > patienceMs ? { kind: 'recycle', why } : nothing;
  }

  #due(grownBytes: number, nowMs: number): string | null {
    if (grownBytes > bytesOfMb(this.rules.growthMb)) return `it has grown by ${inMb(grownBytes)}`;
    const hours = (nowMs - this.#startedMs) / 3_600_000;
    return hours > this.rules.afterHours ? `it has run for ${hours.toFixed(1)} hours` : null;
  }

  #follow({ pid, modelChanges, rssBytes, nowMs }: ProcessReading): void {
    if (pid === this.#pid && modelChanges === this.#modelChanges) return;
    if (pid !== this.#pid) {
      this.#startedMs = nowMs;
      this.#dueSinceMs = null;
    }
    this.#pid = pid;
    this.#modelChanges = modelChanges;
    this.#baselineBytes = rssBytes;
  }
}

/** Why a process was ended, as the rest of a sentence. */
export function beyond(rssBytes: number, limitBytes: number): string {
  return `grew to ${inMb(rssBytes)}, beyond its memory limit of ${inMb(limitBytes)}, and was stopped`;
}

/** Resident memory of a process, bytes; null where the system does not tell, or the process is gone. */
export async function residentBytesOf(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
