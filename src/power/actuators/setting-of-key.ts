import { posix } from 'node:path';
import type { Machine } from '../machine/machine';
import { fileSetting, pathOfKey } from '../safety/file-setting';
import type { Setting } from '../safety/setting';
import { cardOfKey, nvidiaLimitSetting } from './nvidia-limits';
import { nvpmodelSetting } from './nvpmodel/nvpmodel-setting';

/**
 * The setting behind a key of the record, for the restore after a crash; null for a key that no actuator of this version sets.
 * A record is a file that somebody could have changed: nothing outside of `/sys` is ever written because of it.
 */
export function settingOfKey(machine: Machine): (key: string) => Setting | null {
  return (key) => {
    if (key === 'nvpmodel') return nvpmodelSetting(machine);
    const path = pathOfKey(key);
    if (path !== null)
      return posix.normalize(path) === path && path.startsWith('/sys/') ? fileSetting(machine, path) : null;
    const uuid = cardOfKey(key);
    return uuid === null ? null : nvidiaLimitSetting(machine, uuid);
  };
}
