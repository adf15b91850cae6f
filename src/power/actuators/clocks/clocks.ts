import { EcomapError } from '../../../signals/errors';
import { quoted } from '../../../signals/parse';
import type { Machine } from '../../machine/machine';
import { fileSetting } from '../../safety/file-setting';
import type { MachineChanges, Setting, SettingChange } from '../../safety/setting';
import type { HardwareActuator, HardwareState } from '../hardware-actuator';
import type { PowerModes } from '../nvpmodel/power-modes';
import { Ceilings } from './ceilings';
import { readClocks, stepsOf, type ClockReading, type ClockReadings, type ClockStep } from './clock-domain';
import { findClockLock } from './clock-lock';
import { isSameClock, megahertz, parseWhole, roundToTable, unitsPerMhz } from './frequency';
import { ladderOf, rungName, type Rung } from './ladder';
import {
  findMemoryCap,
  isSameMemoryCap,
  lowersMemoryCap,
  noMemoryCap,
  pairedMemoryCap,
  type MemoryCap,
  type MemoryPairing,
} from './memory-cap';

interface MemoryState extends MemoryCap {
  readonly ceiling: number;
  readonly pairings: readonly MemoryPairing[];
}

/** The clocks as they are, and what may be made of them. */
interface Look {
  readonly readings: ClockReadings;
  readonly memory: MemoryState | null;
  readonly mode: HardwareState | null;
  readonly rungs: readonly Rung[];
  readonly refusal: string | null;
  readonly cores: number | null;
}

/** One limit of a state, ready to be written. */
interface Target {
  readonly setting: Setting;
  readonly path: string;
  /** As it is written. */
  readonly to: number;
  readonly lowers: boolean;
}

const nameForm = /^(GPU \d+ MHz)?(, )?(CPU \d+\.\d\d GHz)?$/;

/**
 * Caps the clocks of GPU, CPU and memory between the power modes. Only upper limits are written, and never above what the power
 * mode or a user has set: lower limits, governors, voltages, fans and guards stay as they are, and no core is switched.
 */
export class ClocksActuator implements HardwareActuator {
  readonly name = 'clocks';
  private readonly ceilings = new Ceilings();

  /** @param modes the board's power modes, whose caps hold here too; null where it has none */
  constructor(
    private readonly machine: Machine,
    private readonly changes: MachineChanges,
    readonly method: string,
    private readonly modes: PowerModes | null,
  ) {}

  async states(): Promise<readonly HardwareState[]> {
    const look = await this.look();
    return look.rungs.map((rung) => stateOf(rung, look));
  }

  async apply(name: string): ReturnType<HardwareActuator['apply']> {
    const look = await this.look();
    const rung = look.rungs.find((candidate) => rungName(candidate) === name);
    if (rung === undefined) throw unknownState(name, look);
    if (look.refusal !== null) throw new EcomapError('CAP_NOT_ENFORCEABLE', look.refusal);
    // What saves power comes first, so that the way there never needs more than both ends.
    const targets = this.targetsOf(rung, look).toSorted((a, b) => Number(b.lowers) - Number(a.lowers));
    const changes: SettingChange[] = [];
    for (const { setting, path, to } of targets) {
      const change = await this.changes.set(setting, String(to));
      const inForce = parseWhole(change.inForce);
      if (inForce !== null) this.ceilings.wrote(path, inForce);
      changes.push(change);
    }
    return { inForce: await this.readBack(), changes };
  }

  async readBack(): Promise<HardwareState | null> {
    const look = await this.look();
    const rung = look.rungs.find((candidate) => this.targetsOf(candidate, look).length === 0);
    return rung === undefined ? null : stateOf(rung, look);
  }

  private async look(): Promise<Look> {
    // A configuration of power modes that cannot be understood takes nothing from the clocks.
    const [readings, mode, memoryCap, pairings, cores] = await Promise.all([
      readClocks(this.machine),
      this.modes?.inForce().catch(() => null) ?? null,
      findMemoryCap(this.machine),
      this.modes?.memoryPairings().catch(() => []) ?? [],
      countCores(this.machine),
    ]);
    const memory =
      memoryCap === null || pairings.length === 0
        ? null
        : { ...memoryCap, pairings, ceiling: this.ceilings.see(memoryCap.path, memoryCap.raw) };
    const highest = (reading: ClockReading, modeMhz: number | null): number => {
      const ceiling = this.ceilings.see(reading.files.most, reading.most);
      // A ceiling that rounds to the mode's clock is the mode's own: it stays as it was written.
      const ceilingMhz = megahertz(roundToTable(ceiling, reading.table, reading.files.rounds));
      return modeMhz === null || ceilingMhz <= modeMhz ? ceiling : Math.round(modeMhz * unitsPerMhz(ceiling));
    };
    const steps = (group: readonly ClockReading[], modeMhz: number | null): ClockStep[] => {
      const fastest = group.toSorted((a, b) => highest(b, modeMhz) - highest(a, modeMhz))[0];
      if (fastest === undefined) return [];
      const most = highest(fastest, modeMhz);
      return this.changes.dryRun || group.every(({ writable }) => writable)
        ? stepsOf(fastest, Math.max(most, fastest.least))
        : stepsOf(fastest, fastest.most).slice(-1);
    };
    const gpuUnits = mode?.gpuUnits ?? null;
    return {
      readings,
      memory,
      mode,
      cores,
      rungs: ladderOf(steps(readings.gpu, mode?.gpuMhz ?? null), steps(readings.cpu, mode?.cpuMhz ?? null), {
        cores,
        gpuUnits,
      }),
      refusal: findClockLock(readings, ({ files, most }) => this.ceilings.isOurs(files.most, most)),
    };
  }

