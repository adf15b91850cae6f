import type { PlayedDay } from '../../../bench/loop-real/comparison';
import type { DayFigures } from '../../../src/loop/day-watch';
import { tenantSchema } from '../../../src/signals/tenant';

const figures: DayFigures = {
  policy: 'all',
  seconds: 10,
  energyJ: 100,
  energySource: 'modelled',
  idleEnergyJ: 80,
  dynamicEnergyJ: 20,
  servingEnergyJ: 18,
  servingCarbonG: 0.002,
  steadyCarbonG: 0.01,
  energyPerAnswerJ: 1,
  carbonG: 0.01,
  opCdpGs: 0.001,
  timingGainPct: 0,
  latencyMs: { p50: 5, p99: 20 },
  attainmentPct: 100,
  leastAttainmentPct: 100,
  effectiveAccuracyPct: 97,
  observedAccuracyPct: 97,
  swaps: 0,
  cameBackUp: 0,
  capRangeW: { lowest: 20, highest: 20 },
  capPeriods: { periods: 20, above: 0, meanCapW: 20 },
  decisions: { decisions: 20, elapsedMs: { p50: 20, p95: 40 }, mainThreadMs: { p50: 0.5, p95: 1 } },
  loopDelayP99Ms: 1,
  intensityRangeGPerKwh: { lowest: 200, highest: 500 },
  requests: { gauge: 100 },
};

/** A day as a policy could have had it. */
export function dayOf(zone: string, round: number, changed: Partial<DayFigures>): PlayedDay {
  return { zone, round, figures: { ...figures, ...changed } };
}

/** A tenant of two variants. */
export const tenant = tenantSchema.parse({
  name: 'gauge',
  family: 'gauge',
  variants: [
    { name: 'light', path: '/light.onnx', accuracy: 0.9 },
    { name: 'heavy', path: '/heavy.onnx', accuracy: 0.97 },
  ],
  latencyLimitMs: 100,
  input: {},
  output: { kind: 'tensors' },
});
