import type { CapRange } from '../power/policies/policy';
import type { PolicyConfig } from '../power/policies/make-policy';
import type { Tenant } from '../signals/tenant';
import type { LoopBoxes } from './loop';

/** What a selector other than the product's has to go by. */
export interface SelectorSurroundings {
  readonly tenants: readonly Tenant[];
  /** Telemetry windows in an hour of the grid. */
  readonly windowsPerHour: number;
}

/** One way to run the loop over a grid day. */
export interface DayPolicy {
  readonly name: string;
  /** What limits the power of a device with this range. */
  readonly cap: (range: CapRange) => PolicyConfig;
  /** False: every tenant stays at its most accurate variant. */
  readonly swaps: boolean;
  /** What chooses the variants; absent: the product's selector. */
  readonly selector?: (surroundings: SelectorSurroundings) => LoopBoxes['selector'];
}

/** The most accurate variants at full speed, whatever the grid does. */
export const alwaysMax: DayPolicy = {
  name: 'always-max',
  cap: ({ maximumW }) => ({ kind: 'fixed', capW: maximumW }),
  swaps: false,
};

/** The loop under the linear cap. */
export const ecomap: DayPolicy = { name: 'ecomap', cap: () => ({ kind: 'linear' }), swaps: true };

/** The same once the estimator has learned this device. */
export const calibrated: DayPolicy = { ...ecomap, name: 'calibrated' };
