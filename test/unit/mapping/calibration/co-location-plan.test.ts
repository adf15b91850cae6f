import assert from 'node:assert/strict';
import { drawSets, planCoLocations, possibleWorkloads } from '../../../../src/mapping/calibration/co-location-plan';
import { seededInteger } from '../../../../src/mapping/search/seeded';
import { networksOf } from '../../../support/calibration-fixtures';

const sum = (pausesS: readonly number[]): number => pausesS.reduce((all, pauseS) => all + pauseS, 0);

describe('plan of co-locations to measure', () => {
  const networks = networksOf(3, [20, 8, 3, 1]);
  const plan = planCoLocations(networks, 2, 160, 7);

  it('has as many as asked for, some of them measured twice, and is the same for the same seed', () => {
    assert.equal(plan.length, 160);
    assert.deepEqual(planCoLocations(networks, 2, 160, 7), plan);
    assert.notDeepEqual(planCoLocations(networks, 2, 160, 8), plan);
    const measuredAgain = plan.filter(({ repeats }) => repeats !== null);
    assert.equal(measuredAgain.length, 13);
    for (const { repeats, networks: again } of measuredAgain) assert.deepEqual(again, plan[repeats ?? -1]?.networks);
  });

  it('takes many sets of up to one network more than tenants, each in several mappings, whole and in stages', () => {
    const sets = new Map<number, string>();
    for (const { workload, networks: set } of plan) {
      const key = set.map(({ network }) => network).join(',');
      assert.equal(sets.get(workload) ?? key, key, 'a workload is one set');
      sets.set(workload, key);
      assert.ok(set.length >= 1 && set.length <= 4);
    }
    assert.equal(new Set(sets.values()).size, 32);
    const sizes = new Set(plan.map(({ networks: set }) => set.length));
    assert.deepEqual([...sizes].sort(), [1, 2, 3, 4]);
    const inStages = plan.flatMap(({ networks: set }) => set).filter(({ places }) => places.length === 2);
    assert.ok(inStages.some(({ places: [a, b] }) => a !== b) && inStages.length > 40);
    const mapped = new Set(plan.map(({ networks: set }) => JSON.stringify(set)));
    assert.ok(mapped.size > 120);
  });

  it('pauses in about half of them, and never sends faster than the caller can bear', () => {
    const busy = plan.filter(({ networks: set }) => sum(set.map(({ pauseS }) => pauseS)) <= set.length / 250);
    assert.ok(busy.length > 40 && busy.length < 120, `${busy.length}`);
    for (const { networks: set } of plan) {
      for (const { network, pauseS } of set) {
        const aloneS = [0.02, 0.008, 0.003, 0.001][network % 4] ?? 0;
        assert.ok(pauseS + aloneS >= 1 / 250 - 1e-9);
      }
    }
  });

  it('leaves out components on which a variant was not measured', () => {
    const partly = networks.map((network) => ({
      ...network,
      ways: network.ways.map((way) => ({
        ...way,
        work: { ...way.work, costs: way.work.costs.map(([first = null]) => [first, null]) },
      })),
    }));
    for (const { networks: set } of planCoLocations(partly, 2, 60, 1)) {
      for (const { places } of set) assert.ok(places.every((at) => at === 0));
    }
  });

  it('makes do with one tenant of several variants, and with twelve tenants', () => {
    assert.equal(possibleWorkloads(networksOf(1, [9, 5, 2])), 6);
    const one = planCoLocations(networksOf(1, [9, 5, 2]), 1, 60, 1);
    assert.equal(new Set(one.map(({ workload }) => workload)).size, 6);
    const twelve = planCoLocations(networksOf(12, [9, 5]), 2, 100, 1);
    assert.equal(Math.max(...twelve.map(({ networks: set }) => set.length)), 5);
  });

  it('finds as many sets as there are without drawing for long', () => {
    for (const [tenants, runMs, count] of [
      [3, [9, 5, 2], 200],
      [5, [9], 31],
      [1, [8, 7, 6, 5, 4, 3, 2, 1], 36],
      [2, [8, 7, 6, 5, 4, 3, 2, 1], 200],
    ] as const) {
      const below = seededInteger(3);
      let draws = 0;
      const sets = drawSets(networksOf(tenants, runMs), count, (most) => {
        draws += 1;
        return below(most);
      });
      assert.equal(new Set(sets.map((set) => set.join(','))).size, count);
      assert.ok(draws < 100 * count, `${draws} draws for ${count} sets of ${tenants} tenants`);
    }
  });

  it('says that one or two variants are too few', () => {
    assert.throws(() => planCoLocations(networksOf(1, [9]), 2, 100, 1), {
      code: 'INVALID_CONFIG',
      message: /there is one variant .* makes 1\. Add tenants or variants/,
    });
    assert.throws(() => planCoLocations(networksOf(1, [9, 5]), 2, 100, 1), { code: 'INVALID_CONFIG' });
    assert.throws(() => planCoLocations([], 2, 100, 1), { code: 'INVALID_CONFIG' });
  });
});
