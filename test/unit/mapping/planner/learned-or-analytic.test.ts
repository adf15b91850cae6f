import assert from 'node:assert/strict';
import { LearnedEstimator } from '../../../../src/mapping/estimator/learned/learned-estimator';
import type { NetworkRuns } from '../../../../src/mapping/estimator/learned/network-runs';
import { LearnedOrAnalytic } from '../../../../src/mapping/planner/learned-or-analytic';
import type { OperatingPoint } from '../../../../src/signals/device';
import { components, operatingPoint } from '../../../support/planning-fixtures';

const agreeing: NetworkRuns = {
  run: (_features, mask, batch) =>
    Promise.resolve({ latency: new Float32Array(mask.length), power: new Float32Array(batch) }),
};
const parts = components(2);
const context = (point: Partial<OperatingPoint>) => ({
  components: parts,
  operatingPoint: { ...operatingPoint(parts), ...point },
  work: [],
});
const measured = { latency: null, lnPowerMargin: null };

describe('which estimator predicts', () => {
  const chosenBy = (leastBusy: number | undefined, ...points: Partial<OperatingPoint>[]) =>
    new LearnedOrAnalytic(new LearnedEstimator(agreeing, { ...measured, leastBusy }), 'learned (calibrated)').choose(
      points.map(context),
    );

  it('is the queueing model under any quota until some were measured here, and says so', () => {
    assert.equal(chosenBy(undefined, {}).estimator.name, 'learned (calibrated)');
    assert.equal(chosenBy(undefined, { limits: 'clock', speed: 0.4 }).estimator.name, 'learned (calibrated)');
    const { estimator, remarks } = chosenBy(undefined, {}, { speed: 0.8 });
    assert.equal(estimator.name, 'analytic');
    assert.match(remarks.join(), /queueing model: how a CPU quota stops runs/);
  });

  it('is the learned one down to the least share of the time that calibration has seen', () => {
    assert.equal(chosenBy(0.3, { speed: 0.8 }, { speed: 0.1 + 0.2 }).estimator.name, 'learned (calibrated)');
    assert.equal(chosenBy(0.1 + 0.2, { speed: 0.3 }).estimator.name, 'learned (calibrated)');
    const { estimator, remarks } = chosenBy(0.3, { speed: 0.2 });
    assert.equal(estimator.name, 'analytic');
    assert.match(remarks.join(), /a CPU quota of less than 30 % stops runs/);
  });
});
