import { fullLoadW, type OperatingPoint } from '../../signals/device';

/** What the closed loop knows of an operating point: watts for the whole device. */
export interface ControlPoint {
  readonly name: string;
  /** Relative to the fastest point. */
  readonly speed: number;
  readonly idleW: number;
  /** Watts above idle when everything computes all the time that the point itself allows. */
  readonly activeW: number;
}

export function controlPointOf(point: OperatingPoint): ControlPoint {
  return { name: point.name, speed: point.speed, idleW: point.idleW, activeW: fullLoadW(point) - point.idleW };
}

/** A point and, as a vernier between the points, the share of time that our hosts may compute there. */
export interface ControlSetting {
  /** Index into the points. */
  readonly point: number;
  /** In (0, 1]. */
  readonly duty: number;
}

export interface SettingChoice extends ControlSetting {
  /** The model's watts at this setting and load. */
  readonly predictedW: number;
  /** True when that is not above what was asked for. */
  readonly fits: boolean;
  /** True when it is not far below, either. */
  readonly near: boolean;
}

export interface ChoiceLimits {
  /** Least duty where a slower point could be taken instead: pauses cost more speed than clocks do. */
  readonly leastDuty: number;
  /** Least duty at the point that draws least, where nothing else is left. */
  readonly lastDuty: number;
  /** False where hosts cannot be paused: only whole points are chosen. */
  readonly vernier: boolean;
  /** Only this point, with whatever duty fits: while the hardware may not be written again. */
  readonly only?: number;
}

export const choiceDefaults: ChoiceLimits = { leastDuty: 0.5, lastDuty: 0.1, vernier: true };

/** Finer steps than hosts can be paced in help nobody. */
const dutyStep = 0.01;

/** A setting meets the watts asked for when it is at most this share below them ... */
const precision = 0.02;
/** ... and is taken instead of a faster one that draws less as long as it is at most this share slower. */
const mostSpeedForPrecision = 0.08;

/** The model's watts: idle + active power x load x duty. Load 1 is the full load that the points were described for. */
export function predictedW(point: ControlPoint, duty: number, load: number): number {
  return point.idleW + point.activeW * load * duty;
}

/**
 * The fastest combination of point and duty whose predicted power does not exceed `targetW`, and comes near it where that costs
 * little speed; where none fits, the thriftiest.
 */
export function chooseSetting(
  points: readonly ControlPoint[],
  targetW: number,
  loadAt: (point: number) => number,
  limits: ChoiceLimits = choiceDefaults,
): SettingChoice {
  const allowed = limits.only === undefined ? [...points.keys()] : [limits.only];
  const fullW = (index: number): number => {
    const point = points[index];
    return point === undefined ? Infinity : predictedW(point, 1, loadAt(index));
  };
  const thriftiest = allowed.reduce((least, index) => (fullW(index) < fullW(least) ? index : least), allowed[0] ?? 0);
  const fitting: SettingChoice[] = [];
  for (const index of allowed) {
    const point = points[index];
    if (point === undefined || point.idleW > targetW) continue;
    const load = loadAt(index);
    const least = !limits.vernier ? 1 : index === thriftiest ? limits.lastDuty : limits.leastDuty;
    const wanted = point.activeW * load > 0 ? (targetW - point.idleW) / (point.activeW * load) : Infinity;
    const duty = Math.min(1, Math.floor(wanted / dutyStep + 1e-9) / Math.round(1 / dutyStep));
    const watts = predictedW(point, duty, load);
    const near = watts >= targetW * (1 - precision);
    if (duty >= least) fitting.push({ point: index, duty, predictedW: watts, fits: true, near });
  }
  const speedOf = ({ point, duty }: ControlSetting): number => (points[point]?.speed ?? 0) * duty;
  const fastest = Math.max(...fitting.map(speedOf));
  const nearlyAsFast = fitting.filter((choice) => speedOf(choice) >= fastest * (1 - mostSpeedForPrecision));
  const near = nearlyAsFast.filter((choice) => choice.near);
  const candidates = near.length > 0 ? near : nearlyAsFast.filter((choice) => speedOf(choice) === fastest);
  const best = candidates.reduce<SettingChoice | null>(
    (found, choice) => (found === null || isBetter(choice, found, speedOf) ? choice : found),
    null,
  );
  if (best !== null) return best;
  const point = points[thriftiest];
  const duty = limits.vernier ? limits.lastDuty : 1;
  return {
    point: thriftiest,
    duty,
    predictedW: point === undefined ? 0 : predictedW(point, duty, loadAt(thriftiest)),
    fits: false,
    near: false,
  };
}

function isBetter(a: SettingChoice, b: SettingChoice, speedOf: (choice: SettingChoice) => number): boolean {
  return speedOf(a) > speedOf(b) || (speedOf(a) === speedOf(b) && a.predictedW < b.predictedW);
}
