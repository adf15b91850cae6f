import type { Machine } from '../machine/machine';
import { fileSetting, pathOfKey } from '../safety/file-setting';
import type { Setting } from '../safety/setting';
import { cardOfKey, nvidiaLimitSetting } from './nvidia-limits';
import { nvpmodelSetting } from './nvpmodel/nvpmodel-setting';
import { limitToleranceUw } from './rapl';

/** Every file that an actuator of this package sets, and nothing else: upper limits of clocks and of power. */
const settableFiles: readonly RegExp[] = [
  /^\/sys\/(?:[\w.:@-]+\/)+max_freq$/,
  /^\/sys\/devices\/system\/cpu\/(?:cpufreq\/policy\d+|cpu\d+\/cpufreq)\/scaling_max_freq$/,
  /^\/sys\/devices\/system\/cpu\/intel_pstate\/max_perf_pct$/,
  /^\/sys\/class\/powercap\/intel-rapl(?:-mmio)?:\d+\/constraint_\d_(?:power_limit_uw|time_window_us)$/,
  /^\/sys\/kernel\/(?:nvpmodel_emc_cap\/emc_iso_cap|nvpmodel_clk_cap\/emc)$/,
];
/** Power limits are kept in units of 1/8 W, and a crash may come before the rounded value is on record. */
const roundingOf = (path: string): Setting['same'] =>
  path.endsWith('_power_limit_uw')
    ? (wanted, found) => Math.abs(Number(wanted) - Number(found)) <= limitToleranceUw
    : undefined;

/** The folder of a clock's upper limit, so that no other `max_freq` is meant. */
const clockFolder = /\/(?:devfreq|devfreq_dev)\//;
const stepsUp = /\/\.\.?(?:\/|$)/;

const isSettable = (path: string): boolean =>
  settableFiles.some((pattern) => pattern.test(path)) &&
  !stepsUp.test(path) &&
  (!path.endsWith('/max_freq') || clockFolder.test(path));

/**
 * The setting behind a key of the record, for the restore after a crash; null for a key that no actuator of this version sets.
 * A record is a file that somebody could have changed: nothing but the limits that actuators set is ever written because of it.
 */
export function settingOfKey(machine: Machine): (key: string) => Setting | null {
  return (key) => {
    if (key === 'nvpmodel') return nvpmodelSetting(machine);
    const path = pathOfKey(key);
    if (path !== null) return isSettable(path) ? fileSetting(machine, path, roundingOf(path)) : null;
    const uuid = cardOfKey(key);
    return uuid === null || !/^(?:GPU|MIG)-[\w-]+$/.test(uuid) ? null : nvidiaLimitSetting(machine, uuid);
  };
}
