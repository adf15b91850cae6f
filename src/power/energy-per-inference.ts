import { clockSpeed, fullLoadW, mostBusy, type OperatingPoint } from '../signals/device';
import type { EnergyWarning } from '../signals/cap';
import type { Plan } from '../signals/plan';

/** Below this nobody would raise a cap for it, %. */
const leastIncreasePct = 10;
const aboutEqual = 1.02;
/** Components that compute for this share of the time they are given have none left: more work may be waiting than is done. */
const saturated = 0.95;

/** Joules of so much work as takes one second at full speed, idle included, while the device works without a pause. */
export function energyPerWorkJ(point: OperatingPoint): number {
  return fullLoadW(point) / point.speed;
}

/** Watts that all components together add while they compute. */
function activeW(point: OperatingPoint): number {
  return Object.values(point.activeW).reduce((sum, watts) => sum + watts, 0);
}

/**
 * The work on offer, as a share of what the device does at full speed without a pause, from the power that a plan expects: components
 * weighted by their watts, `(P - idle) / active * clock speed`.
 * @returns null where the plan tells nothing of it: where a limit does not hold, or no time is left, more may be on offer than is done
 */
export function loadOnOffer({ operatingPoint, powerW, tenants }: Plan): number | null {
  const allW = activeW(operatingPoint);
  if (!(allW > 0) || tenants.some(({ meetsLimit }) => !meetsLimit)) return null;
  const busy = (powerW.expected - operatingPoint.idleW) / allW;
  return busy < saturated * mostBusy(operatingPoint) ? Math.max(0, busy) * clockSpeed(operatingPoint) : null;
}

/** Mean power of a point that does this work and idles for the rest, W; null where it cannot do so much. */
function powerUnderW(point: OperatingPoint, load: number): number | null {
  const busy = load / clockSpeed(point);
  return busy > mostBusy(point) ? null : point.idleW + busy * activeW(point);
}

/**
 * What the same work costs at each point, to be compared: the mean power where the load is known and the point in force can do it,
 * for then the time is the same; else the energy of work without a pause.
 */
function costAt(inForce: OperatingPoint, load: number | null): (point: OperatingPoint) => number {
  if (load === null || powerUnderW(inForce, load) === null) return energyPerWorkJ;
  return (point) => powerUnderW(point, load) ?? Infinity;
}

/**
 * Lower power takes longer, and idle power is drawn all the while: a lower cap can cost more energy per inference, and doing the work
 * fast to idle for the rest can win. Compared is what the operating points need for the load on offer; without a pause where that
 * is not known, or more than the point in force can do.
 * @param load work on offer as of {@link loadOnOffer}; null when unknown
 * @returns null when no point that may draw more needs clearly less energy per inference than the one in force
 */
export function energyWarningOf(
  inForce: OperatingPoint,
  points: readonly OperatingPoint[],
  highestW = Number.POSITIVE_INFINITY,
  load: number | null = null,
): EnergyWarning | null {
  // Where nothing is to be done there are no inferences that could cost less.
  if (load === 0) return null;
  const costOf = costAt(inForce, load);
  const own = costOf(inForce);
  const ownW = fullLoadW(inForce);
  const higher = points.filter((point) => fullLoadW(point) > ownW && fullLoadW(point) <= highestW);
  const least = Math.min(...higher.map(costOf));
  // Of points that are about as thrifty the fastest.
  const best = higher
    .filter((point) => costOf(point) <= least * aboutEqual)
    .reduce<OperatingPoint | null>(
      (found, point) => (found === null || point.speed > found.speed ? point : found),
      null,
    );
  if (best === null) return null;
  const increasePct = (own / costOf(best) - 1) * 100;
  if (!(increasePct >= leastIncreasePct)) return null;
  const isOnOffer = load !== null && costOf !== energyPerWorkJ;
  return {
    increasePct,
    operatingPoint: inForce.name,
    thriftierPoint: best.name,
    thriftierCapW: fullLoadW(best),
    load: isOnOffer ? 'on offer' : 'always busy',
    ...(isOnOffer ? { loadShare: load } : {}),
    source: 'modelled',
  };
}

/** The warning as a part of the cap's reason. */
export function describeEnergyWarning(warning: EnergyWarning): string {
  const { increasePct, thriftierPoint, thriftierCapW, loadShare } = warning;
  const more =
    `an inference costs about ${increasePct.toFixed(0)} % more energy than with a cap of ` +
    `${thriftierCapW.toFixed(1)} W (${thriftierPoint})`;
  return loadShare === undefined
    ? `with work without a pause ${more}, because idle power is drawn for longer`
    : `for the work on offer (${(100 * loadShare).toPrecision(2)} % of full speed) ${more}, idle power included`;
}
