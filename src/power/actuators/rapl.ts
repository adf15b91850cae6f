import { EcomapError } from '../../signals/errors';
import { quoted } from '../../signals/parse';
import type { Machine } from '../machine/machine';
import { fileSetting } from '../safety/file-setting';
import type { MachineChanges, Setting, SettingChange } from '../safety/setting';
import { Ceilings } from './clocks/ceilings';
import type { ActuatorFinding, HardwareActuator, HardwareState } from './hardware-actuator';
import { powerSteps, wattsName, wattsState } from './power-steps';
import { readRaplZones, type RaplLook, type RaplZone } from './rapl-zones';

/** Registers count in units of 1/8 W, so what is read back may differ by that from what was written. */
export const limitToleranceUw = 125_000;
/** Windows are kept as a power of two with two bits of mantissa. */
const windowTolerance = 0.25;
/** Lower than this share of the processor's rating a machine hardly works any more. */
const leastShare = 0.25;
/** The least limit of a processor that does not tell its rating, W. */
const leastPackageW = 5;

const near =
  (tolerance: (wanted: number) => number): Setting['same'] =>
  (wanted, found) =>
    Math.abs(Number(wanted) - Number(found)) <= tolerance(Number(wanted));

interface Package {
  readonly name: string;
  readonly zones: readonly RaplZone[];
}

export interface RaplOptions {
  /**
   * Seconds over which the limit holds on average. Null leaves it as the firmware has set it, often 28 s: then a cap takes that
   * long to show.
   */
  readonly windowS?: number | null;
}

/**
 * The long-term RAPL limit (PL1) of Intel processors, by all interfaces that the machine has, never above what was found there;
 * bursts above it, within the mean of the window, stay possible.
 */
export class RaplActuator implements HardwareActuator {
  readonly name = 'rapl';
  readonly #machine: Machine;
  readonly #changes: MachineChanges;
  readonly #windowS: number | null;
  readonly #ceilings = new Ceilings();

  constructor(
    machine: Machine,
    changes: MachineChanges,
    readonly method: string,
    { windowS = null }: RaplOptions = {},
  ) {
    this.#machine = machine;
    this.#changes = changes;
    this.#windowS = windowS;
  }

  async states(): Promise<readonly HardwareState[]> {
    const packages = await this.#packages();
    return this.#steps(packages).map(wattsState);
  }

