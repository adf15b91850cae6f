import type { OperatingPoint } from '../../signals/device';
import type { Work } from '../estimator/estimator';

/** One way to run a variant: as a whole, or in stages. */
export interface WayToRun {
  /** The computing node with which each stage begins: 0, then where it is cut. */
  readonly firstNodes: readonly number[];
  /** What is known of the stages alone. */
  readonly work: Pick<Work, 'costs' | 'operations' | 'sensitivity'>;
}

/** A variant of a tenant that can be measured beside others. */
export interface CalibrationNetwork {
  /** For people: tenant and variant. */
  readonly name: string;
  readonly tenant: string;
  readonly path: string;
  readonly sha256: string;
  readonly dims: readonly number[] | null;
  /** At least one; the first is the whole. Costs are those at the operating point at which the calibration begins. */
  readonly ways: readonly WayToRun[];
  /** The same ways with the costs measured at the clocks of an operating point, or nearest to them; absent: they are those of `ways`. */
  readonly waysAt?: (point: OperatingPoint) => readonly WayToRun[];
}

/** Components, by index, on which every stage of a way has been measured. */
export function placesOf({ work }: WayToRun, components: number): number[] {
  return Array.from({ length: components }, (_, at) => at).filter((at) =>
    work.costs.every((stage) => (stage[at] ?? null) !== null),
  );
}

/** Time of a way alone at full speed, s. */
export function aloneSeconds({ work }: WayToRun, places: readonly number[]): number {
  return places.reduce((sum, at, stage) => sum + (work.costs[stage]?.[at]?.p50Ms ?? 0) / 1000, 0);
}
