import type { Setting } from './setting';

/** What follows from the kind of a setting, the part of its key before the first colon. */
interface SettingRules {
  /** Least time between two changes, ms, where the setting itself does not say. */
  readonly leastIntervalMs: number;
  /** True where the value is still in force after a reboot, so that it has to be restored even then. */
  readonly survivesReboot: boolean;
}

const rulesByKind: Readonly<Record<string, SettingRules>> = {
  file: { leastIntervalMs: 2_000, survivesReboot: false },
  // The service of the board puts the mode of its status file into force at every boot.
  nvpmodel: { leastIntervalMs: 60_000, survivesReboot: true },
};
const otherKinds: SettingRules = { leastIntervalMs: 5_000, survivesReboot: false };

export const rulesOf = (key: string): SettingRules => rulesByKind[key.split(':')[0] ?? ''] ?? otherKinds;

/** Lowering is the safe direction: it may follow ten times sooner. */
const loweringShare = 0.1;

function lowers(setting: Setting, from: string, to: string): boolean {
  if (setting.lowers !== undefined) return setting.lowers(from, to);
  return from !== '' && to !== '' && Number(to) < Number(from);
}

/**
 * How long to wait before this change, ms; 0 when it may be made now. A raise keeps the whole interval of its kind (2 s for a
 * file, 60 s for nvpmodel), a lowering a tenth of it (0.2 s, 6 s). Since every raise keeps its distance, lowering cannot be
 * used to change a setting often.
 */
export function waitBeforeMs(setting: Setting, change: { from: string; to: string; sinceLastMs: number }): number {
  const leastIntervalMs = setting.leastIntervalMs ?? rulesOf(setting.key).leastIntervalMs;
  const share = lowers(setting, change.from, change.to) ? loweringShare : 1;
  return Math.max(0, leastIntervalMs * share - change.sinceLastMs);
}
