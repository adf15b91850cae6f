import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Receipt } from '../../../signals/receipt';
import { idleKey, ownerOf, totalKey, type AccountKey } from '../energy-rows';
import { unknownChain, type JoinedRow } from '../joined';

/** What a report is made of. */
export interface LedgerReport {
  /** The user's name for the ledger. */
  readonly name: string;
  readonly receipt: Receipt;
  /** Hour by hour, as far as the retention reaches. */
  readonly hours: readonly JoinedRow[];
}

/** One hour (UTC) of one account, one signal and basis, one quality. */
export interface HourRecord {
  readonly hour: string;
  readonly account: 'total' | 'idle' | 'tenant' | 'variant';
  readonly tenant: string | null;
  readonly variant: string | null;
  readonly energyJ: number | null;
  readonly carbonG: number | null;
  readonly unknownCarbonJ: number;
  /** A window that goes over the hour counts for both by its share of time. */
  readonly served: number;
  /** Seconds of the hour that were accounted. */
  readonly durationS: number;
  /** Mean over that time; null while unknown. */
  readonly intensityGPerKwh: number | null;
  readonly signal: string | null;
  readonly basis: string | null;
  readonly quality: string;
  /** A later word of the provider may change the grams. */
  readonly provisional: boolean;
}

/** Rows that are written out before others get their turn. */
const rowsPerTurn = 32;

export async function* hourRecords(hours: readonly JoinedRow[]): AsyncGenerator<HourRecord> {
  for (const [index, row] of hours.entries()) {
    if (index % rowsPerTurn === rowsPerTurn - 1) await nextTurn();
    yield* recordsOf(row);
  }
}

function recordsOf(row: JoinedRow): HourRecord[] {
  const hour = new Date(row.hourMs).toISOString();
  const isKnown = row.chain !== unknownChain;
  const [signal = null, basis = null] = isKnown ? row.chain.split(', ') : [];
  const intensityGPerKwh = isKnown && row.durationS > 0 ? row.intensityS / row.durationS : null;
  return [...row.cells].flatMap(([key, cell]): HourRecord[] => {
    const account = accountOf(key);
    if (account === null) return [];
    return [
      {
        hour,
        ...account,
        energyJ: cell.energyJ,
        carbonG: cell.carbonG,
        unknownCarbonJ: cell.unknownJ,
        served: cell.served,
        durationS: row.durationS,
        intensityGPerKwh,
        signal,
        basis,
        quality: row.quality,
        provisional: row.provisional,
      },
    ];
  });
}

/** null for the sides of comparisons. */
function accountOf(key: AccountKey): Pick<HourRecord, 'account' | 'tenant' | 'variant'> | null {
  if (key === totalKey) return { account: 'total', tenant: null, variant: null };
  if (key === idleKey) return { account: 'idle', tenant: null, variant: null };
  const owner = ownerOf(key);
  return owner === null ? null : { account: owner.variant === null ? 'tenant' : 'variant', ...owner };
}
