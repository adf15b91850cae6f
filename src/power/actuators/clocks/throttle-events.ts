import type { Machine } from '../../machine/machine';
import { parseWhole } from './frequency';

/** What the hardware has done by itself against too much current, too little voltage or heat. Only ever observed. */
export interface ThrottleEvents {
  /** Since boot. Each halves the clocks for about a millisecond, which no clock reading shows. */
  readonly overCurrent: readonly { readonly name: string; readonly meaning: string; readonly count: number }[];
  /** Alerts that slow the machine down, and whether they do so now. */
  readonly alerts: readonly { readonly name: string; readonly active: boolean }[];
}

const meanings: Readonly<Record<string, string>> = {
  oc1: 'supply voltage too low',
  oc2: 'mean current too high',
  oc3: 'current too high for a moment',
};

/** Reads the counters of over-current events and the state of throttle alerts; what is not there is left out. */
export async function readThrottleEvents({ files }: Machine): Promise<ThrottleEvents> {
  const read = (path: string): Promise<string | null> => files.readIfThere(path).catch(() => null);
  const overCurrent: { name: string; meaning: string; count: number }[] = [];
  for (const entry of await files.list('/sys/class/hwmon')) {
    const folder = `/sys/class/hwmon/${entry}`;
    if ((await read(`${folder}/name`)) !== 'soctherm_oc') continue;
    for (const file of await files.list(folder)) {
      const name = /^(oc\d+)_event_cnt$/.exec(file)?.[1];
      const count = name === undefined ? null : parseWhole(await read(`${folder}/${file}`));
      if (name !== undefined && count !== null)
        overCurrent.push({ name, meaning: meanings[name] ?? 'over-current', count });
    }
  }
  const alerts: { name: string; active: boolean }[] = [];
  for (const entry of await files.list('/sys/class/thermal')) {
    if (!entry.startsWith('cooling_device')) continue;
    const name = await read(`/sys/class/thermal/${entry}/type`);
    if (name?.endsWith('-throttle-alert') !== true) continue;
    const state = parseWhole(await read(`/sys/class/thermal/${entry}/cur_state`));
    if (state !== null) alerts.push({ name, active: state > 0 });
  }
  return { overCurrent, alerts };
}
