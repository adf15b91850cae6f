import type { PowerScope } from '../../../signals/quantities';
import { systemClock, type Clock } from '../../clock';
import { MachineFileError, type MachineFiles, type OpenedFile } from '../../machine/files';
import { judgePower, parseQuantity, processorBounds } from '../rails/quantity';
import type { PowerSample, PowerSensor, RailReading } from '../sensor';
import { WrappingCounter } from './wrapping-counter';

const powercap = '/sys/class/powercap';

interface Zone {
  /** e.g. `package-0`, or `package-0/dram` for a part of it. */
  readonly name: string;
  readonly kind: 'package' | 'psys' | 'part';
  readonly folder: string;
  readonly counter: WrappingCounter;
}

export interface RaplFound {
  readonly sensor: RaplSensor | null;
  /** True when there are zones whose counters this process may not read. */
  readonly denied: boolean;
  /** True when there are zones at all. */
  readonly found: boolean;
}

/**
 * The energy counters of a processor (Intel and AMD, `/sys/class/powercap`). The total is that of all packages; where the
 * platform counter `psys` counts, it, which holds more than the processor. Parts of a package (core, uncore, dram) are
 * shown and not added. The same counters under `intel-rapl-mmio` are not counted twice.
 */
export class RaplSensor implements PowerSensor {
  readonly name = 'rapl';
  readonly accuracy = null;
  readonly intervalMs = 200;
  private readonly opened = new Map<string, OpenedFile>();
  private total: 'package' | 'psys' = 'package';

  constructor(
    private readonly files: MachineFiles,
    private readonly zones: readonly Zone[],
    private readonly clock: Clock,
  ) {}

  get scope(): PowerScope {
    return this.total === 'psys' ? 'module' : 'package';
  }

  get method(): string {
    if (this.total === 'psys') return 'RAPL, platform counter (psys)';
    const packages = this.zones.filter(({ kind }) => kind === 'package').length;
    return `RAPL, ${packages === 1 ? 'one processor package' : `sum of ${packages} processor packages`}`;
  }

  async sample(): Promise<PowerSample> {
    const rails: RailReading[] = [];
    let energyJ: number | null = 0;
    let powerW: number | null = 0;
    for (const zone of this.zones) {
      const inTotal = zone.kind === this.total;
      const { rail, counted } = await this.read(zone, inTotal);
      rails.push(rail);
      if (!inTotal) continue;
      energyJ = energyJ === null || counted === null ? null : energyJ + counted;
      powerW = powerW === null || rail.powerW === null ? null : powerW + rail.powerW;
    }
    return { atMs: this.clock.monotonicMs(), powerW, energyJ, rails };
  }

  /**
   * Chooses the widest counter that counts, by two readings: some machines have a `psys` that stands still or counts less than the
   * processor does. @returns false when no counter moves (some virtual machines)
   */
  async prove(waitMs: number): Promise<boolean> {
    await this.sample();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const { rails } = await this.sample();
    const sumOf = (kind: Zone['kind']): number =>
      rails.reduce((sum, { powerW }, index) => sum + (this.zones[index]?.kind === kind ? (powerW ?? 0) : 0), 0);
    const packagesW = sumOf('package');
    const psysW = sumOf('psys');
    if (psysW > 0 && psysW >= packagesW) this.total = 'psys';
    return packagesW > 0 || psysW > 0;
  }

  async close(): Promise<void> {
    const files = [...this.opened.values()];
    this.opened.clear();
    await Promise.allSettled(files.map((file) => file.close()));
  }

  private async read(
    { name, folder, counter }: Zone,
    inTotal: boolean,
  ): Promise<{ readonly rail: RailReading; readonly counted: number | null }> {
    const path = `${folder}/energy_uj`;
    const without = (problem: string) => ({ rail: { name, inTotal, powerW: null, problem }, counted: null });
    try {
      let file = this.opened.get(path);
      if (file === undefined) {
        file = await this.files.open(path);
        this.opened.set(path, file);
      }
      const microjoules = parseQuantity(await file.read());
      if (microjoules === null || microjoules < 0) return without('is not a count of energy');
      if (!counter.take(microjoules / 1e6, this.clock.monotonicMs())) return without('has started anew');
      const judged =
        counter.powerW === null
          ? { powerW: null, problem: 'needs a second reading' }
          : judgePower(counter.powerW, processorBounds);
      return { rail: { name, inTotal, ...judged }, counted: counter.totalJ };
    } catch (error) {
      await this.opened
        .get(path)
        ?.close()
        .catch(() => undefined);
      this.opened.delete(path);
      const denied = error instanceof MachineFileError && error.problem === 'denied';
      const gone = error instanceof MachineFileError && error.problem === 'missing';
      return without(denied ? 'may not be read by this process' : gone ? 'is gone' : 'could not be read');
    }
  }
}

/** @returns the sensor, not yet proven */
export async function openRapl(files: MachineFiles, clock: Clock = systemClock): Promise<RaplFound> {
  const zones: Zone[] = [];
  let denied = false;
  let found = false;
  for (const entry of await files.list(powercap)) {
    const match = /^intel-rapl:(\d+)(:\d+)*$/.exec(entry);
    if (match === null) continue;
    const folder = `${powercap}/${entry}`;
    try {
      const name = await files.read(`${folder}/name`);
      const mostJ = Number(await files.read(`${folder}/max_energy_range_uj`)) / 1e6;
      found = true;
      // It is the counter that may be closed to this process; all else is open to everybody.
      await files.read(`${folder}/energy_uj`);
      const isPart = match[2] !== undefined;
      const above = isPart ? await files.read(`${powercap}/intel-rapl:${match[1]}/name`) : '';
      zones.push({
        name: isPart ? `${above}/${name}` : name,
        kind: isPart ? 'part' : name === 'psys' ? 'psys' : 'package',
        folder,
        counter: new WrappingCounter(mostJ, processorBounds.mostW),
      });
    } catch (error) {
      if (error instanceof MachineFileError && error.problem === 'denied') denied = true;
    }
  }
  // A total without one of the packages would be no total.
  const usable = !denied && zones.some(({ kind }) => kind !== 'part');
  return { sensor: usable ? new RaplSensor(files, zones, clock) : null, denied, found };
}
