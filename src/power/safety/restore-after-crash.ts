import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import { messageOf } from '../../signals/errors';
import type { Machine } from '../machine/machine';
import { loadRecord, recordPathOf, saveRecord } from './change-record';
import { forgetAtExit, restoreAtExit } from './exit-restore';
import { holderText, isHolderAlive, lockMachine, lockPathOf, MachineHeld, type MachineLock } from './machine-lock';
import { localProcesses, type Processes } from './process-identity';
import { restoreSettings } from './restore-settings';
import type { Restored, Setting } from './setting';
import { rulesOf } from './setting-rules';

export interface CrashRestore extends Restored {
  /** Lost at a reboot, so there was nothing to restore. */
  readonly forgotten: readonly string[];
  /** Who holds the machine now, so that nothing was touched; null when nobody does. */
  readonly heldBy: string | null;
  /** What else the user should know: an unusable record that was put aside, a lock that cannot be made. */
  readonly warnings: readonly string[];
}

export interface CrashRestoreOptions {
  readonly processes?: Processes;
}

/**
 * At the start: undoes what a run that ended without restoring has left on the machine. Never throws.
 * @param settingOfKey the setting behind a recorded key; null when it is not known any more
 */
export async function restoreAfterCrash(
  stateDirectory: string,
  machine: Machine,
  settingOfKey: (key: string) => Setting | null,
  { processes = localProcesses }: CrashRestoreOptions = {},
): Promise<CrashRestore> {
  const recordPath = recordPathOf(stateDirectory, machine.files.root);
  const instance = randomUUID();
  const warnings: string[] = [];
  let lock: MachineLock | null = null;
  try {
    const { record, warning } = await loadRecord(recordPath);
    if (warning !== null) warnings.push(warning);
    const lockPath = await lockPathOf(machine.files.root, recordPath);
    if (record === null && !(await isThere(lockPath))) return { ...nothing, warnings };
    if (record !== null && (await isHolderAlive(record, processes))) {
      return { ...nothing, heldBy: holderText(record), warnings };
    }
    restoreAtExit(instance, () => undefined);
    const content = { process: processes.self(), instance, owner: 'a start after a crash', recordPath };
    lock = await lockMachine(lockPath, content, processes);
    // The dead holder may have had another state directory.
    const paths = new Set([recordPath, lock.predecessor?.recordPath ?? recordPath]);
    const results: RecordOutcome[] = [];
    for (const path of paths) results.push(await restoreRecord(path, settingOfKey, processes));
    return {
      restored: results.flatMap(({ restored }) => restored),
      leftToOthers: results.flatMap(({ leftToOthers }) => leftToOthers),
      failed: results.flatMap(({ failed }) => failed),
      forgotten: results.flatMap(({ forgotten }) => forgotten),
      heldBy: null,
      warnings: [...warnings, ...results.flatMap(({ warning }) => warning ?? [])],
    };
  } catch (error) {
    if (error instanceof MachineHeld) return { ...nothing, heldBy: error.holder, warnings };
    return {
      ...nothing,
      warnings: [...warnings, `What an earlier run has left could not be restored: ${messageOf(error)}`],
    };
  } finally {
    await lock?.release();
    forgetAtExit(instance);
  }
}

const nothing: CrashRestore = {
  restored: [],
  leftToOthers: [],
  failed: [],
  forgotten: [],
  heldBy: null,
  warnings: [],
};

interface RecordOutcome extends Restored {
  readonly forgotten: readonly string[];
  readonly warning: string | null;
}

async function restoreRecord(
  path: string,
  settingOfKey: (key: string) => Setting | null,
  processes: Processes,
): Promise<RecordOutcome> {
  const { record, warning } = await loadRecord(path);
  if (record === null) return { restored: [], leftToOthers: [], failed: [], forgotten: [], warning };
  const bootId = processes.self().bootId;
  const rebooted = record.process.bootId !== null && bootId !== null && record.process.bootId !== bootId;
  const isLost = (key: string): boolean => rebooted && !rulesOf(key).survivesReboot;
  const forgotten = record.settings.map(({ key }) => key).filter(isLost);
  const { left, ...outcome } = await restoreSettings(
    record.settings.filter(({ key }) => !isLost(key)),
    settingOfKey,
  );
  await saveRecord(path, { ...record, settings: left });
  return { ...outcome, forgotten, warning };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