  /** The limits that differ from what is in force. */
  private targetsOf(rung: Rung, { readings, memory }: Look): Target[] {
    const targets = [...this.clockTargets(readings.gpu, rung.gpu), ...this.clockTargets(readings.cpu, rung.cpu)];
    const emcRaw = memory === null ? null : emcOf(rung, memory);
    if (memory !== null && emcRaw !== null && !isSameMemoryCap(emcRaw, memory.raw, memory.pairings)) {
      const { path, raw, pairings } = memory;
      const setting: Setting = {
        ...fileSetting(this.machine, path, (wanted, found) =>
          isSameMemoryCap(Number(wanted), parseWhole(found) ?? Number.NaN, pairings),
        ),
        lowers: (from, to) => lowersMemoryCap(Number(from), Number(to)),
      };
      targets.push({ setting, path, to: emcRaw, lowers: lowersMemoryCap(raw, emcRaw) });
    }
    return targets;
  }

  private clockTargets(group: readonly ClockReading[], step: ClockStep | null): Target[] {
    if (step === null) return [];
    return group.flatMap((reading) => {
      const { files, most, least, table } = reading;
      const ceiling = this.ceilings.see(files.most, most);
      // Clusters may have other tables: each takes what is nearest below, but never less than its own lower limit.
      const wanted = Math.min(ceiling, Math.round(step.mhz * unitsPerMhz(table.at(-1) ?? most)));
      const entry =
        table.includes(step.raw) || step.raw === most ? step.raw : (table.findLast((at) => at <= wanted) ?? most);
      const to = Math.max(Math.min(entry, ceiling), least);
      if (isSameClock(to, most, table)) return [];
      const same: Setting['same'] = (asked, found) =>
        isSameClock(Number(asked), parseWhole(found) ?? Number.NaN, table);
      return [{ setting: fileSetting(this.machine, files.most, same), path: files.most, to, lowers: to < most }];
    });
  }
}

const emcOf = ({ gpu }: Rung, { pairings, ceiling }: MemoryState): number | null =>
  gpu === null ? null : pairedMemoryCap(gpu.mhz, pairings, ceiling);

function stateOf(rung: Rung, { memory, mode, refusal, cores }: Look): HardwareState {
  const emcRaw = memory === null ? null : emcOf(rung, memory);
  return {
    name: rungName(rung),
    gpuMhz: rung.gpu?.mhz ?? null,
    cpuMhz: rung.cpu?.mhz ?? null,
    emcMhz: emcRaw === null ? (mode?.emcMhz ?? null) : emcRaw === noMemoryCap ? null : megahertz(emcRaw),
    cores,
    gpuUnits: mode?.gpuUnits ?? null,
    dlaMhz: mode?.dlaMhz ?? null,
    powerLimitW: null,
    refusal,
  };
}

function unknownState(name: string, { rungs }: Look): EcomapError {
  const [top] = rungs;
  const bottom = rungs.at(-1);
  if (top === undefined || bottom === undefined) {
    return new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      'No clock of this machine can be read (any more), so none can be capped.',
    );
  }
  const offered = `Offered now: from ${rungName(top)} down to ${rungName(bottom)}.`;
  return name !== '' && nameForm.test(name)
    ? new EcomapError(
        'CAP_NOT_ENFORCEABLE',
        `${quoted(name)} is not offered in the power mode and under the lower limits in force. ${offered}`,
      )
    : new EcomapError('INVALID_CONFIG', `${quoted(name)} is no state of the clocks of this machine. ${offered}`);
}

/** Cores that are switched on; null when the kernel does not tell. */
async function countCores({ files }: Machine): Promise<number | null> {
  const text = await files.readIfThere('/sys/devices/system/cpu/online').catch(() => null);
  const ranges = text?.split(',').map((range) => /^(\d+)(?:-(\d+))?$/.exec(range.trim()));
  if (ranges === undefined || ranges.some((range) => range === null)) return null;
  return ranges.reduce((sum, range) => sum + Number(range?.[2] ?? range?.[1]) - Number(range?.[1]) + 1, 0);
}
