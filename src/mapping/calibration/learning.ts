import { setImmediate } from 'node:timers/promises';
import type { CoLocationSample } from '../../signals/co-location';
import type { CalibrationSummary } from '../../signals/calibration';
import { weakestSource, type Source } from '../../signals/quantities';
import { joinSets, trainingSetOf, type TrainingSet } from '../estimator/learned/training-set';
import type { CalibrationReport } from '../training/protocol';
import { mostTogether, type PlannedCoLocation } from './co-location-plan';
import type { CalibrationRecord, TriedRecord } from './sample-records';
import type { Judged } from './steadiness';

/** Samples worked out before others get a turn. */
const samplesPerTurn = 8;
/** Of the plans that were tried in service, so many of the latest are learned from. */
const mostTried = 200;
/** Points of the plot. */
const mostPoints = 300;

/** What a calibration learns from: what it measured, and what was tried in service; and the weakest source of power in it. */
export function samplesToLearnFrom(
  judged: Judged,
  records: readonly CalibrationRecord[],
): { readonly samples: readonly CoLocationSample[]; readonly powerSource: Source | null } {
  const measured = [...judged.good.values()].filter(({ sample }) => sample !== null);
  const own = measured.flatMap(({ sample }) => sample ?? []);
  const firstOther = 1 + own.reduce((most, { workload }) => Math.max(most, workload), 0);
  const tried = records.filter((record): record is TriedRecord => record.kind === 'tried').slice(-mostTried);
  return {
    samples: [...own, ...tried.map(({ sample }) => ({ ...sample, workload: firstOther + sample.workload }))],
    powerSource: weakestSource([...measured, ...tried].map(({ powerSource }) => powerSource)),
  };
}

/** As `trainingSetOf`, in turns: it never holds up the event loop for long. */
export async function trainingSetInTurns(samples: readonly CoLocationSample[]): Promise<TrainingSet> {
  const slots = samples.reduce((most, { networks }) => Math.max(most, networks.length), mostTogether);
  const parts: TrainingSet[] = [];
  for (let first = 0; first < samples.length; first += samplesPerTurn) {
    parts.push(trainingSetOf(samples.slice(first, first + samplesPerTurn), slots));
    await setImmediate();
  }
  return parts.length === 0 ? trainingSetOf([], slots) : joinSets(parts);
}

/** How far two measurements of the same co-location lie apart, %: mean over networks; null where none was repeated. */
export function floorPctOf(plan: readonly PlannedCoLocation[], { good }: Judged): number | null {
  const apart = plan.flatMap(({ repeats }, planned) => {
    const again = good.get(planned)?.sample ?? null;
    const first = repeats === null ? null : (good.get(repeats)?.sample ?? null);
    // One that could not run with the others makes another co-location.
    if (first === null || again === null || !isAlike(first, again)) return [];
    return first.latencyS.map((seconds, network) => {
      const other = again.latencyS[network] ?? seconds;
      return (200 * Math.abs(seconds - other)) / (seconds + other);
    });
  });
  return apart.length === 0 ? null : apart.reduce((sum, pct) => sum + pct, 0) / apart.length;
}

const isAlike = (a: CoLocationSample, b: CoLocationSample): boolean =>
  a.workload === b.workload && JSON.stringify(a.mapping) === JSON.stringify(b.mapping);

export interface SummaryParts {
  readonly deviceFingerprint: string;
  readonly finishedAt: string;
  readonly plan: readonly PlannedCoLocation[];
  readonly judged: Judged;
  /** Of everything that was learned from. */
  readonly powerSource: Source | null;
  readonly report: CalibrationReport;
}

export function summaryOf(parts: SummaryParts): CalibrationSummary {
  const { deviceFingerprint, finishedAt, plan, judged, powerSource, report } = parts;
  const { kept, reason, samples, workloads, before, after, additiveMapePct } = report;
  const every = Math.max(1, Math.ceil(report.points.length / mostPoints));
  return {
    deviceFingerprint,
    finishedAt,
    kept,
    reason,
    samples,
    workloads,
    setAside: judged.setAside.length,
    before,
    after: kept ? after : before,
    additiveMapePct,
    floorPct: floorPctOf(plan, judged),
    powerSource: powerSource ?? 'modelled',
    points: report.points
      .filter((_, index) => index % every === 0)
      .map(({ measuredS, beforeS, predictedS }) => ({
        measuredMs: 1000 * measuredS,
        beforeMs: 1000 * beforeS,
        afterMs: 1000 * predictedS,
      })),
  };
}
