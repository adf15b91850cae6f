import type { Receipt } from '../../../signals/receipt';
import { idleKey, ownerOf, totalKey } from '../energy-rows';
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

export function hourRecords(hours: readonly JoinedRow[]): HourRecord[] {
  return hours.flatMap((row) => {
    const [signal = null, basis = null] = row.chain === unknownChain ? [] : row.chain.split(', ');
    return [...row.cells].flatMap(([key, cell]): HourRecord[] => {
      const owner = ownerOf(key);
      const account = owner === null ? key : owner.variant === null ? 'tenant' : 'variant';
      if (account !== totalKey && account !== idleKey && owner === null) return [];
      return [
        {
          hour: new Date(row.hourMs).toISOString(),
          account: account as HourRecord['account'],
          tenant: owner?.tenant ?? null,
          variant: owner?.variant ?? null,
          energyJ: cell.energyJ,
          carbonG: cell.carbonG,
          unknownCarbonJ: cell.unknownJ,
          served: cell.served,
          durationS: row.durationS,
          intensityGPerKwh: row.chain === unknownChain || row.durationS <= 0 ? null : row.intensityS / row.durationS,
          signal,
          basis,
          quality: row.quality,
          provisional: row.provisional,
        },
      ];
    });
  });
}
