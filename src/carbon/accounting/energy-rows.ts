import { hourMs } from '../provider';

/** What energy is accounted to: everything, idle, one tenant, one variant, or the two sides of the comparison with always-max. */
export type AccountKey = string;

export const totalKey: AccountKey = 'total';
export const idleKey: AccountKey = 'idle';
/** What always-max would have used, and what was really used in the same windows. */
export const alwaysMaxKey: AccountKey = 'always-max';
export const againstKey: AccountKey = 'against';
/** Names come from outside and may hold anything, so they are quoted. */
export const tenantKey = (tenant: string): AccountKey => JSON.stringify([tenant]);
export const variantKey = (tenant: string, variant: string): AccountKey => JSON.stringify([tenant, variant]);

/** The tenant, and the variant where the account is one variant's; null for the accounts of no tenant. */
export function ownerOf(key: AccountKey): { readonly tenant: string; readonly variant: string | null } | null {
  if (!key.startsWith('[')) return null;
  const [tenant = '', variant = null] = JSON.parse(key) as [string, string?];
  return { tenant, variant };
}

/** Joules of one account in one row, and the requests they served (shares of a window's, so not whole numbers). */
export interface EnergyCell {
  /** null while the energy is unknown. */
  readonly energyJ: number | null;
  readonly served: number;
  readonly servedWithEnergy: number;
}

/** The energy of one stretch of wall time at one intensity: which one, not what it is worth. Never changed, only replaced. */
export interface EnergyRow {
  readonly fromMs: number;
  readonly toMs: number;
  /** Id of an intensity row; null when no reading had come yet. */
  readonly intensity: string | null;
  readonly durationS: number;
  readonly cells: ReadonlyMap<AccountKey, EnergyCell>;
}

/** Where an intensity only stands in, energy is kept in slots as short as the shortest step of any provider. */
export const slotMs = 300_000;

export const rowKey = (row: Pick<EnergyRow, 'fromMs' | 'toMs' | 'intensity'>): string =>
  `${row.fromMs}|${row.toMs}|${row.intensity ?? ''}`;

export const addKnown = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : a + b;

/** Both rows are of the same stretch and intensity. */
export function mergeRows(a: EnergyRow | undefined, b: EnergyRow): EnergyRow {
  if (a === undefined) return b;
  const cells = new Map(a.cells);
  for (const [key, cell] of b.cells) {
    const before = cells.get(key);
    cells.set(
      key,
      before === undefined
        ? cell
        : {
            energyJ: addKnown(before.energyJ, cell.energyJ),
            served: before.served + cell.served,
            servedWithEnergy: before.servedWithEnergy + cell.servedWithEnergy,
          },
    );
  }
  return { ...b, durationS: a.durationS + b.durationS, cells };
}

export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Cuts a stretch of time at whole multiples of `stepMs` (UTC: no change of clocks moves a border). */
export function cutAt(stepMs: number, { fromMs, toMs }: Stretch): Stretch[] {
  const pieces: Stretch[] = [];
  let cursorMs = fromMs;
  while (cursorMs < toMs) {
    const borderMs = Math.min(toMs, (Math.floor(cursorMs / stepMs) + 1) * stepMs);
    pieces.push({ fromMs: cursorMs, toMs: borderMs });
    cursorMs = borderMs;
  }
  return pieces;
}

/** The whole slot or hour that holds a piece. */
export function containing(stepMs: number, timeMs: number): Stretch {
  const fromMs = Math.floor(timeMs / stepMs) * stepMs;
  return { fromMs, toMs: fromMs + stepMs };
}

export const hourOf = (timeMs: number): number => Math.floor(timeMs / hourMs) * hourMs;
