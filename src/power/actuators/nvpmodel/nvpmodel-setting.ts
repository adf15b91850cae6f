import { EcomapError } from '../../../signals/errors';
import type { Machine } from '../../machine/machine';
import type { Setting } from '../../safety/setting';
import { PowerModes } from './power-modes';

/** A change of mode shakes the whole machine, and the first seconds after it are slow. */
const leastIntervalMs = 60_000;

/** The power mode as a setting: key `nvpmodel`, value the name of the mode. */
export function nvpmodelSetting(machine: Machine, modes = new PowerModes(machine)): Setting {
  return {
    key: 'nvpmodel',
    leastIntervalMs,
    rewritesOthers: true,
    lowers: (from, to) => modes.lowers(from, to),
    async read() {
      const state = await modes.inForce();
      if (state !== null) return state.name;
      throw new EcomapError(
        'CAP_NOT_ENFORCEABLE',
        'The machine runs in none of its power modes, so what is there now could not be brought back. Set a mode by hand first (sudo nvpmodel -m ...).',
      );
    },
    write: (name) => modes.change(name),
  };
}
