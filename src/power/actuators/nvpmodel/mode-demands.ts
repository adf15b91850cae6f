import { megahertz, isSameClock, parseWhole, roundToTable } from '../clocks/frequency';
import { argumentKey, type BoardReading, type LiveArgument } from './board-reading';
import type { ConfMode } from './conf';
import type { ClockDomain } from './argument-role';

/** What a mode asks of one argument, next to what is there. */
export interface Demand {
  readonly live: LiveArgument;
  /** null: as much as there is. */
  readonly wanted: number | null;
}

const noLimit = 2 ** 31 - 1;

/** -1 of a clock stands for its maximum, and comes out of nvpmodel as the largest 32-bit integer; 0 of EMC for no cap. */
function isUnlimited(value: number, { role }: LiveArgument): boolean {
  if (role.sets !== 'clock') return false;
  return value < 0 || value === noLimit || (value === 0 && role.domain === 'emc');
}

/** The demands of a mode that can be understood, the last one of each argument; values that are no numbers are left out. */
export function demandsOf(mode: ConfMode, board: BoardReading): Demand[] {
  const demands = new Map<string, Demand>();
  for (const entry of mode.values) {
    const live = board.get(argumentKey(entry));
    const value = parseWhole(entry.value);
    if (live === undefined || value === null) continue;
    demands.set(argumentKey(entry), { live, wanted: isUnlimited(value, live) ? null : value });
  }
  return [...demands.values()];
}

/** `same`: exactly as the mode asks; `below`: a clock is limited further; `off`: something else; `unknown`: cannot be read. */
export type Agreement = 'same' | 'below' | 'off' | 'unknown';

/** How far the hardware is from what a mode asks of it. */
export function agreementOf({ live, wanted }: Demand): Agreement {
  const { role, value } = live;
  if (role.sets !== 'clock') return value === null ? 'unknown' : value === wanted ? 'same' : 'off';
  if (value === null) return 'unknown';
  const limit = wanted ?? live.highest;
  // No limit is asked for and the hardware does not tell its highest clock: nothing to compare with.
  if (limit === null) return 'unknown';
  const atMost = live.highest === null ? limit : Math.min(limit, live.highest);
  if (isSameClock(atMost, value, live.table)) return 'same';
  return value < atMost ? 'below' : 'off';
}

/** The highest clock of a domain that a mode allows, MHz, as the hardware will round it; null when it sets none or it is not told. */
export function mostMhz(demands: readonly Demand[], domain: ClockDomain): number | null {
  const limits = demands.filter(({ live: { role } }) => role.sets === 'clock' && role.domain === domain);
  // The table of cores that are switched off is not there.
  const told = limits.filter(({ live }) => live.path !== null);
  const direction = domain === 'cpu' ? 'down' : 'up';
  const clocks = (told.length > 0 ? told : limits).flatMap(({ live, wanted }) => {
    const raw = wanted === null ? live.highest : roundToTable(wanted, live.table, direction);
    return raw === null ? [] : [megahertz(raw)];
  });
  return clocks.length === 0 ? null : Math.max(...clocks);
}

/** Cores that a mode switches on; null when it says nothing of cores. */
export function coresOn(demands: readonly Demand[]): number | null {
  const cores = demands.filter(({ live }) => live.role.sets === 'core');
  return cores.length === 0 ? null : cores.filter(({ wanted }) => wanted !== 0).length;
}

export interface MaskDemand {
  /** Name of the file, e.g. `tpc_pg_mask`. */
  readonly name: string;
  readonly wanted: number;
  /** What is in force; null when it cannot be read. */
  readonly found: number | null;
}

export function masksOf(demands: readonly Demand[]): MaskDemand[] {
  return demands.flatMap(({ live, wanted }) => {
    if (live.role.sets !== 'mask' || wanted === null) return [];
    const path = live.path ?? live.paths[0] ?? '';
    return [{ name: path.slice(path.lastIndexOf('/') + 1), wanted, found: live.value }];
  });
}
