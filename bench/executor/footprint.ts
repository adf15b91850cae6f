import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { sleep } from '../arms/closed-loop';

/** Parents of all processes, from the fourth field of their `stat` (the second, a name, may hold anything but a last parenthesis). */
function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      found.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The children of this process, and theirs. */
export function descendants(): number[] {
  const all = parents();
  const isOurs = (pid: number): boolean => {
    for (let at = all.get(pid); at !== undefined && at > 1; at = all.get(at)) if (at === process.pid) return true;
    return false;
  };
  return [...all.keys()].filter(isOurs);
}

/**
 * Anonymous memory, bytes: what the process has allocated and not given back. The pages of programs and libraries are left out:
 * how many processes share them changes with whatever else runs on the machine. The resident set where the kernel keeps no
 * such account.
 */
function memoryOf(pid: number | 'self'): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kilobytes = /^(?:Pss_Anon|Anonymous):\s+(\d+) kB/m.exec(rollup)?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // No such account, or it has ended meanwhile.
  }
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}

/** Files in memory that these processes hold open, bytes, each counted once. */
function openMemoryFiles(pids: readonly (number | 'self')[]): number {
  const sizes = new Map<string, number>();
  for (const pid of pids) {
    try {
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        const link = `/proc/${pid}/fd/${descriptor}`;
        const target = readlinkSync(link);
        if (target.startsWith('/dev/shm/')) sizes.set(target, statSync(link).size);
      }
    } catch {
      // It has ended meanwhile, or closed the file.
    }
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

export interface Footprint {
  /** This process, its hosts and their slot files, MB. */
  readonly totalMB: number;
  readonly ownMB: number;
  readonly hostsMB: number;
  readonly hosts: number;
}

const megabyte = 1024 * 1024;

function now(): Footprint {
  const hosts = descendants();
  const own = memoryOf('self');
  const theirs = hosts.reduce((sum, pid) => sum + memoryOf(pid), 0);
  const files = openMemoryFiles(['self', ...hosts]);
  return {
    totalMB: (own + theirs + files) / megabyte,
    ownMB: own / megabyte,
    hostsMB: theirs / megabyte,
    hosts: hosts.length,
  };
}

/** The mean without the lowest and the highest quarter. */
function trimmedMean(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const cut = Math.floor(sorted.length / 4);
  const kept = sorted.slice(cut, sorted.length - cut);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** A host that gets this signal collects its garbage: see `collectingHost`. */
const collectSignal = 'SIGUSR2';

export const collectOnSignal = `process.on('${collectSignal}', () => globalThis.gc());\n`;

/** What is held when nothing is under way: garbage is collected here and in the hosts, then several samples are taken. */
export async function idleFootprint(samples: number): Promise<Footprint> {
  const taken: Footprint[] = [];
  for (let i = 0; i < samples; i += 1) {
    globalThis.gc?.();
    for (const pid of descendants()) process.kill(pid, collectSignal);
    await sleep(0.25);
    // The first ones only let things settle.
    if (i >= 2) taken.push(now());
  }
  const mean = (of: (footprint: Footprint) => number) => trimmedMean(taken.map(of));
  return {
    totalMB: mean(({ totalMB }) => totalMB),
    ownMB: mean(({ ownMB }) => ownMB),
    hostsMB: mean(({ hostsMB }) => hostsMB),
    hosts: taken.at(-1)?.hosts ?? 0,
  };
}
