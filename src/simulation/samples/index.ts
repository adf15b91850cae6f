import { generateGauge } from './gauge';
import { generateInspect } from './inspect';
import type { FamilyName, SampleGenerator } from './sample';
import { generateVibration } from './vibration';

export { GAUGE_DIMS } from './gauge';
export { INSPECT_DIMS, INSPECT_LABELS } from './inspect';
export { isCorrect, VALUE_TOLERANCE } from './sample';
export type { DemonstrationSample, FamilyName, SampleGenerator, SampleTruth } from './sample';
export { VIBRATION_DIMS, VIBRATION_LABELS, VIBRATION_SAMPLE_RATE_HZ } from './vibration';

export const familyNames: readonly FamilyName[] = ['inspect', 'gauge', 'vibration'];

export const sampleGenerators: Record<FamilyName, SampleGenerator> = {
  inspect: generateInspect,
  gauge: generateGauge,
  vibration: generateVibration,
};
