import assert from 'node:assert/strict';
import { knowledgeOf, tableOf } from '../../../../src/loop/recording/knowledge';
import { VariantCosts } from '../../../../src/mapping/costs';
import { ProfileTable } from '../../../../src/mapping/profiles/table';
import type { OperatingPoint } from '../../../../src/signals/device';
import { components, operatingPoint, profile, tenant, type VariantRow } from '../../../support/planning-fixtures';

const rows: readonly VariantRow[] = [
  ['full', 0.98, 30],
  ['tiny', 0.85, 2],
];

/** Everything that can be known of variants: profiles at two clocks, stages, counts, sensitivities, exclusions. */
function fullTable(): ProfileTable {
  const table = new ProfileTable();
  const slow = { operatingPoint: { name: 'slow', clockSpeed: 0.5 } };
  for (const componentClass of ['cpu-1t', 'cpu-big-1t']) {
    table.set('inspect', 'full', profile(30, { componentClass }));
    table.set('inspect', 'full', profile(65, { componentClass, ...slow }));
    for (const stage of [
      { firstNode: 0, endNode: 7 },
      { firstNode: 7, endNode: null },
    ])
      table.set('inspect', 'full', profile(15, { componentClass, stage }));
  }
  table.set('inspect', 'tiny', profile(2));
  table.setStages('inspect', 'full', [
    { firstNode: 0, endNode: 7 },
    { firstNode: 7, endNode: null },
  ]);
  const cut = (firstNode: number) => ({ firstNode, gigaflopBefore: 1, gigabytesBefore: 0.1, crossingBytes: 4000 });
  table.setCounts('inspect', 'full', {
    ...{ gigaflop: 3, gigabytes: 0.5, inputBytes: 36_864, inputDims: { x: [1, 1, 96, 96] } },
    cuts: [cut(3), cut(7), cut(9)],
  });
  table.setSensitivity('inspect', 'full', 'cpu-1t', { besideMemory: 1.2, besideItself: 1.5, caused: 1.1 });
  table.exclude({ tenant: 'gauge', variant: 'full', code: 'MODEL_NOT_FOUND', reason: 'gone' });
  return table;
}

describe('what a recording keeps of the costs', () => {
  const tenants = [tenant('inspect', rows), tenant('gauge', rows)];
  const parts = components(2, ['cpu-1t', 'cpu-big-1t']);
  const points: OperatingPoint[] = [operatingPoint(parts), { ...operatingPoint(parts, 0.5), limits: 'clock' }];
  const device = { components: parts, operatingPoints: points };

  it('answers the planner as the table did, also as JSON', () => {
    const table = fullTable();
    const kept = JSON.parse(JSON.stringify(knowledgeOf(tenants, device, table))) as ReturnType<typeof knowledgeOf>;
    const before = new VariantCosts(device, table);
    const after = new VariantCosts(device, tableOf(kept));
    for (const { name, variants } of tenants)
      for (const { name: variant } of variants)
        for (const point of points)
          assert.deepEqual(
            after.workOf(name, variant, point),
            before.workOf(name, variant, point),
            `${name} ${variant}`,
          );
    assert.equal(before.workOf('inspect', 'full', points[0]).costs.length, 2, 'stages are among it');
    assert.equal(tableOf(kept).exclusionOf('gauge', 'full')?.code, 'MODEL_NOT_FOUND');
    assert.equal(tableOf(kept).exclusionOf('inspect', 'full'), null);
  });

  it('leaves out the cuts that nothing is cut at', () => {
    const [full] = knowledgeOf(tenants, device, fullTable());
    assert.deepEqual(
      full?.counts?.cuts.map(({ firstNode }) => firstNode),
      [7],
    );
  });
});
