import type { MachineFiles } from '../../machine/files';
import { MachineFileError } from '../../machine/files';

/** One rail as the kernel shows it: one or two files, and how their numbers become watts. */
export interface RailFiles {
  readonly name: string;
  readonly chip: 'ina3221' | 'ina238';
  readonly paths: readonly string[];
  /** From the numbers of {@link paths} to W. */
  toWatts(numbers: readonly number[]): number;
}

export interface RailsFound {
  readonly rails: readonly RailFiles[];
  /** Folders of chips that were found but whose labels may not be read. */
  readonly denied: readonly string[];
}

const iioDrivers = '/sys/bus/i2c/drivers/ina3221x';
const hwmonClass = '/sys/class/hwmon';
const hwmonDrivers = ['/sys/bus/i2c/drivers/ina3221', '/sys/bus/i2c/drivers/ina238'] as const;
/** A channel that is not connected. */
const notConnected = 'NC';

/**
 * The rails of the power monitors of a Jetson. JetPack 4 shows the INA3221 as an iio device with milliwatts; JetPack 5 and
 * later as a hwmon device with millivolts (`inN_input`) and milliamperes (`currN_input`) of its three channels, whose `in4` and
 * above are shunt voltages and no rails. Thor's INA238 gives microwatts. Bus and hwmon numbers differ from start to start.
 */
export async function findRails(files: MachineFiles): Promise<RailsFound> {
  const denied: string[] = [];
  const labelOf = async (folder: string, label: string): Promise<string | null> => {
    try {
      return await files.readIfThere(`${folder}/${label}`);
    } catch (error) {
      if (error instanceof MachineFileError && error.problem === 'denied') denied.push(folder);
      return null;
    }
  };
  const rails: RailFiles[] = [];
  for (const folder of await iioFolders(files)) {
    for (const channel of await channelsOf(files, folder, /^rail_name_(\d+)$/)) {
      const name = await labelOf(folder, `rail_name_${channel}`);
      if (isRail(name)) rails.push(scaled(name, 'ina3221', `${folder}/in_power${channel}_input`, 1e-3));
    }
  }
  const inputs: string[] = [];
  for (const folder of await hwmonFolders(files)) {
    const chip = await labelOf(folder, 'name');
    if (chip === 'ina238') inputs.push(folder);
    if (chip !== 'ina3221') continue;
    for (const channel of ['1', '2', '3']) {
      const name = await labelOf(folder, `in${channel}_label`);
      if (isRail(name)) rails.push(voltageTimesCurrent(name, folder, channel));
    }
  }
  for (const folder of inputs) {
    const label = (await labelOf(folder, 'power1_label')) ?? (await labelOf(folder, 'label'));
    // On Thor it measures what goes into the module; elsewhere an INA238 may measure anything.
    const isThor = rails.some(({ name }) => name === 'VDD_CPU_SOC_MSS') && inputs.length === 1;
    rails.push(scaled(label ?? (isThor ? 'VIN' : 'INA238'), 'ina238', `${folder}/power1_input`, 1e-6));
  }
  return { rails, denied: [...new Set(denied)] };
}

const isRail = (name: string | null): name is string => name !== null && name !== '' && name !== notConnected;

function scaled(name: string, chip: RailFiles['chip'], path: string, factor: number): RailFiles {
  return { name, chip, paths: [path], toWatts: ([value]) => (value ?? NaN) * factor };
}

function voltageTimesCurrent(name: string, folder: string, channel: string): RailFiles {
  return {
    name,
    chip: 'ina3221',
    paths: [`${folder}/in${channel}_input`, `${folder}/curr${channel}_input`],
    toWatts: ([millivolts, milliamperes]) => ((millivolts ?? NaN) * (milliamperes ?? NaN)) / 1e6,
  };
}

async function channelsOf(files: MachineFiles, folder: string, pattern: RegExp): Promise<string[]> {
  return (await files.list(folder)).flatMap((name) => pattern.exec(name)?.[1] ?? []);
}

async function iioFolders(files: MachineFiles): Promise<string[]> {
  const folders: string[] = [];
  for (const device of await devicesOf(files, iioDrivers)) {
    for (const name of await files.list(device)) if (/^iio[:_]device/.test(name)) folders.push(`${device}/${name}`);
  }
  return folders;
}

/** Every hwmon folder once, by the class and by the driver: where one of the two ways is not there, the other is. */
async function hwmonFolders(files: MachineFiles): Promise<string[]> {
  const candidates = (await files.list(hwmonClass)).map((name) => `${hwmonClass}/${name}`);
  for (const driver of hwmonDrivers) {
    for (const device of await devicesOf(files, driver)) {
      for (const name of await files.list(`${device}/hwmon`)) candidates.push(`${device}/hwmon/${name}`);
    }
  }
  const folders = new Map<string, string>();
  for (const candidate of candidates) {
    const real = await files.resolve(candidate);
    if (real === null) continue;
    // Hwmon numbers are unique, whichever path leads there.
    const key = real.split('/').at(-1) ?? real;
    if (!folders.has(key)) folders.set(key, candidate);
  }
  return [...folders.values()];
}

/** Folders of the devices that a driver has bound, e.g. `1-0040`. */
async function devicesOf(files: MachineFiles, driver: string): Promise<string[]> {
  return (await files.list(driver)).filter((name) => /^\d+-[0-9a-f]{4}$/.test(name)).map((name) => `${driver}/${name}`);
}
