import type { PlannedCoLocation, PlannedNetwork } from './co-location-plan';
import { aloneSeconds, type CalibrationNetwork } from './networks';

/** Runs of less than a few ms wait for other processes as much as they compute, which says nothing of the device; s. */
const longEnoughS = 0.02;
/** Longer pauses make an anchor take its time, s. */
const longestPauseS = 0.1;

/**
 * The co-location of a plan that is measured again and again to see whether the device keeps its speed: without a quota, two or three
 * networks where there are such, of short pauses, none of which is over at once. (With networks of 1 ms anchors lay 30 % apart on a machine
 * that was quiet, and a calibration was lost to that now and then.)
 */
export function chooseAnchor(
  plan: readonly PlannedCoLocation[],
  networks: readonly CalibrationNetwork[],
): PlannedCoLocation | undefined {
  const shortestRunS = (one: PlannedCoLocation): number =>
    Math.min(longEnoughS, ...one.networks.map((network) => aloneOf(network, networks)));
  const pauseS = (one: PlannedCoLocation): number => Math.max(...one.networks.map((network) => network.pauseS));
  const unlimited = plan.filter(({ quota }) => quota === null);
  const few = unlimited.filter((one) => one.networks.length === 2 || one.networks.length === 3);
  const known = few.length > 0 ? few : unlimited;
  const brief = known.filter((one) => pauseS(one) <= longestPauseS);
  if (brief.length === 0) return [...known].sort((a, b) => pauseS(a) - pauseS(b))[0];
  return [...brief].sort((a, b) => shortestRunS(b) - shortestRunS(a) || pauseS(a) - pauseS(b))[0];
}

function aloneOf({ network, way, places }: PlannedNetwork, networks: readonly CalibrationNetwork[]): number {
  const found = networks[network]?.ways[way];
  return found === undefined ? 0 : aloneSeconds(found, places);
}
