/**
 * Several networks on one device at one operating point: what is known of them alone (profiles), and what was measured of
 * them together. The estimator learns from it; simulators and measurements produce it.
 */

export const unitKinds = ['cpu', 'gpu', 'dla'] as const;
/** What a component is to the estimator; a remote endpoint counts as `dla`: an accelerator of its own. */
export type UnitKind = (typeof unitKinds)[number];

/** A component as the estimator sees it. */
export interface CoLocationUnit {
  readonly kind: UnitKind;
  /** True: one run at a time, first come, first served. False: runs share it. */
  readonly queued: boolean;
  /** Full speed of this operating point relative to the fastest one, in (0, 1]. */
  readonly speed: number;
}

/** The device at one operating point. */
export interface CoLocationDevice {
  readonly units: readonly CoLocationUnit[];
  /** Power of the whole device while nothing runs, W. */
  readonly idleW: number;
  /** Power above which the hardware slows itself down, W; null: none, or unknown. */
  readonly capW: number | null;
}

/** One stage alone on one unit at this operating point. */
export interface StageAlone {
  readonly latencyS: number;
  /** Above idle, J. */
  readonly energyJ: number;
}

/** A contiguous part of a network. */
export interface CoLocationStage {
  /** Work, 1e9 floating point operations. */
  readonly gigaflop: number;
  /** Traffic with the memory, 1e9 bytes. */
  readonly gigabytes: number;
  /** Time to bring its input over from another unit, s. */
  readonly transferS: number;
  /** By unit; null where it does not run or was not measured. */
  readonly alone: readonly (StageAlone | null)[];
}

/** How a network gets on with company on one unit; each the natural logarithm of a slowdown, 0 for none. */
export interface Sensitivity {
  /** Of the network, beside a stressor of memory bandwidth that runs elsewhere. */
  readonly besideMemory: number;
  /** Of the network, beside a copy of itself on the same unit. */
  readonly besideItself: number;
  /** Of the stressor. */
  readonly caused: number;
}

export interface CoLocationNetwork {
  readonly stages: readonly CoLocationStage[];
  /** Mean pause between an answer and the next request, s; 0: none. */
  readonly pauseS: number;
  /** Mean time from request to request where requests do not wait for answers, s; 0: they do. */
  readonly periodS: number;
  /** By unit; null where it was not measured. */
  readonly sensitivity: readonly (Sensitivity | null)[];
}

/** The unit of each stage (second index) of each network (first index). */
export type CoLocationMapping = readonly (readonly number[])[];

export interface CoLocation {
  readonly device: CoLocationDevice;
  readonly networks: readonly CoLocationNetwork[];
}

/** A co-location that ran. */
export interface CoLocationSample extends CoLocation {
  readonly mapping: CoLocationMapping;
  /** Samples of the same networks belong together: data is split by it. */
  readonly workload: number;
  /** Mean latency of each network from request to answer, s. */
  readonly latencyS: readonly number[];
  /** 95th percentile of the same, s; absent where it was not measured. */
  readonly tailS?: readonly number[] | undefined;
  /** Mean power of the whole device, W. */
  readonly powerW: number;
}
