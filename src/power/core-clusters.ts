import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Cores that share one clock (a cpufreq policy). */
export interface CoreCluster {
  /** Logical CPU numbers, ascending. */
  readonly cores: readonly number[];
  /** Highest clock that the hardware has, whatever it is limited to now, MHz; null when it is not told. */
  readonly highestMhz: number | null;
  /** The kernel's `cpu_capacity`: 1024 is the fastest core of the system; null on machines without it. */
  readonly capacity: number | null;
}

export type CoreTier = 'big' | 'mid' | 'little';

/** Cores of one kind on a machine whose cores are not all alike. */
export interface CoreTierGroup {
  readonly tier: CoreTier;
  readonly cores: readonly number[];
}

/** Favoured cores of one kind boost a little higher than their neighbours: that makes no kind of their own. */
const leastRatioOfKinds = 1.15;

const cpuFolder = 'sys/devices/system/cpu';

function readNumber(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    const value = Number(text);
    return text !== '' && Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}

function readCores(path: string): number[] {
  try {
    return readFileSync(path, 'utf8').trim().split(/\s+/).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** The clusters that the kernel's clock drivers tell, in the order of their first core; empty where there are none. */
export function findCoreClusters(fileRoot: string): CoreCluster[] {
  let policies: string[];
  try {
    policies = readdirSync(join(fileRoot, cpuFolder, 'cpufreq')).filter((name) => /^policy\d+$/.test(name));
  } catch {
    return [];
  }
  return policies
    .flatMap((policy): CoreCluster[] => {
      const folder = join(fileRoot, cpuFolder, 'cpufreq', policy);
      const cores = [...new Set(readCores(join(folder, 'related_cpus')))].sort((one, other) => one - other);
      const [first] = cores;
      if (first === undefined) return [];
      const highestKhz = readNumber(join(folder, 'cpuinfo_max_freq'));
      const capacity = readNumber(join(fileRoot, cpuFolder, `cpu${first}`, 'cpu_capacity'));
      return [{ cores, highestMhz: highestKhz === null ? null : highestKhz / 1000, capacity }];
    })
    .sort((one, other) => (one.cores[0] ?? 0) - (other.cores[0] ?? 0));
}

/**
 * The kinds of cores among those that may be used, fastest first; empty where all are alike or it is not known. The capacity
 * decides where the kernel tells it, else the highest clock.
 */
export function tiersOf(clusters: readonly CoreCluster[], usable: readonly number[]): CoreTierGroup[] {
  const present = clusters
    .map(({ cores, highestMhz, capacity }) => ({
      cores: cores.filter((core) => usable.includes(core)),
      capacity,
      highestMhz,
    }))
    .filter(({ cores }) => cores.length > 0);
  const covered = present.reduce((sum, { cores }) => sum + cores.length, 0);
  if (covered !== usable.length) return []; // some core belongs to no cluster: nothing is known of it
  const byCapacity = present.every(({ capacity }) => capacity !== null);
  const ranked: { speed: number; cores: readonly number[] }[] = [];
  for (const { cores, capacity, highestMhz } of present) {
    const speed = byCapacity ? capacity : highestMhz;
    if (speed === null || speed <= 0) return [];
    ranked.push({ speed, cores });
  }
  ranked.sort((one, other) => other.speed - one.speed);
  const kinds: { speed: number; cores: number[] }[] = [];
  for (const { speed, cores } of ranked) {
    const kind = kinds.at(-1);
    if (kind !== undefined && kind.speed < speed * leastRatioOfKinds) kind.cores.push(...cores);
    else kinds.push({ speed, cores: [...cores] });
  }
  if (kinds.length < 2) return [];
  // More than three kinds have not been seen; the slowest then count as one.
  const names: readonly CoreTier[] = kinds.length === 2 ? ['big', 'little'] : ['big', 'mid', 'little'];
  return names.map((tier, index) => {
    const those = index === names.length - 1 ? kinds.slice(index) : kinds.slice(index, index + 1);
    return { tier, cores: those.flatMap(({ cores }) => cores).sort((one, other) => one - other) };
  });
}
