import type { BoardReading } from './board-reading';
import type { ConfMode, NvpmodelConf } from './conf';
import { demandsOf, masksOf } from './mode-demands';
import type { JetsonSoc } from './soc';

const byHand = ({ id }: ConfMode): string =>
  `Set it by hand (sudo nvpmodel -m ${id}) and reboot, or choose another mode.`;

/**
 * Why a mode cannot be put into force now, foretold: nvpmodel itself would ask on a terminal whether to reboot. Units of the GPU
 * can only be switched before anything uses it, and an Orin does not let go of cores either.
 * @returns null when it can
 */
export function refusalOf(
  mode: ConfMode,
  conf: NvpmodelConf,
  board: BoardReading,
  soc: JetsonSoc | null,
): string | null {
  const demands = demandsOf(mode, board);
  for (const { name, wanted, found } of masksOf(demands)) {
    if (found === null && masksDiffer(name, conf, board)) {
      return `Whether ${mode.name} needs a reboot cannot be told: ${name} cannot be read, and the modes differ in it. ${byHand(mode)}`;
    }
    if (found !== null && found !== wanted)
      return `${mode.name} needs a reboot: it sets ${name} to ${wanted}, which is ${found} now. ${byHand(mode)}`;
  }
  if (soc?.family === 'orin' || soc?.family === 'thor') {
    const lost = demands.filter(
      ({ live, wanted }) => live.role.sets === 'core' && wanted === 0 && live.value === 1,
    ).length;
    if (lost > 0) {
      return `${mode.name} needs a reboot: it switches ${lost === 1 ? 'a core' : `${lost} cores`} off. ${byHand(mode)}`;
    }
  }
  return null;
}

function masksDiffer(name: string, conf: NvpmodelConf, board: BoardReading): boolean {
  const wanted = conf.modes.flatMap((mode) =>
    masksOf(demandsOf(mode, board))
      .filter((mask) => mask.name === name)
      .map((mask) => mask.wanted),
  );
  return new Set(wanted).size > 1;
}
