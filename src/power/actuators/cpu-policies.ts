import type { Machine } from '../machine/machine';
import { parseTable, parseWhole } from './clocks/frequency';

/** Cores that change their clock together, as the kernel groups them; clocks in kHz. */
export interface CpuPolicy {
  readonly name: string;
  readonly limitPath: string;
  /** `scaling_max_freq` in force. */
  readonly limitKhz: number;
  /** Ascending; where the driver has no table, even steps between the ends. */
  readonly steps: readonly number[];
  readonly hasTable: boolean;
  readonly driver: string;
  readonly writable: boolean;
}

/** The common limit of `intel_pstate`, per cent of the highest clock. */
export interface PstateLimit {
  readonly limitPath: string;
  readonly limitPct: number;
  readonly leastPct: number;
  readonly turboOff: boolean;
  readonly writable: boolean;
}

export interface CpuLook {
  readonly policies: readonly CpuPolicy[];
  readonly pstate: PstateLimit | null;
}

const policyFolder = '/sys/devices/system/cpu/cpufreq';
const pstateFolder = '/sys/devices/system/cpu/intel_pstate';

/** Steps where the driver takes any clock, kHz, and the most of them. */
const evenStepKhz = 100_000;
const mostEvenSteps = 24;

function evenSteps(leastKhz: number, mostKhz: number): number[] {
  const count = Math.min(mostEvenSteps, Math.floor((mostKhz - leastKhz) / evenStepKhz));
  const width = count > 0 ? (mostKhz - leastKhz) / count : 0;
  const steps = Array.from({ length: count }, (_, at) => Math.round((leastKhz + at * width) / 1000) * 1000);
  return [...new Set([...steps.map((khz) => Math.max(khz, leastKhz)), mostKhz])];
}

async function readPolicy(machine: Machine, name: string): Promise<CpuPolicy | null> {
  const folder = `${policyFolder}/${name}`;
  const text = (file: string): Promise<string | null> =>
    machine.files.readIfThere(`${folder}/${file}`).catch(() => null);
  const [limit, floor, cpuMin, cpuMax, table, driver] = await Promise.all(
    [
      'scaling_max_freq',
      'scaling_min_freq',
      'cpuinfo_min_freq',
      'cpuinfo_max_freq',
      'scaling_available_frequencies',
      'scaling_driver',
    ].map(text),
  );
  const limitKhz = parseWhole(limit);
  const mostKhz = parseWhole(cpuMax);
  const leastKhz = Math.max(parseWhole(cpuMin) ?? 0, parseWhole(floor) ?? 0);
  if (limitKhz === null || mostKhz === null || leastKhz <= 0) return null;
  const live = parseTable(table ?? null);
  // The lower limit is not ours to move: no step lies under it.
  const steps = (live.length > 0 ? live : evenSteps(leastKhz, mostKhz)).filter((khz) => khz >= leastKhz);
  if (steps.length === 0) return null;
  const limitPath = `${folder}/scaling_max_freq`;
  return {
    name,
    limitPath,
    limitKhz,
    steps,
    hasTable: live.length > 0,
    driver: driver ?? 'unknown driver',
    writable: await machine.files.isWritable(limitPath),
  };
}

async function readPstate({ files }: Machine): Promise<PstateLimit | null> {
  const number = async (file: string): Promise<number | null> =>
    parseWhole(await files.readIfThere(`${pstateFolder}/${file}`).catch(() => null));
  const limitPath = `${pstateFolder}/max_perf_pct`;
  const [limitPct, leastPct, noTurbo] = await Promise.all(['max_perf_pct', 'min_perf_pct', 'no_turbo'].map(number));
  if (limitPct === null || limitPct === undefined) return null;
  const writable = await files.isWritable(limitPath);
  return { limitPath, limitPct, leastPct: leastPct ?? 0, turboOff: noTurbo === 1, writable };
}

/** Policies come and go with the cores that are switched on, so this is read anew each time. Never throws. */
export async function readCpuPolicies(machine: Machine): Promise<CpuLook> {
  const names = (await machine.files.list(policyFolder)).filter((name) => /^policy\d+$/.test(name));
  names.sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)));
  const [pstate, ...policies] = await Promise.all([
    readPstate(machine),
    ...names.map((name) => readPolicy(machine, name)),
  ]);
  return { pstate, policies: policies.filter((policy) => policy !== null) };
}
