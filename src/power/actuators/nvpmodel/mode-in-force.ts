import type { Machine } from '../../machine/machine';
import type { BoardReading } from './board-reading';
import type { ConfMode, NvpmodelConf } from './conf';
import { agreementOf, demandsOf, type Demand } from './mode-demands';
import { parseAnswer, parseStatusFile } from './output';
import type { NvpmodelProgram } from './program';

export const statusPath = '/var/lib/nvpmodel/status';

/** `in force`: the hardware is as the mode asks; `limited further`: so, but a clock is held lower; `not`: it is not so. */
export type ModeAgreement = 'in force' | 'limited further' | 'not';

/** What decides whether a mode is in force: cores, masks, and the highest clocks of CPU and GPU. */
function isTelling({ live: { role } }: Demand): boolean {
  if (role.sets !== 'clock') return true;
  return role.domain === 'cpu' || role.domain === 'gpu';
}

const describe = ({ live, wanted }: Demand): string =>
  `${live.parameter} ${live.argument} is ${live.value ?? 'not readable'} instead of ${wanted ?? 'the most there is'}`;

/** Compares the hardware with what a mode asks; neither an exit code nor `-q` nor the status file proves that it is in force. */
export function compareWithMode(
  mode: ConfMode,
  board: BoardReading,
): { readonly agreement: ModeAgreement; readonly differences: readonly string[] } {
  const telling = demandsOf(mode, board).filter(isTelling);
  const judged = telling.map((demand) => ({ demand, agreement: agreementOf(demand) }));
  const wrong = judged.filter(
    ({ demand, agreement }) => agreement === 'off' || (agreement === 'unknown' && !isExcused(demand, telling)),
  );
  const below = judged.filter(({ agreement }) => agreement === 'below');
  return {
    agreement: telling.length === 0 || wrong.length > 0 ? 'not' : below.length > 0 ? 'limited further' : 'in force',
    differences: [...wrong, ...below].map(({ demand }) => describe(demand)),
  };
}

/**
 * What cannot be read proves nothing, with two exceptions: the clock of cores that are switched off is not there, so long as
 * another CPU clock is; and a mask that this kernel does not show leaves cores and clocks to tell.
 */
function isExcused({ live: { role, path } }: Demand, telling: readonly Demand[]): boolean {
  if (path !== null) return false;
  if (role.sets === 'mask') return true;
  return (
    role.sets === 'clock' &&
    role.domain === 'cpu' &&
    telling.some(({ live }) => live.role.sets === 'clock' && live.role.domain === 'cpu' && live.value !== null)
  );
}

/** What nvpmodel believes to have set, from its status file, or from the program where there is none. */
async function claimedMode(machine: Machine, program: NvpmodelProgram, conf: NvpmodelConf): Promise<ConfMode | null> {
  const status = await machine.files.readIfThere(statusPath).catch(() => null);
  const id = status === null ? null : parseStatusFile(status);
  const byId = id === null ? undefined : conf.modes.find((mode) => mode.id === id);
  if (byId !== undefined) return byId;
  const { mode } = parseAnswer((await program.query()).text);
  return conf.modes.find(({ name }) => name === mode?.name) ?? null;
}

/**
 * The mode that the hardware is in. Clock caps on top of a mode can make it look like a lower one, and two modes may differ in
 * what cannot be seen: then the mode that was known before, and nvpmodel's own word, decide, but only between modes that the
 * hardware does not contradict.
 *
 * @param lastKnown the name of the mode that was found or set last; null at first
 * @returns null when it is in none of them
 */
export async function findModeInForce(
  machine: Machine,
  program: NvpmodelProgram,
  conf: NvpmodelConf,
  board: BoardReading,
  lastKnown: string | null,
): Promise<ConfMode | null> {
  const judged = conf.modes.map((mode) => ({ mode, agreement: compareWithMode(mode, board).agreement }));
  const fitting = judged.filter(({ agreement }) => agreement !== 'not').map(({ mode }) => mode);
  const exact = judged.filter(({ agreement }) => agreement === 'in force').map(({ mode }) => mode);
  if (fitting.length === 0) return null;
  const [only = null] = exact;
  if (exact.length === 1 && (lastKnown === null || lastKnown === only?.name)) return only;
  const claimed = await claimedMode(machine, program, conf);
  const named = (modes: readonly ConfMode[], name: string | undefined): ConfMode | undefined =>
    modes.find((mode) => mode.name === name);
  const certain = named(exact, claimed?.name) ?? named(fitting, lastKnown ?? undefined);
  if (certain !== undefined) return certain;
  return exact.length > 0 ? (exact.length === 1 ? only : null) : (named(fitting, claimed?.name) ?? null);
}
