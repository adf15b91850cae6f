import assert from 'node:assert/strict';
import { wantedEstimatorOf } from '../../../../src/mapping/calibration/wanted-estimator';
import { wantedEstimatorSchema } from '../../../../src/mapping/planner/protocol';

describe('what a device has learned', () => {
  const intervals = { latency: null, lnPowerMargin: 0.05 };

  it('is the shipped estimator, with intervals of this device, where tuning was not kept', () => {
    const wanted = wantedEstimatorOf({ estimator: null, intervals });
    assert.deepEqual(wantedEstimatorSchema.parse(wanted), { kind: 'shipped', intervals });
  });

  it('is the calibrated one where it was', () => {
    const bytes = new Uint8Array([8, 9]);
    const wanted = wantedEstimatorOf({ estimator: bytes, intervals });
    assert.deepEqual(wantedEstimatorSchema.parse(wanted), {
      kind: 'calibrated',
      source: { model: { bytes }, intervals },
    });
  });
});
