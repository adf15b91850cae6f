import type { Machine } from '../machine/machine';

/** By which register a limit is set. Firmware may enforce the one or the other, so both are written. */
export type RaplInterface = 'msr' | 'mmio';

/** The long-term power limit of one processor package by one interface. */
export interface RaplZone {
  readonly folder: string;
  readonly interface: RaplInterface;
  /** e.g. `package-0` */
  readonly name: string;
  readonly limitPath: string;
  readonly windowPath: string;
  /** Microwatts in force. */
  readonly limitUw: number;
  /** Microseconds over which the limit holds on average; null when it is not told. */
  readonly windowUs: number | null;
  /** What the processor is made for, microwatts; null when it does not tell (0 is also that). */
  readonly maxPowerUw: number | null;
  readonly writable: boolean;
}

export interface RaplLook {
  /** Limits that can be set. */
  readonly zones: readonly RaplZone[];
  /** Packages without a limit, as on AMD processors. */
  readonly unlimited: readonly string[];
  /** Zones that the firmware or a user has switched off: a limit there would not hold. */
  readonly disabled: readonly string[];
}

const powercap = '/sys/class/powercap';

async function readNumber({ files }: Machine, path: string): Promise<number | null> {
  const text = await files.readIfThere(path).catch(() => null);
  return text === null || !/^\d+$/.test(text) ? null : Number(text);
}

/** Reads the zones of packages; parts of a package (core, uncore, dram) and whole platforms (psys) are left alone. Never throws. */
export async function readRaplZones(machine: Machine): Promise<RaplLook> {
  const { files } = machine;
  const zones: RaplZone[] = [];
  const unlimited: string[] = [];
  const disabled: string[] = [];
  for (const entry of await files.list(powercap)) {
    const kind = /^intel-rapl(-mmio)?:\d+$/.exec(entry);
    if (kind === null) continue;
    const folder = `${powercap}/${entry}`;
    const name = (await files.readIfThere(`${folder}/name`).catch(() => null)) ?? '';
    if (!name.startsWith('package')) continue;
    const constraint = await longTermConstraint(machine, folder);
    const limitPath = `${folder}/constraint_${constraint}_power_limit_uw`;
    const limitUw = constraint === null ? null : await readNumber(machine, limitPath);
    if (limitUw === null) {
      unlimited.push(name);
      continue;
    }
    if ((await readNumber(machine, `${folder}/enabled`)) === 0) {
      disabled.push(entry);
      continue;
    }
    const windowPath = `${folder}/constraint_${constraint}_time_window_us`;
    const maxPowerUw = await readNumber(machine, `${folder}/constraint_${constraint}_max_power_uw`);
    zones.push({
      folder,
      interface: kind[1] === undefined ? 'msr' : 'mmio',
      name,
      limitPath,
      windowPath,
      limitUw,
      windowUs: await readNumber(machine, windowPath),
      maxPowerUw: maxPowerUw === 0 ? null : maxPowerUw,
      writable: await files.isWritable(limitPath),
    });
  }
  return { zones, unlimited, disabled };
}

async function longTermConstraint({ files }: Machine, folder: string): Promise<number | null> {
  for (const index of [0, 1, 2]) {
    const name = await files.readIfThere(`${folder}/constraint_${index}_name`).catch(() => null);
    if (name === 'long_term') return index;
  }
  return null;
}
