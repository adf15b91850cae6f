import assert from 'node:assert/strict';
import { deviceScores, referenceDevice, type ReferenceRun } from '../../../src/mapping/device-scores/device-scores';

/** A model as the reference device itself runs it. */
function onReference(model: string, macs: number): ReferenceRun {
  const seconds = macs / referenceDevice.macsPerS;
  return { model, macs, latencyMs: 1000 * seconds, energyJ: seconds * referenceDevice.powerW, source: 'modelled' };
}

const reference = [onReference('small', 1e6), onReference('large', 3e8)];

describe('device scores', () => {
  it('are 100 for the reference device', () => {
    const scores = deviceScores(reference);
    assert.ok(scores !== null);
    assert.ok(Math.abs(scores.inferenceEnergyScore - 100) < 1e-9);
    assert.ok(Math.abs(scores.powerScore - 100) < 1e-9);
    assert.deepEqual([scores.models, scores.source], [2, 'modelled']);
  });

  it('double when every model takes half the energy, and a faster device of the same power scores the same power', () => {
    const faster = reference.map((run) => ({ ...run, latencyMs: run.latencyMs / 2, energyJ: run.energyJ / 2 }));
    const scores = deviceScores(faster);
    assert.ok(scores !== null);
    assert.ok(Math.abs(scores.inferenceEnergyScore - 200) < 1e-9);
    assert.ok(Math.abs(scores.powerScore - 100) < 1e-9);
  });

  it('count every model alike, whatever its size', () => {
    const [small, large] = reference;
    assert.ok(small !== undefined && large !== undefined);
    const dearSmall = deviceScores([{ ...small, energyJ: 4 * small.energyJ }, large]);
    const dearLarge = deviceScores([small, { ...large, energyJ: 4 * large.energyJ }]);
    assert.ok(dearSmall !== null && dearLarge !== null);
    assert.ok(Math.abs(dearSmall.inferenceEnergyScore - dearLarge.inferenceEnergyScore) < 1e-9);
    assert.ok(Math.abs(dearSmall.inferenceEnergyScore - 50) < 1e-9);
  });

  it('are only as good as the least trustworthy energy', () => {
    const [small, large] = reference;
    assert.ok(small !== undefined && large !== undefined);
    assert.equal(deviceScores([{ ...small, source: 'measured' }, large])?.source, 'modelled');
  });

  it('are unknown without models, or where a figure is missing', () => {
    assert.equal(deviceScores([]), null);
    for (const wrong of [0, Number.NaN, Infinity, -1]) {
      assert.equal(deviceScores(reference.map((run) => ({ ...run, energyJ: wrong }))), null, String(wrong));
      assert.equal(deviceScores(reference.map((run) => ({ ...run, latencyMs: wrong }))), null, String(wrong));
    }
  });
});
