import type { HardwareActuatorName } from '../actuators/hardware-actuator';
import type { Machine } from '../machine/machine';
import type { PowerPermissions } from './power-permissions';

/** A program that also sets clocks or power limits. */
export interface OtherManager {
  /** As in `ecomap.power.besideManagers` of settings.js, e.g. `thermald`. */
  readonly name: string;
  /** What was seen and what it does, for people. */
  readonly text: string;
  /** What it is in charge of: these actuators are refused beside it. Empty where it is only worth knowing. */
  readonly inChargeOf: readonly HardwareActuatorName[];
  readonly advice: string;
}

interface KnownProcess {
  /** As the kernel cuts it off in /proc/<pid>/comm: 15 characters. */
  readonly comm: string;
  readonly name: string;
  readonly does: string;
  readonly inChargeOf: readonly HardwareActuatorName[];
  readonly advice: string;
}

const stopService = (service: string): string => `sudo systemctl disable --now ${service}`;

const knownProcesses: readonly KnownProcess[] = [
  {
    comm: 'thermald',
    name: 'thermald',
    does: 'sets RAPL limits and CPU clocks by temperature, and leaves them when it ends',
    inChargeOf: ['rapl', 'cpufreq'],
    advice: stopService('thermald'),
  },
  {
    comm: 'power-profiles-',
    name: 'power-profiles-daemon',
    does: 'sets the CPU by the profile chosen in the desktop',
    inChargeOf: ['cpufreq'],
    advice: stopService('power-profiles-daemon'),
  },
  {
    comm: 'tuned',
    name: 'tuned',
    does: 'sets the CPU by its profile',
    inChargeOf: ['cpufreq'],
    advice: stopService('tuned'),
  },
  {
    comm: 'auto-cpufreq',
    name: 'auto-cpufreq',
    does: 'sets CPU clocks and turbo by load',
    inChargeOf: ['cpufreq'],
    advice: stopService('auto-cpufreq'),
  },
  {
    comm: 'jtop',
    name: 'jtop',
    does: 'can set the nvpmodel mode and lock clocks for its users',
    inChargeOf: ['nvpmodel', 'clocks'],
    advice: stopService('jtop'),
  },
  {
    comm: 'nvidia-powerd',
    name: 'nvidia-powerd',
    does: 'shifts power between CPU and GPU',
    inChargeOf: [],
    advice: stopService('nvidia-powerd'),
  },
];

/** More at once would crowd out other file work. */
const readAtOnce = 16;

/** The names of all running processes; what ends meanwhile is left out. */
async function processNames({ files }: Machine): Promise<Set<string>> {
  const pids = (await files.list('/proc')).filter((name) => /^\d+$/.test(name));
  const names = new Set<string>();
  for (let at = 0; at < pids.length; at += readAtOnce) {
    const batch = pids
      .slice(at, at + readAtOnce)
      .map((pid) => files.readIfThere(`/proc/${pid}/comm`).catch(() => null));
    for (const name of await Promise.all(batch)) if (name !== null) names.add(name);
  }
  return names;
}

/**
 * `jetson_clocks` pins the GPU to one clock, and a cap under it has no effect. A cap of ours can end the same way, but only
 * at the lowest step; CPU clocks tell nothing, since the modes of some boards pin them too.
 */
async function lockedGpus({ files }: Machine): Promise<string[]> {
  const locked: string[] = [];
  for (const name of await files.list('/sys/class/devfreq')) {
    const folder = `/sys/class/devfreq/${name}`;
    const [min, max, table] = await Promise.all(
      ['min_freq', 'max_freq', 'available_frequencies'].map((file) =>
        files.readIfThere(`${folder}/${file}`).catch(() => null),
      ),
    );
    const steps = (table ?? '').split(/\s+/).map(Number).filter(Number.isFinite);
    const lowest = Math.min(...steps);
    if (!/gv11b|gp10b|ga10b|gb10b|gpu/.test(name) || steps.length < 2) continue;
    if (min !== null && min !== '' && min === max && Number(min) > lowest) locked.push(name);
  }
  return locked;
}

/**
 * Who else manages power on this machine: processes by name, the traces of `tlp`, a `jetson_clocks` lock, the boot service of
 * nvpmodel. Reads one small file per process; never throws.
 */
export async function findOtherManagers(machine: Machine): Promise<readonly OtherManager[]> {
  const { files } = machine;
  const running = await processNames(machine);
  const found: OtherManager[] = knownProcesses
    .filter(({ comm }) => running.has(comm))
    .map(({ name, does, inChargeOf, advice }) => ({
      name,
      text: `${name} is running: it ${does}`,
      inChargeOf,
      advice,
    }));
  if (await files.exists('/run/tlp')) {
    found.push({
      name: 'tlp',
      text: 'tlp is active: it sets the CPU when the power supply changes',
      inChargeOf: ['cpufreq'],
      advice: stopService('tlp'),
    });
  }
  const locked = await lockedGpus(machine);
  if (locked.length > 0) {
    found.push({
      name: 'jetson_clocks',
      text: `jetson_clocks has locked the clocks (lowest = highest on ${locked.join(', ')})`,
      inChargeOf: ['clocks', 'nvpmodel'],
      advice: 'sudo jetson_clocks --restore',
    });
  }
  for (const folder of ['/etc/systemd/system', '/lib/systemd/system', '/usr/lib/systemd/system']) {
    if (!(await files.exists(`${folder}/nvpmodel.service`))) continue;
    found.push({
      name: 'nvpmodel.service',
      text: 'nvpmodel.service sets the mode at boot; starting it again undoes clock caps, which is noticed and capped again',
      inChargeOf: [],
      advice: 'nothing to do',
    });
    break;
  }
  return found;
}

/** Why an actuator must not be used beside these managers; null when nothing stands in the way. */
export function refusalBeside(
  actuator: HardwareActuatorName,
  managers: readonly OtherManager[],
  { besideManagers }: Pick<PowerPermissions, 'besideManagers'>,
): string | null {
  const inCharge = managers.filter(
    ({ name, inChargeOf }) => inChargeOf.includes(actuator) && !besideManagers.includes(name),
  );
  if (inCharge.length === 0) return null;
  const advice = inCharge.map(({ advice }) => advice).join(' && ');
  const names = inCharge.map(({ name }) => `'${name}'`).join(', ');
  return (
    `Another power manager is in charge of ${actuator}: ${inCharge.map(({ text }) => text).join('; ')}. ` +
    `Stop it (${advice}), or allow both with ecomap: { power: { besideManagers: [${names}] } } in settings.js.`
  );
}
