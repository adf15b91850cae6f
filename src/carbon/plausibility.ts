import type { CarbonSignal } from '../signals/carbon';
import { isKnown, hourMs, type CarbonPoint, type KnownCarbonPoint } from './provider';
import { quantile } from '../signals/statistics';

/** No grid is dirtier than this, g/kWh; `intensitySchema` refuses such values, too. */
export const highestIntensityGPerKwh = 1500;
/** A jump below this is never suspect, g/kWh. */
const leastSuspectJumpG = 120;
const rampFactor = 5;
/** From fewer steps than this the jumps of a zone cannot be told: a single glitch would set the limit. */
const leastRamps = 40;
/** An implausible level that lasts this long is believed. */
const believedAfterMs = 6 * hourMs;
/** Without a good value before it, the first is compared with the median of so many. */
const openingValues = 12;
/** Over a longer gap than this a jump says nothing. */
const longestComparedGapMs = 3 * hourMs;

export interface JudgedPoint {
  readonly point: CarbonPoint;
  readonly verdict: 'good' | 'suspect' | 'impossible' | 'missing';
  /** What is wrong with it; null when good. */
  readonly reason: string | null;
}

/** What is wrong with a value whatever came before it; null when nothing is. */
export function impossibility(intensityGPerKwh: number): string | null {
  if (!Number.isFinite(intensityGPerKwh)) return `${intensityGPerKwh} g/kWh is not a number`;
  if (intensityGPerKwh < 0 || intensityGPerKwh > highestIntensityGPerKwh) {
    return `${intensityGPerKwh} g/kWh is outside 0..${highestIntensityGPerKwh} g/kWh`;
  }
  return null;
}

/**
 * Judges values in the order of time. A jump from the last good value is suspect above `max(120 g, 5 x the 95th percentile of
 * the steps known)`. A suspect value is compared with the last good one, not with its neighbour: glitches repeat (PJM's lasted
 * four hours). Only a level that holds for six hours is believed. The first value, which has none before it, is compared with
 * the median of the first twelve: what is known may begin in the middle of a glitch.
 *
 * Average intensities only: a marginal one jumps with the unit on the margin (in a month of CAISO_NORTH, 22 % of the five-minute
 * values would be suspect), so of it only impossible values are refused.
 */
export function judge(points: readonly CarbonPoint[], signal: CarbonSignal): JudgedPoint[] {
  const limitG = signal === 'average' ? suspectJumpG(points) : Infinity;
  let lastGood: KnownCarbonPoint | null = null;
  let suspectSinceMs: number | null = null;
  const openingG = openingMedianG(points);
  return points.map((point): JudgedPoint => {
    if (!isKnown(point)) return { point, verdict: 'missing', reason: point.reason ?? 'the provider gave no value' };
    const impossible = impossibility(point.intensityGPerKwh);
    if (impossible !== null) return { point, verdict: 'impossible', reason: impossible };
    const beforeG = lastGood?.intensityGPerKwh ?? openingG;
    if (beforeG !== null && Math.abs(point.intensityGPerKwh - beforeG) > limitG) {
      const gapMs = lastGood === null ? 0 : point.validFromMs - lastGood.validToMs;
      if (suspectSinceMs !== null || gapMs <= longestComparedGapMs) {
        suspectSinceMs ??= point.validFromMs;
        if (point.validFromMs - suspectSinceMs < believedAfterMs) {
          return { point, verdict: 'suspect', reason: suspicion(point.intensityGPerKwh, beforeG, limitG) };
        }
      }
    }
    lastGood = point;
    suspectSinceMs = null;
    return { point, verdict: 'good', reason: null };
  });
}

function suspectJumpG(points: readonly CarbonPoint[]): number {
  const ramps: number[] = [];
  let before: KnownCarbonPoint | null = null;
  for (const point of points) {
    if (!isKnown(point) || impossibility(point.intensityGPerKwh) !== null) continue;
    if (before !== null && point.validFromMs - before.validFromMs <= hourMs) {
      ramps.push(Math.abs(point.intensityGPerKwh - before.intensityGPerKwh));
    }
    before = point;
  }
  const usual = ramps.length < leastRamps ? 0 : (quantile(ramps, 0.95) ?? 0);
  return Math.max(leastSuspectJumpG, rampFactor * usual);
}

/** null where fewer are known: too few to say which of them is wrong. */
function openingMedianG(points: readonly CarbonPoint[]): number | null {
  const values: number[] = [];
  for (const point of points) {
    if (isKnown(point) && impossibility(point.intensityGPerKwh) === null) values.push(point.intensityGPerKwh);
    if (values.length === openingValues) return quantile(values, 0.5);
  }
  return null;
}

/** The values that may be acted on and learned from. */
export function plausiblePoints(points: readonly CarbonPoint[], signal: CarbonSignal): KnownCarbonPoint[] {
  return judge(points, signal).flatMap(({ verdict, point }) => (verdict === 'good' && isKnown(point) ? [point] : []));
}

/**
 * What may be learned from in hindsight: the good values, and those that were suspect when they came but whose level held until it
 * was believed. While little of a zone is known, a sunset is such a jump.
 */
export function believedPoints(judged: readonly JudgedPoint[]): KnownCarbonPoint[] {
  const believed: KnownCarbonPoint[] = [];
  let run: KnownCarbonPoint[] = [];
  for (const { verdict, point } of judged) {
    if (!isKnown(point) || verdict === 'impossible') continue;
    if (verdict === 'suspect') {
      run.push(point);
      continue;
    }
    const [first, last, before] = [run[0], run.at(-1), believed.at(-1)];
    if (first !== undefined && last !== undefined && point.validFromMs - first.validFromMs >= believedAfterMs) {
      // Not where a glitch is followed by a gap and the old level.
      const fromRunG = Math.abs(point.intensityGPerKwh - last.intensityGPerKwh);
      const fromBeforeG = before === undefined ? 0 : Math.abs(point.intensityGPerKwh - before.intensityGPerKwh);
      if (fromRunG < fromBeforeG) believed.push(...run);
    }
    believed.push(point);
    run = [];
  }
  return believed;
}

function suspicion(intensityGPerKwh: number, beforeG: number, limitG: number): string {
  const round = (value: number): string => String(Math.round(value));
  return (
    `${round(intensityGPerKwh)} g/kWh is an implausible jump from ${round(beforeG)} g/kWh ` +
    `(more than ${round(limitG)} g/kWh)`
  );
}
