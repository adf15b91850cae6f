import { setTimeout } from 'node:timers/promises';
import { EcomapError } from '../../../signals/errors';
import { quoted } from '../../../signals/parse';
import type { Machine } from '../../machine/machine';
import type { ProgramOutcome } from '../../machine/programs';
import { expectedPowerW } from '../expected-power';
import type { HardwareState } from '../hardware-actuator';
import { noMemoryCap, type MemoryPairing } from '../clocks/memory-cap';
import { readBoard, type BoardReading } from './board-reading';
import { LiveNvpmodelConf, type NvpmodelConfFile } from './conf-file';
import type { ConfMode, NvpmodelConf } from './conf';
import { compareWithMode, findModeInForce } from './mode-in-force';
import { coresOn, demandsOf, masksOf, mostMhz } from './mode-demands';
import { parseAnswer } from './output';
import { NvpmodelProgram } from './program';
import { refusalOf } from './refusal';
import { findJetsonSoc, type JetsonSoc } from './soc';

/** The configuration and the hardware, both as of now. */
interface Look {
  readonly file: NvpmodelConfFile;
  readonly board: BoardReading;
  readonly soc: JetsonSoc | null;
}

/** Who may change the mode: this process as it is, sudo for the named modes, or nobody. */
export type ModePermission =
  { readonly by: 'ourselves' | 'nobody' } | { readonly by: 'sudo'; readonly modes: readonly string[] };

const notPermitted = ({ id, name }: ConfMode): string =>
  `${name} may not be set by this user: permit "nvpmodel -m ${id}" in the sudo rules that come with the package (folder recipe/).`;

/** A GPU's limit may follow the program by a moment. */
const readBackWaitsMs = [0, 50, 150, 300];

/** The power modes of a Jetson: listed from the live configuration, changed by nvpmodel, proved by reading the hardware. */
export class PowerModes {
  private readonly conf: LiveNvpmodelConf;
  readonly program: NvpmodelProgram;
  private lastKnown: string | null = null;
  private lastLook: Look | null = null;
  private pairings: { readonly conf: NvpmodelConf; readonly found: readonly MemoryPairing[] } | null = null;
  /** Names of the modes that sudo permits; null when it is not by sudo, or not known. */
  private permitted: ReadonlySet<string> | null = null;

  constructor(private readonly machine: Machine) {
    this.conf = new LiveNvpmodelConf(machine);
    this.program = new NvpmodelProgram(machine);
  }

  /** @returns null where the machine has none. @throws EcomapError INVALID_CONFIG, POWER_DENIED, CAP_NOT_ENFORCEABLE */
  readConfIfThere(): Promise<NvpmodelConfFile | null> {
    return this.conf.readIfThere();
  }

  private async look(): Promise<Look> {
    const file = await this.conf.read();
    const [board, soc] = await Promise.all([readBoard(this.machine, file.conf), findJetsonSoc(this.machine)]);
    return (this.lastLook = { file, board, soc });
  }

  /** Whether the second mode is expected to draw less, as of the last look; false when one of them is not known. */
  lowers(from: string, to: string): boolean {
    const look = this.lastLook;
    const [before, after] = [from, to].map((name) => look?.file.conf.modes.find((mode) => mode.name === name));
    if (look === null || before === undefined || after === undefined) return false;
    return expectedPowerW(stateOf(after, look)) < expectedPowerW(stateOf(before, look));
  }

  /** In the order of the configuration file. @throws EcomapError when the configuration cannot be read or understood */
  async states(): Promise<readonly HardwareState[]> {
    const look = await this.look();
    return look.file.conf.modes.map((mode) => {
      const state = stateOf(mode, look);
      const denied = this.permitted !== null && !this.permitted.has(mode.name);
      return denied ? { ...state, refusal: state.refusal ?? notPermitted(mode) } : state;
    });
  }

  /** The mode that the hardware is in, whatever nvpmodel says; null when it is in none. @throws as {@link states} */
  async inForce(): Promise<HardwareState | null> {
    const look = await this.look();
    const mode = await findModeInForce(this.machine, this.program, look.file.conf, look.board, this.lastKnown);
    if (mode === null) return null;
    this.lastKnown = mode.name;
    return stateOf(mode, look);
  }

