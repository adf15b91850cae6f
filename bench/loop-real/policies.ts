import { alwaysMax, ecomap, type DayPolicy } from '../../src/loop/day-policy';
import { ReactiveSelector } from './reactive-selector';

/** Percentage points that a day's answers may lose in the mean. */
export const allowancePt = 1;

/** Blind to the grid; its cap is set from day to day so that it takes the energy of {@link oursLinear}. */
export const constantCap: DayPolicy = {
  ...ecomap,
  name: 'constant cap',
  cap: ({ maximumW }) => ({ kind: 'fixed', capW: maximumW }),
};

export const published: DayPolicy = {
  ...ecomap,
  name: 'Ecomap as published',
  selector: (surroundings) => new ReactiveSelector(surroundings),
};

export const oursLinear: DayPolicy = { ...ecomap, name: 'ours, linear cap' };

export const ours: DayPolicy = { ...ecomap, name: 'ours, quality', cap: () => ({ kind: 'quality', allowancePt }) };

/** The first is what the others are compared with. */
export const comparedPolicies: readonly DayPolicy[] = [alwaysMax, constantCap, published, oursLinear, ours];
