import type { Machine } from '../../machine/machine';
import { isSameClock, parseWhole } from '../clocks/frequency';
import { LiveNvpmodelConf } from './conf-file';
import { parseVerboseListing, parseVerboseQuery, type NamedMode, type RequestedValue } from './output';
import { NvpmodelProgram } from './program';

/** What nvpmodel itself says, for a report: where it and the machine disagree, something else sets clocks too. */
export interface NvpmodelAccount {
  readonly mode: NamedMode | null;
  readonly defaultMode: NamedMode | null;
  /** Clocks, cores and masks that its mode asks for and that are not in force; clocks without a limit (-1) are left out. */
  readonly notInForce: readonly RequestedValue[];
  /** Modes that it lists and this package does not, or the other way round. */
  readonly listedDifferently: readonly string[];
}

const noLimit = 2 ** 31 - 1;

/** Guards against over-current and the GPU's sleep are not what a mode is about. */
const tellingPath = /\/(?:max_freq|scaling_max_freq|online|\w+_pg_mask|emc_iso_cap|clk_cap\/\w+)$/;

function isInForce({ requested, found }: RequestedValue): boolean {
  const wanted = parseWhole(requested);
  const value = parseWhole(found);
  if (wanted === null || value === null) return found === null || requested === found;
  if (wanted === value || wanted < 0 || wanted === noLimit) return true;
  // Only a clock is rounded, and 0 is no cap to a clock.
  return wanted > 1000 ? isSameClock(wanted, value, []) : wanted === 0 && value > 1000;
}

/**
 * Runs `nvpmodel -q --verbose` and `-p --verbose`: for a report, not for steady use.
 * @returns null where the program is not there or does not answer
 * @throws EcomapError as reading the configuration does
 */
export async function readNvpmodelAccount(machine: Machine): Promise<NvpmodelAccount | null> {
  const program = new NvpmodelProgram(machine);
  const [queried, listed] = await Promise.all([program.queryVerbosely(), program.listVerbosely()]);
  if (queried.missing || queried.timedOut) return null;
  const { mode, defaultMode, values } = parseVerboseQuery(queried.text);
  const file = await new LiveNvpmodelConf(machine).readIfThere();
  const theirs = parseVerboseListing(listed.text).modes.map(({ id, name }) => `${id} ${name}`);
  const ours = file?.conf.modes.map(({ id, name }) => `${id} ${name}`) ?? [];
  return {
    mode,
    defaultMode,
    notInForce: values.filter((value) => tellingPath.test(value.path) && !isInForce(value)),
    // An older nvpmodel lists nothing.
    listedDifferently:
      theirs.length === 0
        ? []
        : [...theirs.filter((name) => !ours.includes(name)), ...ours.filter((name) => !theirs.includes(name))],
  };
}
