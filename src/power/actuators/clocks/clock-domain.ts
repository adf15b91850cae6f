import type { Machine } from '../../machine/machine';
import { megahertz, parseTable, parseWhole, roundToTable } from './frequency';
import { findGpuDevfreq } from './gpu-devfreq';

/** The files that limit one clock; the CPU has one such group per cluster. */
export interface ClockFiles {
  /** The only file that is ever written. */
  readonly most: string;
  readonly least: string;
  readonly table: string;
  /** Highest and lowest clock of the hardware, where there may be no table. */
  readonly ends: readonly [string, string] | null;
  /** Where a limit between two entries of the table ends up. */
  readonly rounds: 'up' | 'down';
}

/** What a group of clock files says, raw (Hz or kHz as the kernel has it). */
export interface ClockReading {
  readonly files: ClockFiles;
  readonly most: number;
  readonly least: number;
  /** Ascending, never empty. */
  readonly table: readonly number[];
  /** True when this process may write {@link ClockFiles.most}. */
  readonly writable: boolean;
}

const cpuFolder = '/sys/devices/system/cpu';

const cpuFiles = (folder: string): ClockFiles => ({
  most: `${folder}/scaling_max_freq`,
  least: `${folder}/scaling_min_freq`,
  table: `${folder}/scaling_available_frequencies`,
  ends: [`${folder}/cpuinfo_min_freq`, `${folder}/cpuinfo_max_freq`],
  rounds: 'down',
});

/** One group per cluster of cores; the same cluster seen from several cores counts once. */
async function findCpuFiles({ files }: Machine): Promise<ClockFiles[]> {
  const names = (await files.list(`${cpuFolder}/cpufreq`)).filter((name) => /^policy\d+$/.test(name));
  const policies = names.map((name) => cpuFiles(`${cpuFolder}/cpufreq/${name}`));
  const perCore = (await files.list(cpuFolder))
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => cpuFiles(`${cpuFolder}/${name}/cpufreq`));
  const found = new Map<string, ClockFiles>();
  for (const group of policies.length > 0 ? policies : perCore) {
    const place = await files.resolve(group.most);
    if (place !== null && !found.has(place)) found.set(place, group);
  }
  return [...found.values()];
}

async function findGpuFiles(machine: Machine): Promise<ClockFiles[]> {
  const folder = await findGpuDevfreq(machine);
  if (folder === null) return [];
  return [
    {
      most: `${folder}/max_freq`,
      least: `${folder}/min_freq`,
      table: `${folder}/available_frequencies`,
      ends: null,
      rounds: 'up',
    },
  ];
}

/** Steps that are made up between the two ends where the hardware names none. */
const madeUpSteps = 8;

async function readGroup({ files }: Machine, group: ClockFiles): Promise<ClockReading | null> {
  const read = (path: string): Promise<string | null> => files.readIfThere(path).catch(() => null);
  const most = parseWhole(await read(group.most));
  const least = parseWhole(await read(group.least));
  if (most === null || least === null) return null;
  let table = parseTable(await read(group.table));
  if (table.length === 0 && group.ends !== null) {
    const [lowest, highest] = (await Promise.all(group.ends.map(read))).map(parseWhole);
    if (lowest != null && highest != null && highest > lowest) {
      table = Array.from({ length: madeUpSteps }, (_, step) =>
        Math.round(lowest + ((highest - lowest) * step) / (madeUpSteps - 1)),
      );
    }
  }
  if (table.length === 0) return null;
  return { files: group, most, least, table, writable: await files.isWritable(group.most) };
}

export interface ClockReadings {
  readonly gpu: readonly ClockReading[];
  readonly cpu: readonly ClockReading[];
}

/** The clocks of GPU and CPU as they are limited now; groups that cannot be read (cores switched off) are left out. */
export async function readClocks(machine: Machine): Promise<ClockReadings> {
  const readAll = async (groups: readonly ClockFiles[]): Promise<ClockReading[]> =>
    (await Promise.all(groups.map((group) => readGroup(machine, group)))).filter((reading) => reading !== null);
  const [gpu, cpu] = await Promise.all([findGpuFiles(machine).then(readAll), findCpuFiles(machine).then(readAll)]);
  return { gpu, cpu };
}

/** A limit that can be set: what is written, and the clock that it means. */
export interface ClockStep {
  readonly raw: number;
  readonly mhz: number;
}

/**
 * Limits that can be set, ascending: entries of the table between the lower limit in force (which is never touched, and under
 * which no upper limit may go) and the highest that is permitted. At least one: what is in force.
 * @param highest raw; may lie between two entries, then it is kept as it is
 */
export function stepsOf({ table, least, files }: ClockReading, highest: number): ClockStep[] {
  const top = roundToTable(highest, table, files.rounds);
  const steps = table
    .filter((entry) => entry >= least && entry < top && entry < highest)
    .map((entry) => ({ raw: entry, mhz: megahertz(entry) }));
  return [...steps, { raw: highest, mhz: megahertz(top) }];
}
