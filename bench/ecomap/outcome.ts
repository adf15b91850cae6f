import { average, byZone, changePct, type Row, type Summary } from './figures';
import { rounded } from '../report';
import type { ZoneLine } from './tables';

const varyingZones = ['eia-2022/CISO', 'carbonx-2021/US-CAL-CISO', 'carbonx-2021/AU-QLD', 'carbonx-2021/DE'];

export const names = {
  gpu: 'all on the GPU at MAXN',
  baseline: 'throughput-optimal mapping at MAXN',
  budget: 'best mapping within a fixed budget',
  carbonOnly: 'quality by carbon alone',
  published: 'Ecomap as published',
  publishedNarrow: 'Ecomap, cap from what MAXN draws',
  constantCap: 'constant cap, energy of Ecomap',
  ours: 'ours',
  oursGrams: 'ours, grams alone',
  oursCapped: "ours under Ecomap's cap",
  oursAtPaper: "ours at Ecomap's accuracy",
} as const;

/** What the best constant plan and the oracle emit for the accuracy that our policy gave up. */
export interface Bounds {
  readonly zone: string;
  readonly mix: string;
  readonly oursG: number;
  readonly constantG: number;
  readonly oracleG: number;
  readonly gramsOursG: number;
  readonly gramsConstantG: number;
  readonly gramsOracleG: number;
  readonly baselineG: number;
  /** At the whole allowance, by grams alone: the most that can be saved. */
  readonly bestG: number;
  readonly atPaperPct: number;
}

const zonesMean = (bounds: readonly Bounds[], of: (bound: Bounds) => number): number =>
  average([...byZone(bounds, ({ zone }) => zone).values()].map((some) => average(some.map(of))));

export function zoneLines(bounds: readonly Bounds[], rows: readonly Row[]): ZoneLine[] {
  const ours = rows.filter(({ policy }) => policy === names.ours);
  return [...byZone(bounds, ({ zone }) => zone)].map(([zone, some]) => {
    const own = ours.filter((row) => row.zone === zone);
    return {
      zone,
      oursPct: average(own.map(({ score, baseline }) => changePct(score.carbonG, baseline.carbonG))),
      timingPt: average(
        own.map(
          ({ score, baseline }) =>
            changePct(score.carbonG, baseline.carbonG) - changePct(score.energyJ, baseline.energyJ),
        ),
      ),
      vsConstantPct: average(some.map(({ oursG, constantG }) => changePct(oursG, constantG))),
      oracleVsConstantPct: average(some.map(({ oracleG, constantG }) => changePct(oracleG, constantG))),
      gramsVsConstantPct: average(some.map(({ gramsOursG, gramsConstantG }) => changePct(gramsOursG, gramsConstantG))),
      gramsOracleVsConstantPct: average(
        some.map(({ gramsOracleG, gramsConstantG }) => changePct(gramsOracleG, gramsConstantG)),
      ),
      vsPaperPct: average(some.map(({ atPaperPct }) => atPaperPct)),
    };
  });
}

export function figuresOf(
  summaries: readonly Summary[],
  bounds: readonly Bounds[],
  rows: readonly Row[],
): Record<string, unknown> {
  const of = (name: string): Summary => {
    const found = summaries.find(({ policy }) => policy === name);
    if (found === undefined) throw new RangeError(`no summary of ${name}`);
    return found;
  };
  const lines = zoneLines(bounds, rows);
  const [ours, paper, narrow, capped] = [
    of(names.ours),
    of(names.published),
    of(names.publishedNarrow),
    of(names.oursCapped),
  ];
  const varying = lines.filter(({ zone }) => varyingZones.includes(zone));
  const vsConstant = zonesMean(bounds, ({ oursG, constantG }) => changePct(oursG, constantG));
  const oracleVsConstant = zonesMean(bounds, ({ oracleG, constantG }) => changePct(oracleG, constantG));
  return {
    paperCarbonPct: rounded(paper.carbonPct),
    paperOpcdpPct: rounded(paper.opCdpPct),
    paperNarrowCarbonPct: rounded(narrow.carbonPct),
    paperNarrowOpcdpPct: rounded(narrow.opCdpPct),
    oursCarbonPct: rounded(ours.carbonPct),
    oursOpcdpPct: rounded(ours.opCdpPct),
    oursAccuracyLostPt: rounded(ours.accuracyLostPt),
    oursAttainmentPct: rounded(ours.attainmentPct),
    oursVsBestConstantPct: rounded(vsConstant),
    oracleVsBestConstantPct: rounded(oracleVsConstant),
    oracleGainSharePct: rounded((100 * vsConstant) / oracleVsConstant, 1),
    gramsOnlyVsBestConstantPct: rounded(
      zonesMean(bounds, ({ gramsOursG, gramsConstantG }) => changePct(gramsOursG, gramsConstantG)),
    ),
    gramsOnlyOracleVsBestConstantPct: rounded(
      zonesMean(bounds, ({ gramsOracleG, gramsConstantG }) => changePct(gramsOracleG, gramsConstantG)),
    ),
    byZone: Object.fromEntries(
      lines.map(({ zone, vsConstantPct, oracleVsConstantPct, vsPaperPct }) => [
        zone,
        {
          oursVsBestConstantPct: rounded(vsConstantPct),
          oracleVsBestConstantPct: rounded(oracleVsConstantPct),
          oursVsPaperPct: rounded(vsPaperPct),
        },
      ]),
    ),
    oursVsPaperVaryingPct: rounded(average(varying.map(({ vsPaperPct }) => vsPaperPct))),
    oursVsPaperWorstPct: rounded(Math.max(...lines.map(({ vsPaperPct }) => vsPaperPct))),
    oracleSharePct: rounded(
      zonesMean(bounds, ({ baselineG, oursG, bestG }) => (100 * (baselineG - oursG)) / (baselineG - bestG)),
    ),
    capViolationPct: rounded(capped.capViolationPct ?? Number.NaN),
    paperCapViolationPct: rounded(paper.capViolationPct ?? Number.NaN),
    gridSwapsPerTenantHour: rounded(ours.swapsPerTenantHour),
    energyEffectPct: rounded(ours.energyEffectPct),
    timingEffectPct: rounded(ours.timingEffectPct),
  };
}
