import type { HardwareState } from './hardware-actuator';

/** More states than this only make choosing slower. */
const mostSteps = 40;

/**
 * Whole watts from the most to the least, both included (rounded inwards), evenly spaced and at most 40 of them.
 * @returns highest first; empty when there is no whole watt in between
 */
export function powerSteps(leastW: number, mostW: number): number[] {
  const least = Math.ceil(leastW);
  const most = Math.floor(mostW);
  if (!(least > 0) || !(most >= least)) return [];
  const step = Math.max(1, Math.ceil((most - least) / (mostSteps - 1)));
  const steps: number[] = [];
  for (let powerW = most; powerW > least; powerW -= step) steps.push(powerW);
  return [...steps, least];
}

/** `28.5 W`, as states of watts are called. */
export const wattsName = (powerW: number): string => `${Math.round(powerW * 100) / 100} W`;

/** A limit in watts as a state of the hardware. */
export const wattsState = (powerLimitW: number): HardwareState => ({
  name: wattsName(powerLimitW),
  gpuMhz: null,
  cpuMhz: null,
  emcMhz: null,
  cores: null,
  gpuUnits: null,
  dlaMhz: null,
  powerLimitW,
  refusal: null,
});
