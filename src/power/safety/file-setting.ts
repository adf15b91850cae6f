import { EcomapError, messageOf } from '../../signals/errors';
import { MachineFileError } from '../machine/files';
import type { Machine } from '../machine/machine';
import type { Setting } from './setting';

const prefix = 'file:';

/** The path of a setting that is a file; null for other settings. */
export const pathOfKey = (key: string): string | null => (key.startsWith(prefix) ? key.slice(prefix.length) : null);

/** What to tell when a file could not be read or written, with what would help. */
function fileTrouble(action: 'read' | 'written', path: string, error: unknown): EcomapError {
  const options = { cause: error };
  if (!(error instanceof MachineFileError))
    return new EcomapError('CAP_NOT_ENFORCEABLE', `${path} cannot be ${action}: ${messageOf(error)}`, options);
  switch (error.problem) {
    case 'denied':
      return new EcomapError(
        'POWER_DENIED',
        `${path} may not be ${action} by this user: install the permission rules that come with the package (folder recipe/)`,
        options,
      );
    case 'read-only':
      return new EcomapError(
        'POWER_DENIED',
        `${path} is read-only here, as /sys is in a container: run Node-RED on the host to set it`,
        options,
      );
    case 'missing':
      return new EcomapError(
        'CAP_NOT_ENFORCEABLE',
        `${path} is not there (any more), so it cannot be ${action}`,
        options,
      );
    case 'failed':
      return new EcomapError('CAP_NOT_ENFORCEABLE', `${path} cannot be ${action}: ${error.message}`, options);
  }
}

/**
 * A file of `/sys` as a setting; its key is `file:` and the path.
 * @param same when the hardware rounds what it is given
 */
export function fileSetting(machine: Machine, path: string, same?: Setting['same']): Setting {
  return {
    key: `${prefix}${path}`,
    async read() {
      try {
        return await machine.files.read(path);
      } catch (error) {
        throw fileTrouble('read', path, error);
      }
    },
    async write(value) {
      try {
        await machine.files.write(path, value);
      } catch (error) {
        throw fileTrouble('written', path, error);
      }
    },
    ...(same === undefined ? {} : { same }),
  };
}