  /** Which memory clock each mode pairs with which GPU clock. @throws as {@link states} */
  async memoryPairings(): Promise<readonly MemoryPairing[]> {
    const { conf } = await this.conf.read();
    if (this.pairings?.conf === conf) return this.pairings.found;
    const { board } = await this.look();
    const found = conf.modes.flatMap((mode) => {
      const demands = demandsOf(mode, board);
      const emc = demands.find(({ live: { role } }) => role.sets === 'clock' && role.domain === 'emc');
      return emc === undefined ? [] : [{ gpuMhz: mostMhz(demands, 'gpu'), emcRaw: emc.wanted ?? noMemoryCap }];
    });
    // They stay the same as long as the configuration does, once the GPU's clocks are there.
    const isGpuThere = [...board.values()].some(
      ({ role, table }) => role.sets === 'clock' && role.domain === 'gpu' && table.length > 0,
    );
    if (isGpuThere) this.pairings = { conf, found };
    return found;
  }

  /**
   * Finds out who may change the mode; modes that sudo does not permit are refused from then on.
   * @throws as {@link states}
   */
  async findPermission(): Promise<ModePermission> {
    this.permitted = null;
    if (await this.maySetDirectly()) return { by: 'ourselves' };
    const { conf } = await this.conf.read();
    const may = await Promise.all(conf.modes.map(({ id }) => this.program.maySudo(id)));
    const modes = conf.modes.filter((_, index) => may[index]).map(({ name }) => name);
    if (modes.length === 0) return { by: 'nobody' };
    this.permitted = new Set(modes);
    return { by: 'sudo', modes };
  }

  /** May this process write what a mode sets, as nvpmodel would? */
  private async maySetDirectly(): Promise<boolean> {
    const { board } = await this.look();
    const paths = [...board.values()].flatMap(({ path, role }) =>
      path === null || role.sets === 'mask' ? [] : [path],
    );
    const writable = await Promise.all(paths.map((path) => this.machine.files.isWritable(path)));
    return writable.length > 0 && writable.every(Boolean);
  }

  /** @throws EcomapError POWER_DENIED when sudo permits the mode but not the way back */
  private async wayTo(mode: ConfMode, { file }: Look): Promise<'ourselves' | 'sudo'> {
    // Without any permission nvpmodel itself says so.
    if ((await this.maySetDirectly()) || !(await this.program.maySudo(mode.id))) return 'ourselves';
    const before = file.conf.modes.find(({ name }) => name === this.lastKnown);
    if (before === undefined || (await this.program.maySudo(before.id))) return 'sudo';
    throw new EcomapError(
      'POWER_DENIED',
      `sudo permits ${mode.name}, but not ${before.name}, which is in force and would have to be brought back: permit it as well.`,
    );
  }

  /**
   * Changes the mode and proves it.
   * @throws EcomapError INVALID_CONFIG for an unknown name, CAP_NOT_ENFORCEABLE when a reboot would be needed or the
   *   hardware does not follow, POWER_DENIED when nvpmodel was not permitted to
   */
  async change(name: string): Promise<void> {
    const before = await this.look();
    const mode = findMode(before.file, name);
    const refusal = refusalOf(mode, before.file.conf, before.board, before.soc);
    if (refusal !== null) throw new EcomapError('CAP_NOT_ENFORCEABLE', refusal);
    await this.inForce();
    const by = await this.wayTo(mode, before);
    const outcome = await this.program.change(mode.id, by);
    const { agreement, differences, board } = await this.readBack(mode);
    if (agreement === 'in force') {
      this.lastKnown = name;
      return;
    }
    const undone = await this.undo(before, board, by);
    throw failureOf(mode, outcome, differences, undone);
  }

  private async readBack(
    mode: ConfMode,
  ): Promise<ReturnType<typeof compareWithMode> & { readonly board: BoardReading }> {
    const { conf } = await this.conf.read();
    for (const [attempt, waitMs] of readBackWaitsMs.entries()) {
      await setTimeout(waitMs);
      const board = await readBoard(this.machine, conf);
      const comparison = compareWithMode(mode, board);
      if (comparison.agreement === 'in force' || attempt === readBackWaitsMs.length - 1)
        return { ...comparison, board };
    }
    throw new EcomapError('INTERNAL_ERROR', 'The power mode was never read back.');
  }

