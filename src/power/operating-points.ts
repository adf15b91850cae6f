import { fullLoadW, type Component, type OperatingPoint } from '../signals/device';

/** CPU quotas offered on a machine whose only lever is the share of time that our hosts may compute. */
export const quotaShares: readonly number[] = [1, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2];

export interface PowerFigures {
  readonly idleW: number;
  /** Every component computing all the time. */
  readonly fullLoadW: number;
}

/** Splits the watts above idle over the components by their threads. */
export function activeWByComponent(components: readonly Component[], activeW: number): Record<string, number> {
  const threads = components.reduce((sum, component) => sum + component.threads, 0);
  return Object.fromEntries(components.map(({ name, threads: own }) => [name, (activeW * own) / threads]));
}

/**
 * Operating points of a quota: the clocks stay as they are, so a component draws the same while it computes and only
 * computes less of the time.
 */
export function quotaOperatingPoints(components: readonly Component[], power: PowerFigures): OperatingPoint[] {
  const activeW = activeWByComponent(components, power.fullLoadW - power.idleW);
  return quotaShares.map((speed) => ({
    name: speed === 1 ? 'full speed' : `${Math.round(speed * 100)} % CPU quota`,
    speed,
    idleW: power.idleW,
    activeW,
  }));
}

export interface Choice {
  readonly point: OperatingPoint;
  /** True when the point cannot draw more than the cap, whatever runs. */
  readonly fits: boolean;
  /** True when every point draws more than the cap while doing nothing. */
  readonly capUnreachable: boolean;
}

const isFaster = (a: OperatingPoint, b: OperatingPoint): boolean =>
  a.speed > b.speed || (a.speed === b.speed && fullLoadW(a) < fullLoadW(b));

/** The fastest point whose full-load power stays under the cap; where none does, the one that draws least. */
export function chooseOperatingPoint(points: readonly [OperatingPoint, ...OperatingPoint[]], capW: number): Choice {
  const capUnreachable = points.every((point) => point.idleW > capW);
  let fastest: OperatingPoint | null = null;
  let thriftiest = points[0];
  for (const point of points) {
    if (fullLoadW(point) <= capW && (fastest === null || isFaster(point, fastest))) fastest = point;
    if (fullLoadW(point) < fullLoadW(thriftiest)) thriftiest = point;
  }
  return fastest === null
    ? { point: thriftiest, fits: false, capUnreachable }
    : { point: fastest, fits: true, capUnreachable };
}