  async apply(name: string): ReturnType<HardwareActuator['apply']> {
    const packages = await this.#packages();
    const steps = this.#steps(packages);
    const powerW = steps.find((step) => wattsName(step) === name);
    if (powerW === undefined) throw unknownLimit(name, steps);
    const shareUw = Math.round((powerW * 1e6) / packages.length);
    const changes: SettingChange[] = [];
    for (const zone of packages.flatMap(({ zones }) => zones)) {
      if (this.#windowS !== null && zone.windowUs !== null) {
        const same = near((wanted) => wanted * windowTolerance);
        const window = fileSetting(this.#machine, zone.windowPath, same);
        changes.push(await this.#changes.set(window, String(Math.round(this.#windowS * 1e6))));
      }
      const limit = fileSetting(
        this.#machine,
        zone.limitPath,
        near(() => limitToleranceUw),
      );
      this.#ceilings.see(zone.limitPath, zone.limitUw);
      const change = await this.#changes.set(limit, String(shareUw));
      if (change.inForce !== null) this.#ceilings.wrote(zone.limitPath, Number(change.inForce));
      changes.push(change);
    }
    return { inForce: await this.readBack(), changes };
  }

  async readBack(): Promise<HardwareState | null> {
    const packages = await this.#packages();
    if (packages.length === 0) return null;
    const limitW = packages.reduce((sum, { zones }) => sum + lowestUw(zones), 0) / 1e6;
    const toleranceW = (limitToleranceUw * packages.length) / 1e6;
    const powerW = this.#steps(packages).find((step) => Math.abs(step - limitW) <= toleranceW);
    return powerW === undefined ? null : wattsState(powerW);
  }

  async #packages(): Promise<Package[]> {
    const { zones } = await readRaplZones(this.#machine);
    const packages = new Map<string, RaplZone[]>();
    for (const zone of zones) packages.set(zone.name, [...(packages.get(zone.name) ?? []), zone]);
    return [...packages].map(([name, ofPackage]) => ({ name, zones: ofPackage }));
  }

  /** Watts for all packages together, highest first. */
  #steps(packages: readonly Package[]): number[] {
    let leastW = 0;
    let mostW = 0;
    for (const { zones } of packages) {
      const ratedUw = Math.max(0, ...zones.map(({ maxPowerUw }) => maxPowerUw ?? 0));
      const foundUw = Math.min(...zones.map(({ limitPath, limitUw }) => this.#ceilings.see(limitPath, limitUw)));
      mostW += foundUw / 1e6;
      leastW += ratedUw > 0 ? (ratedUw / 1e6) * leastShare : leastPackageW;
    }
    return powerSteps(Math.min(leastW, mostW), mostW);
  }
}

const lowestUw = (zones: readonly RaplZone[]): number => Math.min(...zones.map(({ limitUw }) => limitUw));

const unknownLimit = (name: string, steps: readonly number[]): EcomapError =>
  new EcomapError(
    'INVALID_CONFIG',
    `${quoted(name)} is no RAPL limit of this machine. Offered now: from ${wattsName(steps[0] ?? 0)} down to ` +
      `${wattsName(steps.at(-1) ?? 0)}.`,
  );

/** Looks for RAPL limits. Changes nothing and never throws. */
export async function findRapl(
  machine: Machine,
  changes: MachineChanges,
  options: RaplOptions = {},
): Promise<{ readonly actuator: HardwareActuator | null; readonly finding: ActuatorFinding }> {
  const look = await readRaplZones(machine);
  const finding = (level: ActuatorFinding['level'], text: string): ActuatorFinding => ({ name: 'rapl', level, text });
  if (look.zones.length === 0) return { actuator: null, finding: finding('missing', await whyNone(machine, look)) };
  const method = describe(look);
  const denied = look.zones.filter(({ writable }) => !writable).map(({ limitPath }) => limitPath);
  const actuator = new RaplActuator(machine, changes, method, options);
  if (denied.length === 0) return { actuator, finding: finding('usable', method) };
  const help =
    `${denied.join(', ')} may not be written by this user (or /sys is read-only, as in a container): ` +
    'install the permission rules that come with the package (folder recipe/)';
  return { actuator: changes.dryRun ? actuator : null, finding: finding('denied', `${method}. ${help}`) };
}

function describe({ zones, disabled }: RaplLook): string {
  const parts = zones.map(({ name, interface: by, limitUw, windowUs }) => {
    const window = windowUs === null ? '' : ` over ${wattsName(windowUs / 1e6).replace(' W', ' s')}`;
    return `${name} ${wattsName(limitUw / 1e6)}${window} (${by === 'msr' ? 'intel-rapl' : 'intel-rapl-mmio'})`;
  });
  const off = disabled.length > 0 ? `; switched off and left alone: ${disabled.join(', ')}` : '';
  return `RAPL long-term limits: ${parts.join(', ')}${off}`;
}

async function whyNone({ files }: Machine, { unlimited, disabled }: RaplLook): Promise<string> {
  if (disabled.length > 0) return `RAPL limits are switched off by the firmware (${disabled.join(', ')})`;
  if (unlimited.length === 0) return 'No RAPL on this machine (virtual machines have none)';
  const cpu = (await files.readIfThere('/proc/cpuinfo').catch(() => null)) ?? '';
  const maker = /AuthenticAMD/.test(cpu)
    ? 'AMD processors count energy but take no limit'
    : 'RAPL offers no limit here';
  return `${maker}: cap the CPU clock (cpufreq) instead`;
}
