import { carbonBasisSchema, carbonSignalSchema } from '../../signals/carbon';
import type { Account, Receipt, VariantAccount } from '../../signals/receipt';
import { emptySums, type AccountSums } from './account-sums';
import { constantCapOf, splitInWords } from './counterfactual';
import { againstKey, alwaysMaxKey, idleKey, ownerOf, totalKey, type AccountKey } from './energy-rows';
import { cellOver, unknownChain, type JoinedCell, type JoinedRow } from './joined';
import type { LedgerBooks } from './ledger-books';
import { softwareCarbonIntensity, type Embodied } from './software-carbon-intensity';

/** What the books say now. */
export function receiptOf(books: LedgerBooks, embodied: Embodied | null): Receipt {
  const { summary } = books;
  const rows = [...books.sums().rows()];
  const total = accountOf(books, rows, null, totalKey);
  const totalCell = cellOver(rows, totalKey);
  const alwaysMax = {
    energyJ: energyOf(books, alwaysMaxKey),
    carbonG: cellOver(rows, alwaysMaxKey).carbonG,
    againstEnergyJ: energyOf(books, againstKey),
    againstCarbonG: cellOver(rows, againstKey).carbonG,
    comparedS: summary.comparedS,
  };
  const constantCap = constantCapOf(rows);
  const secondsByQuality = secondsBy(rows);
  const chains = chainsOf(rows);
  const latest = books.timeline.latest;
  return {
    from: new Date(summary.fromMs).toISOString(),
    to: new Date(summary.toMs).toISOString(),
    durationS: summary.durationS,
    energySource: summary.energySource,
    total,
    idle: { energyJ: energyOf(books, idleKey), carbonG: cellOver(rows, idleKey).carbonG },
    tenants: tenantsOf(books, rows),
    alwaysMax: {
      ...alwaysMax,
      savedEnergyPct: savedPct(alwaysMax.energyJ, alwaysMax.againstEnergyJ),
      savedCarbonPct: savedPct(alwaysMax.carbonG, alwaysMax.againstCarbonG),
    },
    constantCap: { ...constantCap, words: splitInWords(constantCap, summary.spread) },
    sci: softwareCarbonIntensity(totalCell, total.served, summary.durationS, embodied),
    carbon: {
      intensityGPerKwh: latest === null ? null : (books.intensities.get(latest.intensity)?.intensityGPerKwh ?? null),
      secondsByQuality,
      mixedBasis: chains.length > 1 || chains.some(({ signal }) => signal === null),
      attribution: [...new Set([...books.grids.values()].map(({ attribution }) => attribution))],
      finalG: cellOver(rows, totalKey, ({ provisional }) => !provisional).carbonG,
      provisionalG: cellOver(rows, totalKey, ({ provisional }) => provisional).carbonG,
      restatedIntervals: summary.restatedIntervals,
      chains,
    },
    audit: {
      grids: [...books.grids.values()].map((grid) => ({ ...grid })),
      timeByQuality: sharesOf(secondsByQuality),
      energyBySource: sharesOf(summary.joulesBySource),
    },
    coverage: {
      unknownEnergyS: summary.unknownEnergyS,
      unknownIntensityS: secondsByQuality['unknown'] ?? 0,
      unaccountedEnergyJ: totalCell.unknownJ,
    },
  };
}

const energyOf = (books: LedgerBooks, key: AccountKey): number | null => books.accounts.get(key)?.energyJ ?? null;

function accountOf(books: LedgerBooks, rows: readonly JoinedRow[], tenant: string | null, key: AccountKey): Account {
  const sums = books.accounts.get(key) ?? emptySums();
  const { carbonG, servedWithCarbon, unknownJ } = cellOver(rows, key);
  const meanLatencyMs = ratio(sums.latencySumMs, sums.latencyCount);
  return {
    tenant,
    energyJ: sums.energyJ,
    carbonG,
    offered: sums.offered,
    served: sums.served,
    attainment: ratio(sums.inTime, sums.offered),
    effectiveAccuracy: ratio(sums.accuracySum, sums.accuracyCount),
    meanLatencyMs,
    opCdpGs: carbonG === null || meanLatencyMs === null ? null : (carbonG * meanLatencyMs) / 1000,
    energyPerInferenceJ: ratio(sums.energyJ, sums.servedWithEnergy),
    carbonPerInferenceG: ratio(carbonG, servedWithCarbon),
    swaps: sums.swaps,
    unknownCarbonJ: unknownJ,
    variants: [],
  };
}

/** Tenants in the order in which they first appeared, each with its variants. */
function tenantsOf(books: LedgerBooks, rows: readonly JoinedRow[]): Account[] {
  const tenants = new Map<string, Account>();
  for (const key of books.accounts.keys()) {
    const owner = ownerOf(key);
    if (owner?.variant === null) tenants.set(owner.tenant, accountOf(books, rows, owner.tenant, key));
  }
  for (const [key, sums] of books.accounts) {
    const owner = ownerOf(key);
    if (owner === null || owner.variant === null) continue;
    tenants.get(owner.tenant)?.variants.push(variantOf(owner.variant, sums, cellOver(rows, key)));
  }
  return [...tenants.values()];
}

function variantOf(variant: string, sums: AccountSums, { carbonG, servedWithCarbon }: JoinedCell): VariantAccount {
  return {
    variant,
    energyJ: sums.energyJ,
    carbonG,
    served: sums.served,
    inTime: sums.inTime,
    accuracy: ratio(sums.accuracySum, sums.accuracyCount),
    energyPerInferenceJ: ratio(sums.energyJ, sums.servedWithEnergy),
    carbonPerInferenceG: ratio(carbonG, servedWithCarbon),
  };
}

function chainsOf(rows: readonly JoinedRow[]): Receipt['carbon']['chains'] {
  const names = [...new Set(rows.map(({ chain }) => chain))].filter((chain) => chain !== unknownChain);
  return names.map((name) => {
    const ofChain = rows.filter(({ chain }) => chain === name);
    const durationS = ofChain.reduce((sum, row) => sum + row.durationS, 0);
    const intensityS = ofChain.reduce((sum, row) => sum + row.intensityS, 0);
    const { energyJ, carbonG } = cellOver(ofChain, totalKey);
    // Accounts of the first format may hold several in one.
    const [signal, basis] = name.split(', ');
    return {
      signal: carbonSignalSchema.safeParse(signal).data ?? null,
      basis: carbonBasisSchema.safeParse(basis).data ?? null,
      durationS,
      energyJ,
      carbonG,
      meanIntensityGPerKwh: ratio(intensityS, durationS),
    };
  });
}

function secondsBy(rows: readonly JoinedRow[]): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const { quality, durationS } of rows) seconds[quality] = (seconds[quality] ?? 0) + durationS;
  return seconds;
}

function sharesOf(amounts: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const entries = Object.entries(amounts).map(([key, amount]) => [key, amount ?? 0] as const);
  const total = entries.reduce((sum, [, amount]) => sum + amount, 0);
  return Object.fromEntries(total > 0 ? entries.map(([key, amount]) => [key, amount / total]) : []);
}

const ratio = (sum: number | null, count: number): number | null => (sum === null || count <= 0 ? null : sum / count);

function savedPct(alwaysMax: number | null, against: number | null): number | null {
  return alwaysMax === null || against === null || alwaysMax <= 0 ? null : (100 * (alwaysMax - against)) / alwaysMax;
}
