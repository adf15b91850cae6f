import assert from 'node:assert/strict';
import { knownNetworks } from '../../../../src/mapping/calibration/known-networks';
import { ProfileTable } from '../../../../src/mapping/profiles/table';
import type { ModelCounts } from '../../../../src/mapping/profiles/operations';
import type { OperatingPoint } from '../../../../src/signals/device';
import { components, device, fourVariants, operatingPoint, profile, tenant } from '../../../support/planning-fixtures';

const counts: ModelCounts = {
  gigaflop: 0.4,
  gigabytes: 0.02,
  inputBytes: 600_000,
  cuts: [{ firstNode: 7, gigaflopBefore: 0.1, gigabytesBefore: 0.01, crossingBytes: 200_000 }],
};

describe('networks that can be calibrated with', () => {
  const camera = tenant('camera');
  let table: ProfileTable;
  beforeEach(() => {
    table = new ProfileTable();
    for (const [variant, , runMs] of fourVariants) {
      table.set('camera', variant, profile(runMs));
      table.setCounts('camera', variant, counts);
    }
  });
  const networks = () => knownNetworks(device(), [camera], table).networks;

  it('are the variants of the tenants, with their files and what they cost alone', () => {
    const found = networks();
    assert.deepEqual(
      found.map(({ name }) => name),
      ['camera full', 'camera medium', 'camera small', 'camera tiny'],
    );
    const [full] = found;
    assert.deepEqual([full?.path, full?.sha256, full?.ways.length], ['/models/camera-full.onnx', 'a'.repeat(64), 1]);
    assert.deepEqual(full?.ways[0]?.firstNodes, [0]);
    assert.equal(full?.ways[0]?.work.costs[0]?.[1]?.p50Ms, 30);
    assert.equal(full?.ways[0]?.work.operations?.[0]?.gigaflop, 0.4);
  });

  it('run in their stages, too, where these were measured', () => {
    const stages = [
      { firstNode: 0, endNode: 7 },
      { firstNode: 7, endNode: null },
    ];
    table.setStages('camera', 'full', stages);
    for (const stage of stages) table.set('camera', 'full', profile(15, { stage }));
    const [full, medium] = networks();
    assert.deepEqual(
      full?.ways.map(({ firstNodes }) => firstNodes),
      [[0], [0, 7]],
    );
    assert.deepEqual(
      full?.ways[1]?.work.costs.map(([first]) => first?.p50Ms),
      [15, 15],
    );
    assert.equal(medium?.ways.length, 1);
  });

  it('cost at another operating point what was measured there', () => {
    const slow = { ...operatingPoint(components(2), 0.5), limits: 'clock' as const };
    table.set('camera', 'full', profile(80, { operatingPoint: { name: 'slow', clockSpeed: 0.5 } }));
    const [full, medium] = networks();
    const p50Ms = (network: typeof full, point: OperatingPoint): number | undefined =>
      network?.waysAt?.(point)[0]?.work.costs[0]?.[0]?.p50Ms;
    // At full speed: what took 80 ms at half of it.
    assert.equal(p50Ms(full, slow), 40);
    assert.equal(p50Ms(full, operatingPoint(components(2))), 30);
    assert.equal(full?.ways[0]?.work.costs[0]?.[0]?.p50Ms, 30);
    assert.equal(p50Ms(medium, slow), 12, 'or nearest to it');
  });

  it('carry what stressors told', () => {
    const sensitivity = { besideMemory: 0.1, besideItself: 0.7, caused: 0.05 };
    table.setSensitivity('camera', 'medium', 'cpu-1t', sensitivity);
    const [full, medium] = networks();
    assert.deepEqual(medium?.ways[0]?.work.sensitivity, [sensitivity, sensitivity]);
    assert.equal(full?.ways[0]?.work.sensitivity, undefined);
  });

  it('are without those that are excluded, not measured, or of which nobody knows what they compute', () => {
    table.exclude({ tenant: 'camera', variant: 'full', code: 'MODEL_INVALID', reason: 'no model' });
    const other = new ProfileTable();
    other.set('camera', 'medium', profile(12));
    assert.deepEqual(
      networks().map(({ name }) => name),
      ['camera medium', 'camera small', 'camera tiny'],
    );
    assert.deepEqual(knownNetworks(device(), [camera], other), {
      networks: [],
      leftOut: [
        'camera full: it was not measured alone',
        'camera medium: what it computes is not known',
        'camera small: it was not measured alone',
        'camera tiny: it was not measured alone',
      ],
    });
    assert.deepEqual(knownNetworks(device(), [camera], table).leftOut, ['camera full: no model']);
  });
});
