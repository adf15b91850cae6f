import assert from 'node:assert/strict';
import { beforeAfter, beforeAfterLine } from '../../../src/loop/before-after';
import type { DayFigures } from '../../../src/loop/day-watch';

const day = (attainmentPct: number | null, energyPerAnswerJ: number, effectiveAccuracyPct: number): DayFigures => ({
  ...{ policy: 'some', seconds: 60, energyJ: 500, energySource: 'modelled', idleEnergyJ: 400, dynamicEnergyJ: 100 },
  ...{ servingEnergyJ: 80, servingCarbonG: null, steadyCarbonG: null, carbonG: 1, opCdpGs: 1, timingGainPct: null },
  ...{ energyPerAnswerJ, attainmentPct, effectiveAccuracyPct, latencyMs: null, observedAccuracyPct: null },
  ...{
    leastAttainmentPct: null,
    swaps: 0,
    cameBackUp: 0,
    capRangeW: null,
    loopDelayP99Ms: 1,
    intensityRangeGPerKwh: null,
    requests: {},
  },
  capPeriods: { periods: 0, above: 0, meanCapW: null },
  decisions: { decisions: 0, elapsedMs: null, mainThreadMs: null },
});

describe('days before and after a calibration', () => {
  it('are compared pair by pair', () => {
    const changes = beforeAfter(
      [
        { before: day(98, 0.5, 97), after: day(99, 0.45, 96.5) },
        { before: day(99, 0.4, 97), after: day(99.5, 0.4, 97) },
      ],
      1,
    );
    assert.deepEqual([changes.attainmentPt?.mean, changes.attainmentPt?.pairs], [0.75, 2]);
    assert.ok(Math.abs((changes.energyPerAnswerPct?.mean ?? 0) + 5) < 1e-9);
    assert.ok(Math.abs((changes.servingEnergyPerAnswerPct?.mean ?? 0) + 5) < 1e-9);
    assert.equal(changes.accuracyPt?.mean, -0.25);
  });

  it('tell an interval only from three pairs on, and what is unknown', () => {
    const pair = { before: day(98, 0.5, 97), after: day(99, 0.45, 97.5) };
    assert.equal(
      beforeAfterLine(beforeAfter([pair], 1)),
      'calibrated against ecomap, one pair of days: in time +1.00 points, energy per answer -10.00 % (of the answers alone -10.00 %), accuracy +0.50 points',
    );
    assert.match(beforeAfterLine(beforeAfter([pair, pair, pair], 1)), /3 pairs.* \+1\.00 \[\+1\.00, \+1\.00\] points/);
    const unknown = beforeAfter([{ before: day(null, 0.5, 97), after: day(99, 0.45, 97) }], 1);
    assert.match(beforeAfterLine(unknown), /one pair of days: in time unknown, energy per answer -10/);
  });
});
