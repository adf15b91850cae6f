import { z } from 'zod';
import { sourceSchema } from '../../signals/quantities';
import { accountSumsSchema } from './account-sums';
import { againstKey, alwaysMaxKey, idleKey, tenantKey, totalKey } from './energy-rows';
import { unknownChain } from './joined';
import type { JoinedRowEntry, LedgerEntry } from './ledger-entries';

const sumsSchema = accountSumsSchema.extend({ carbonG: z.number().nullable(), servedWithCarbon: z.number() });
const known = z.number().nullable();

/** The first format of a kept account: one JSON object of sums, with grams already made. Read, never written. */
export const ledgerStateV1Schema = z.object({
  version: z.literal(1),
  fromMs: z.number(),
  toMs: z.number(),
  durationS: z.number(),
  energySource: sourceSchema.nullable(),
  total: sumsSchema,
  idle: z.object({ energyJ: known, carbonG: known }),
  tenants: z.record(z.string(), sumsSchema),
  alwaysMax: z.object({
    energyJ: known,
    carbonG: known,
    againstEnergyJ: known,
    againstCarbonG: known,
    comparedS: z.number(),
  }),
  secondsByQuality: z.record(z.string(), z.number()),
  /** "signal, basis" of every reading that was accounted. */
  bases: z.array(z.string()),
  attribution: z.array(z.string()),
  unknownEnergyS: z.number(),
  unknownIntensityS: z.number(),
  unaccountedEnergyJ: z.number(),
});
export type LedgerStateV1 = z.infer<typeof ledgerStateV1Schema>;

type Cell = JoinedRowEntry['cells'][number];

/** Sums of several signals or bases, which the first format did not keep apart. */
const mixedChain = 'mixed';

/**
 * The same account as entries. What the first format did not keep stays unknown: which joules came from which source, hours, and
 * the intensity of single intervals, so that nothing of it is restated. The qualities share one row of seconds each; the grams
 * stand with the first of them.
 */
export function entriesOfV1(state: LedgerStateV1): LedgerEntry[] {
  const { total, idle, tenants, alwaysMax } = state;
  const chain =
    state.bases.length === 0 ? unknownChain : state.bases.length === 1 ? (state.bases[0] ?? '') : mixedChain;
  const settled = (quality: string, durationS: number, cells: Cell[]): LedgerEntry => ({
    kind: 'settled',
    row: {
      hourMs: 0,
      chain: quality === 'unknown' ? unknownChain : chain,
      quality,
      provisional: false,
      durationS,
      intensityS: 0,
      cells,
    },
  });
  const cells: Cell[] = [
    [totalKey, total.energyJ, total.carbonG, state.unaccountedEnergyJ, total.served, total.servedWithCarbon],
    [idleKey, idle.energyJ, idle.carbonG, 0, 0, 0],
    ...Object.entries(tenants).map(([tenant, sums]): Cell => [
      tenantKey(tenant),
      sums.energyJ,
      sums.carbonG,
      0,
      sums.served,
      sums.servedWithCarbon,
    ]),
    [alwaysMaxKey, alwaysMax.energyJ, alwaysMax.carbonG, 0, 0, 0],
    [againstKey, alwaysMax.againstEnergyJ, alwaysMax.againstCarbonG, 0, 0, 0],
  ];
  const account = (
    key: string,
    { carbonG: _, servedWithCarbon: __, ...sums }: z.infer<typeof sumsSchema>,
  ): LedgerEntry => ({
    kind: 'account',
    account: key,
    sums,
  });
  const energyOnly = (key: string, energyJ: number | null): LedgerEntry => ({
    kind: 'account',
    account: key,
    sums: { ...noSums, energyJ },
  });
  const qualities = Object.entries(state.secondsByQuality);
  const first = qualities.find(([quality]) => quality !== 'unknown') ?? qualities[0] ?? ['unknown', 0];
  return [
    {
      kind: 'summary',
      summary: {
        fromMs: state.fromMs,
        toMs: state.toMs,
        durationS: state.durationS,
        energySource: state.energySource,
        joulesBySource: {},
        unknownEnergyS: state.unknownEnergyS,
        comparedS: alwaysMax.comparedS,
        restatedIntervals: 0,
        spread: { seconds: 0, sum: 0, sumOfSquares: 0 },
      },
    },
    account(totalKey, total),
    energyOnly(idleKey, idle.energyJ),
    ...Object.entries(tenants).map(([tenant, sums]) => account(tenantKey(tenant), sums)),
    energyOnly(alwaysMaxKey, alwaysMax.energyJ),
    energyOnly(againstKey, alwaysMax.againstEnergyJ),
    settled(first[0], first[1], cells),
    ...qualities.filter(([quality]) => quality !== first[0]).map(([quality, seconds]) => settled(quality, seconds, [])),
    ...state.attribution.map((attribution): LedgerEntry => ({
      kind: 'grid',
      grid: {
        provider: 'not recorded',
        zone: 'not recorded',
        signal: 'average',
        basis: 'unknown',
        attribution,
        version: null,
        datasetYear: null,
      },
    })),
  ];
}

const noSums = {
  energyJ: null,
  offered: 0,
  served: 0,
  inTime: 0,
  accuracySum: 0,
  accuracyCount: 0,
  latencySumMs: 0,
  latencyCount: 0,
  servedWithEnergy: 0,
  swaps: 0,
};
