import { basename } from 'node:path';
import { isEcomapError, messageOf } from '../../signals/errors';
import { MachineFileError } from '../machine/files';
import type { Machine } from '../machine/machine';
import type { ProgramOutcome } from '../machine/programs';
import type { RootHelperClient } from './root-helper-client';
import type { Setting } from './setting';

/** A change by a program, as the helper calls it. */
interface ProgramChange {
  readonly key: string;
  readonly value: string;
  /** True for `sudo -l`, which only asks whether it is permitted. */
  readonly onlyAsks: boolean;
}

/** null when it is no change that the helper makes. The helper stands in for sudo, too. */
function changeOf(program: string, args: readonly string[]): ProgramChange | null {
  if (program === 'sudo') {
    const [first, second] = args;
    if (first !== '-n') return null;
    const onlyAsks = second === '-l';
    const [inner = '', ...rest] = args.slice(onlyAsks ? 2 : 1);
    const change = inner === 'sudo' ? null : changeOf(inner, rest);
    return change === null ? null : { ...change, onlyAsks };
  }
  const [first, second, third, fourth] = args;
  if (basename(program) === 'nvpmodel' && args.length === 2 && first === '-m' && second !== undefined)
    return { key: 'nvpmodel', value: second, onlyAsks: false };
  if (basename(program) !== 'nvidia-smi' || args.length !== 4) return null;
  if (first !== '-i' || second === undefined || third !== '-pl' || fourth === undefined) return null;
  return { key: `nvidia-smi:${second}`, value: fourth, onlyAsks: false };
}

/**
 * The same machine, where what this process may not write is written by the root helper: files on the helper's list, power modes
 * by `nvpmodel -m`, limits by `nvidia-smi -pl`. Meters, actuators and settings work on it unchanged.
 */
export function machineWithRootHelper(machine: Machine, helper: RootHelperClient): Machine {
  const { files, programs } = machine;
  return {
    files: {
      ...files,
      isWritable: async (path) => (await files.isWritable(path)) || helper.may(`file:${path}`),
      async write(path, text) {
        try {
          await files.write(path, text);
        } catch (error) {
          const denied = error instanceof MachineFileError && error.problem === 'denied';
          if (!denied || !(await helper.may(`file:${path}`))) throw error;
          await helper.set(`file:${path}`, text);
        }
      },
    },
    programs: {
      ...programs,
      runsAsRoot: (program) => helper.may(program === 'nvpmodel' ? 'nvpmodel' : `${program}:`),
      async run(program, args, options) {
        const change = changeOf(program, args);
        if (change === null || !(await helper.may(change.key, change.value)))
          return programs.run(program, args, options);
        return change.onlyAsks ? permitted : outcomeOf(helper, change);
      },
    },
  };
}

const permitted: ProgramOutcome = { exitCode: 0, text: '', timedOut: false, missing: false };

async function outcomeOf(helper: RootHelperClient, { key, value }: ProgramChange): Promise<ProgramOutcome> {
  try {
    const { exitCode, text } = await helper.set(key, value);
    return { exitCode, text, timedOut: exitCode === null, missing: false };
  } catch (error) {
    const text = isEcomapError(error) && error.code === 'POWER_DENIED' ? 'Insufficient Permissions. ' : '';
    return { exitCode: 255, text: `${text}${messageOf(error)}`, timedOut: false, missing: false };
  }
}

/** A setting whose writing is left to the helper; reading stays with this process. */
export function settingByRootHelper(setting: Setting, helper: RootHelperClient): Setting {
  return {
    ...setting,
    async write(value) {
      await helper.set(setting.key, value);
    },
  };
}
