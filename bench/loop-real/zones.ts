import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { GridConfigInput } from '../../src/carbon/grid-config';
import { traceFolder } from '../forecast/traces';

/** A grid day that is played. */
export interface PlayedZone {
  readonly name: string;
  readonly grid: GridConfigInput;
  readonly what: string;
}

/** A day in July (of the year, from 0): none that any constant was set on. */
const day = 190;

/** Of the recorded zones, one whose intensity swings over a day (standard deviation 22 % of the mean) and one where it does not (5 %). */
const recorded: Readonly<Record<string, string>> = { varying: 'eia-2022/CISO', flat: 'eia-2022/PJM' };

/**
 * @param wanted `simulated`, `varying`, `flat`, or a file below the folder of traces without `.csv`, e.g. `carbonx-2021/DE`
 * @returns what is there; what is not is named with the reason
 */
export function playedZones(
  wanted: readonly string[],
  folder: string = traceFolder,
): { zones: PlayedZone[]; skipped: string[] } {
  const zones: PlayedZone[] = [];
  const skipped: string[] = [];
  for (const name of new Set(wanted)) {
    if (name === 'simulated') {
      zones.push({
        name,
        grid: { provider: 'simulated', zone: 'simulated day' },
        what: 'simulated day, midnight to midnight',
      });
      continue;
    }
    const trace = recorded[name] ?? name;
    const path = join(folder, `${trace}.csv`);
    if (!existsSync(path)) {
      skipped.push(`${name}: ${path} is not there`);
      continue;
    }
    const what = `${trace}, recorded, day ${day + 1} of the file, midnight to midnight UTC`;
    zones.push({ name, grid: { provider: 'trace', path, zone: trace, startOffsetH: day * 24 }, what });
  }
  return { zones, skipped };
}
