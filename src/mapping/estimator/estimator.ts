import type { CoLocationStage, Sensitivity } from '../../signals/co-location';
import type { Component, OperatingPoint } from '../../signals/device';
import type { Interval } from '../../signals/quantities';

/** What one stage costs alone at full speed on one component, ms. */
export interface StageCost {
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** CPU time over all threads. */
  readonly cpuMs: number;
  /** Above idle, as a sensor has measured it at one speed of the clocks; absent where none has. */
  readonly measured?: { readonly energyJ: number; readonly clockSpeed: number };
}

/** What one variant costs and computes, alone, from its profiles: what `VariantCosts.workOf(tenant, variant)` tells. */
export interface VariantWork {
  /** Cost of each stage (first index) on each component (second index); null where it was not measured. */
  readonly costs: readonly (readonly (StageCost | null)[])[];
  /** What each stage computes and moves; absent where nobody has counted. Only the learned estimator asks for it. */
  readonly operations?: readonly StageOperations[];
  /** Computing node with which each stage begins: 0, then the cuts. Absent: the variant is one stage. */
  readonly firstNodes?: readonly number[];
  /** The variant uncut: what it costs when all its stages are on one component. Absent: the sum of its stages. */
  readonly whole?: WholeVariant;
  /** By component: how the network got on with stressors; null or absent where that was not measured. */
  readonly sensitivity?: readonly (Sensitivity | null)[];
}

/** A variant as a single stage. */
export interface WholeVariant {
  /** By component; null where it was not measured. */
  readonly costs: readonly (StageCost | null)[];
  readonly operations?: StageOperations;
}

/** The work one tenant brings with the variant chosen for it. */
export interface Work extends VariantWork {
  readonly tenant: string;
  readonly variant: string;
  /** Requests per second. */
  readonly ratePerS: number;
  /** 1 is the highest. */
  readonly priority: number;
}

export type StageOperations = Pick<CoLocationStage, 'gigaflop' | 'gigabytes' | 'transferS'>;

/** What is the same for all candidates of one search: the machine, its state, and the work on offer. */
export interface EstimationContext {
  readonly components: readonly Component[];
  readonly operatingPoint: OperatingPoint;
  readonly work: readonly Work[];
}

/**
 * A mapping: for each piece of work (first index), the component index of each of its stages in order; as many as its `costs`
 * has stages.
 */
export type Candidate = readonly (readonly number[])[];

/** What one mapping is predicted to do. */
export interface Prediction {
  /** End-to-end latency of a request of each piece of work, queueing included, ms; null where a cost is unknown. */
  readonly latencyMs: readonly (Interval | null)[];
  /** Share of each component's available time that the work takes; above 1 the queue grows without end. */
  readonly load: readonly number[];
  /** Whole device, idle included. */
  readonly powerW: Interval;
}

/**
 * Predicts latency and power of mappings, many at once. The analytic one is built in; a learned one fills the same place.
 * Expected values are means; `upper` is what limits are checked against.
 */
export interface LatencyPowerEstimator {
  readonly name: string;
  estimate(candidates: readonly Candidate[], context: EstimationContext): Prediction[];
}

/** As {@link LatencyPowerEstimator}, of what has to be computed elsewhere or in batches. */
export interface BatchEstimator {
  readonly name: string;
  estimate(candidates: readonly Candidate[], context: EstimationContext): Promise<Prediction[]>;
}
