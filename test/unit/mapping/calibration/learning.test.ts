import assert from 'node:assert/strict';
import { samplesToLearnFrom } from '../../../../src/mapping/calibration/learning';
import type { CalibrationRecord, SampleRecord } from '../../../../src/mapping/calibration/sample-records';
import type { Source } from '../../../../src/signals/quantities';
import { fewSamples } from '../../../support/co-location-fixtures';

const at = '2026-11-21T20:00:00.000Z';
const [sample] = fewSamples(1, 1);
assert.ok(sample);
const judgedOf = (...records: SampleRecord[]) => ({
  good: new Map(records.map((record) => [record.planned, record])),
  setAside: [],
  isAway: false,
});
const measured = (planned: number, powerSource: Source | null): SampleRecord => ({
  kind: 'sample',
  at,
  planned,
  sample: powerSource === null ? null : sample,
  powerSource,
});
const tried = (powerSource: Source): CalibrationRecord => ({ kind: 'tried', at, sample, powerSource });

describe('what a calibration learns from', () => {
  it('tells the weakest source of power of all that is used', () => {
    const judged = judgedOf(measured(0, 'measured'), measured(1, 'measured'));
    assert.equal(samplesToLearnFrom(judged, []).powerSource, 'measured');
    assert.equal(samplesToLearnFrom(judged, [tried('modelled')]).powerSource, 'modelled');
    const unused = [tried('simulated'), ...Array.from({ length: 200 }, () => tried('measured'))];
    assert.equal(samplesToLearnFrom(judged, unused).powerSource, 'measured', 'the oldest is not learned from');
  });

  it('does not count a co-location that did not run', () => {
    const failed: SampleRecord = { ...measured(1, null), powerSource: 'modelled' };
    const { samples, powerSource } = samplesToLearnFrom(
      judgedOf(measured(0, 'measured'), failed, measured(2, null)),
      [],
    );
    assert.deepEqual([samples.length, powerSource], [1, 'measured']);
    assert.equal(samplesToLearnFrom(judgedOf(measured(0, null)), []).powerSource, null);
  });
});
