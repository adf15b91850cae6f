import type { EcomapError } from '../../signals/errors';

/**
 * One thing on the machine that can be read and set: a file of `/sys`, the nvpmodel mode, a GPU's power limit. Its key
 * names it on disk, so that the next start can restore it after a crash.
 */
export interface Setting {
  /** Kind and place, e.g. `file:/sys/class/devfreq/17000000.gv11b/max_freq` or `nvpmodel`. */
  readonly key: string;
  /** The present value, as it can be written again. @throws when it cannot be read */
  read(): Promise<string>;
  /** @throws EcomapError POWER_DENIED or CAP_NOT_ENFORCEABLE */
  write(value: string): Promise<void>;
  /** True when both say the same, e.g. a clock that the hardware has rounded. Exact when absent. */
  same?(wanted: string, found: string): boolean;
  /** Least time between two changes, where it takes more than any other setting (a change of the nvpmodel mode). */
  readonly leastIntervalMs?: number;
  /** True when the change lowers the power, which is allowed sooner. By number when absent; what is no number never is. */
  lowers?(from: string, to: string): boolean;
  /** True when writing it sets others, too (a power mode sets the clocks): their new values are no other program's doing. */
  readonly rewritesOthers?: boolean;
}

/** Whether a value is the wanted one, by the setting's own judgement. */
export const isSame = (setting: Setting, wanted: string, found: string): boolean =>
  setting.same?.(wanted, found) ?? wanted === found;

/** What a change would do or did. */
export interface SettingChange {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  /** Read back after writing; null in a dry run. */
  readonly inForce: string | null;
}

/** What became of the settings of an earlier run, or of this one at its end. */
export interface Restored {
  /** Back to what was there before the first write. */
  readonly restored: readonly string[];
  /** Somebody else has changed it meanwhile: left as it is. */
  readonly leftToOthers: readonly string[];
  readonly failed: readonly { readonly key: string; readonly problem: string }[];
}

/**
 * The only way by which anything of ours changes the machine. Before the first write of a setting it records on disk what
 * was there; every write is read back; at the end, and at the next start after a crash, what was there is restored, but only
 * where the value is still ours.
 */
export interface MachineChanges {
  /** True: nothing is written, changes are only told. */
  readonly dryRun: boolean;
  /**
   * @throws EcomapError POWER_DENIED when the machine refuses, CAP_NOT_ENFORCEABLE when the value did not stick, is too
   *   soon after the last change, or belongs to another manager
   */
  set(setting: Setting, value: string): Promise<SettingChange>;
  /** Restores everything that was set through here. Never throws. */
  restore(): Promise<Restored>;
  /** The last things that went wrong, for the report. */
  readonly problems: readonly EcomapError[];
}
