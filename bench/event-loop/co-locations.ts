import { calibrationSamples } from '../../src/signals/calibration';

/** @throws Error for a number of co-locations that no calibration takes: its message would be refused, and nothing would happen */
export function parseCoLocations(text: string): number {
  const coLocations = Number(text);
  const { least, most } = calibrationSamples;
  if (text.trim() === '' || !Number.isInteger(coLocations) || coLocations < least || coLocations > most)
    throw new Error(`--calibrate ${text}: give a whole number of co-locations from ${least} to ${most}`);
  return coLocations;
}
