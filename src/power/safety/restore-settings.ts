import { messageOf } from '../../signals/errors';
import type { RecordedSetting } from './change-record';
import { isSame, type Restored, type Setting } from './setting';

export interface RestoreOutcome extends Restored {
  /** What could not be restored and stays on record. */
  readonly left: readonly RecordedSetting[];
}

/**
 * Puts back what was there before, the last change first, and reads it back. A value that is none of ours any more belongs to
 * somebody else and stays. Never throws.
 * @param settingOfKey null for a key that this version does not know
 */
export async function restoreSettings(
  recorded: readonly RecordedSetting[],
  settingOfKey: (key: string) => Setting | null,
): Promise<RestoreOutcome> {
  const restored: string[] = [];
  const leftToOthers: string[] = [];
  const failed: { key: string; problem: string }[] = [];
  const left: RecordedSetting[] = [];
  // What restoring one setting does to others (a power mode sets the clocks) takes nothing away that was ours before.
  const oursAtFirst = await findOurs(recorded, settingOfKey);
  let rewritten = false;
  for (const entry of recorded.toReversed()) {
    try {
      const setting = settingOfKey(entry.key);
      if (setting === null) throw new Error('this version does not know how to set it');
      const undone = await restoreOne(setting, entry, rewritten && oursAtFirst.has(entry.key));
      rewritten ||= undone && setting.rewritesOthers === true;
      (undone ? restored : leftToOthers).push(entry.key);
    } catch (error) {
      failed.push({ key: entry.key, problem: messageOf(error) });
      left.unshift(entry);
    }
  }
  return { restored, leftToOthers, failed, left };
}

/** The keys whose value is still one of ours. Looks only where one setting rewrites others. */
async function findOurs(
  recorded: readonly RecordedSetting[],
  settingOfKey: (key: string) => Setting | null,
): Promise<Set<string>> {
  const ours = new Set<string>();
  if (!recorded.some(({ key }) => settingOfKey(key)?.rewritesOthers === true)) return ours;
  for (const entry of recorded) {
    const setting = settingOfKey(entry.key);
    const found = (await setting?.read().catch(() => null)) ?? null;
    if (setting !== null && found !== null && isOurs(setting, entry, found)) ours.add(entry.key);
  }
  return ours;
}

const isOurs = (setting: Setting, { before, ours }: RecordedSetting, found: string): boolean =>
  [before, ...ours].some((value) => isSame(setting, value, found));

async function restoreOne(setting: Setting, entry: RecordedSetting, certainlyOurs: boolean): Promise<boolean> {
  const { before } = entry;
  const found = await setting.read();
  if (isSame(setting, before, found)) return true;
  if (!certainlyOurs && !isOurs(setting, entry, found)) return false;
  await setting.write(before);
  const inForce = await setting.read();
  if (!isSame(setting, before, inForce)) throw new Error(`wrote ${before} and read back ${inForce}`);
  return true;
}

/** In words, for a report; null when there was nothing. */
export function restoredText({ restored, leftToOthers, failed }: Restored): string | null {
  const parts = [
    ...(restored.length > 0 ? [`restored: ${restored.join(', ')}`] : []),
    ...(leftToOthers.length > 0 ? [`changed by somebody else meanwhile and left: ${leftToOthers.join(', ')}`] : []),
    ...failed.map(({ key, problem }) => `could not be restored: ${key} (${problem})`),
  ];
  return parts.length > 0 ? parts.join('; ') : null;
}
