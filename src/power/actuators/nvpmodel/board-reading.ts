import { findGpuDevfreq } from '../clocks/gpu-devfreq';
import { parseTable, parseWhole } from '../clocks/frequency';
import type { Machine } from '../../machine/machine';
import { knownArguments, type KnownArgument } from './argument-role';
import type { NvpmodelConf } from './conf';

/** What is in force for one argument of the configuration file. */
export interface LiveArgument extends KnownArgument {
  /** The file that was found for it; null when there is none. */
  readonly path: string | null;
  /** null when it cannot be read, or there is no such file. */
  readonly value: number | null;
  /** Clocks that the hardware has, ascending; empty when it does not tell. */
  readonly table: readonly number[];
  /** The highest clock of the hardware; null when it does not tell. */
  readonly highest: number | null;
}

/** The state of the hardware that power modes are about, by {@link argumentKey}. */
export type BoardReading = ReadonlyMap<string, LiveArgument>;

export const argumentKey = ({
  parameter,
  argument,
}: {
  readonly parameter: string;
  readonly argument: string;
}): string => `${parameter} ${argument}`;

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const fileOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** GPU masks have moved between kernels. */
const maskFolders = ['/sys/devices/gpu.0', '/sys/devices/platform/gpu.0'];

/** Reads from the hardware all that the modes of a configuration set and whose effect is known. */
export async function readBoard(machine: Machine, conf: NvpmodelConf): Promise<BoardReading> {
  const gpuFolder = await findGpuDevfreq(machine);
  const live = await Promise.all(knownArguments(conf).map((known) => readArgument(machine, known, gpuFolder)));
  return new Map(live.map((argument) => [argumentKey(argument), argument]));
}

async function readArgument(machine: Machine, known: KnownArgument, gpuFolder: string | null): Promise<LiveArgument> {
  for (const path of placesOf(known, gpuFolder)) {
    // A file that is there and cannot be read is not one that is missing.
    const text = await machine.files.readIfThere(path).catch(() => '');
    if (text !== null) return { ...known, path, value: parseWhole(text), ...(await readClocks(machine, known, path)) };
  }
  return { ...known, path: null, value: await valueWithoutFile(machine, known), table: [], highest: null };
}

function placesOf({ paths, role }: KnownArgument, gpuFolder: string | null): string[] {
  const file = fileOf(paths[0] ?? '');
  if (role.sets === 'mask') return [...paths, ...maskFolders.map((folder) => `${folder}/${file}`)];
  if (role.sets === 'clock' && role.domain === 'gpu' && gpuFolder !== null) return [...paths, `${gpuFolder}/${file}`];
  return [...paths];
}

/** Core 0, and any core that cannot be switched off, has no file that says so. */
async function valueWithoutFile(machine: Machine, { paths, role }: KnownArgument): Promise<number | null> {
  if (role.sets !== 'core') return null;
  return (await machine.files.exists(folderOf(paths[0] ?? ''))) ? 1 : 0;
}

async function readClocks(
  machine: Machine,
  { role }: KnownArgument,
  path: string,
): Promise<Pick<LiveArgument, 'table' | 'highest'>> {
  if (role.sets !== 'clock' || (role.domain !== 'cpu' && role.domain !== 'gpu')) return { table: [], highest: null };
  const read = (file: string): Promise<string | null> =>
    machine.files.readIfThere(`${folderOf(path)}/${file}`).catch(() => null);
  if (role.domain === 'gpu') {
    const table = parseTable(await read('available_frequencies'));
    return { table, highest: table.at(-1) ?? null };
  }
  const table = parseTable(await read('scaling_available_frequencies'));
  return { table, highest: parseWhole(await read('cpuinfo_max_freq')) ?? table.at(-1) ?? null };
}