  /** A change that stopped half-way is taken back, once. @returns what was done about it, in words */
  private async undo(before: Look, board: BoardReading, by: 'ourselves' | 'sudo'): Promise<string> {
    const hasChanged = [...board].some(([key, { value }]) => before.board.get(key)?.value !== value);
    if (!hasChanged) return 'Nothing has changed.';
    const { conf } = before.file;
    const mode = await findModeInForce(this.machine, this.program, conf, before.board, this.lastKnown);
    if (mode === null) return 'It stopped half-way: set a mode by hand (sudo nvpmodel -m ...).';
    await this.program.change(mode.id, by);
    const { agreement } = compareWithMode(mode, await readBoard(this.machine, conf));
    return agreement === 'not'
      ? `It stopped half-way and ${mode.name} could not be brought back: set a mode by hand (sudo nvpmodel -m ${mode.id}).`
      : `It stopped half-way, so ${mode.name} was brought back.`;
  }
}

function findMode({ conf, path }: NvpmodelConfFile, name: string): ConfMode {
  const mode = conf.modes.find((candidate) => candidate.name === name);
  if (mode !== undefined) return mode;
  const names = conf.modes.map((candidate) => candidate.name).join(', ');
  throw new EcomapError('INVALID_CONFIG', `${quoted(name)} is no power mode of ${path}. It has: ${names}.`);
}

function stateOf(mode: ConfMode, { file, board, soc }: Look): HardwareState {
  const demands = demandsOf(mode, board);
  const tpcMask = masksOf(demands).find(({ name }) => name === 'tpc_pg_mask')?.wanted;
  return {
    name: mode.name,
    gpuMhz: mostMhz(demands, 'gpu'),
    cpuMhz: mostMhz(demands, 'cpu'),
    emcMhz: mostMhz(demands, 'emc'),
    cores: coresOn(demands),
    gpuUnits: soc?.gpuUnits == null || tpcMask === undefined ? null : soc.gpuUnits - bitsIn(tpcMask),
    dlaMhz: mostMhz(demands, 'dla'),
    powerLimitW: null,
    refusal: refusalOf(mode, file.conf, board, soc),
  };
}

const bitsIn = (mask: number): number => [...mask.toString(2)].filter((bit) => bit === '1').length;

/** Words by which a program says that it was not allowed to. */
const deniedText = /permission denied|operation not permitted|must be (?:run as )?root|\bE?ACCES\b|: 13$/im;

function failureOf(
  { id, name }: ConfMode,
  outcome: ProgramOutcome,
  differences: readonly string[],
  undone: string,
): EcomapError {
  const { asksForReboot, isRebooting, errors } = parseAnswer(outcome.text);
  const said = errors.length > 0 ? ` It said: ${errors.slice(0, 3).join('; ').slice(0, 300)}.` : '';
  if (outcome.missing) {
    return new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `The program nvpmodel is not there or may not be run, so ${name} cannot be set.`,
    );
  }
  if (isRebooting)
    return new EcomapError('CAP_NOT_ENFORCEABLE', `nvpmodel is rebooting the machine to set ${name}.${said} ${undone}`);
  if (asksForReboot) {
    return new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `nvpmodel would reboot the machine to set ${name}; it was not allowed to. ${undone} Set it by hand (sudo nvpmodel -m ${id}) and reboot, or choose another mode.`,
    );
  }
  if (outcome.timedOut) {
    return new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `nvpmodel did not end in time while setting ${name} and was stopped.${said} ${undone}`,
    );
  }
  if (deniedText.test(outcome.text)) {
    return new EcomapError(
      'POWER_DENIED',
      `nvpmodel may not set ${name} as this user: it needs root.${said} ${undone} Install the sudo rules that come with the package (folder recipe/), or set the mode by hand (sudo nvpmodel -m ${id}).`,
    );
  }
  const ended = outcome.exitCode === 0 ? 'reported success' : `ended with exit code ${outcome.exitCode ?? 'unknown'}`;
  const difference = differences.slice(0, 3).join('; ');
  return new EcomapError(
    'CAP_NOT_ENFORCEABLE',
    `nvpmodel ${ended}, but ${name} is not in force: ${difference}.${said} ${undone}`,
  );
}
