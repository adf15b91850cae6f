import { fullLoadW, type OperatingPoint } from '../signals/device';
import type { EnergyWarning } from '../signals/cap';

/** Below this nobody would raise a cap for it, %. */
const leastIncreasePct = 10;
const aboutEqual = 1.02;

/** Joules of so much work as takes one second at full speed, idle included, while the device works without a pause. */
export function energyPerWorkJ(point: OperatingPoint): number {
  return fullLoadW(point) / point.speed;
}

/**
 * Lower power takes longer, and idle power is drawn all the while: a lower cap can cost more energy per inference. Compared are
 * operating points under a stated load, work without a pause; at a lower load idle power is drawn anyway.
 * @returns null when no point that draws more needs clearly less energy per inference than the one in force
 */
export function energyWarningOf(
  inForce: OperatingPoint,
  points: readonly OperatingPoint[],
  highestW = Number.POSITIVE_INFINITY,
): EnergyWarning | null {
  const ownJ = energyPerWorkJ(inForce);
  const ownW = fullLoadW(inForce);
  const higher = points.filter((point) => fullLoadW(point) > ownW && fullLoadW(point) <= highestW);
  const leastJ = Math.min(...higher.map(energyPerWorkJ));
  // Of points that are about as thrifty the fastest.
  const best = higher
    .filter((point) => energyPerWorkJ(point) <= leastJ * aboutEqual)
    .reduce<OperatingPoint | null>(
      (found, point) => (found === null || point.speed > found.speed ? point : found),
      null,
    );
  if (best === null) return null;
  const increasePct = (ownJ / energyPerWorkJ(best) - 1) * 100;
  if (!(increasePct >= leastIncreasePct)) return null;
  return {
    increasePct,
    operatingPoint: inForce.name,
    thriftierPoint: best.name,
    thriftierCapW: fullLoadW(best),
    load: 'always busy',
    source: 'modelled',
  };
}

/** The warning as a part of the cap's reason. */
export function describeEnergyWarning({ increasePct, thriftierPoint, thriftierCapW }: EnergyWarning): string {
  return (
    `with work without a pause an inference costs about ${increasePct.toFixed(0)} % more energy than with a cap of ` +
    `${thriftierCapW.toFixed(1)} W (${thriftierPoint}), because idle power is drawn for longer`
  );
}
