import assert from 'node:assert/strict';
import { chooseAnchor } from '../../../../src/mapping/calibration/anchor';
import { planCoLocations, type PlannedCoLocation } from '../../../../src/mapping/calibration/co-location-plan';
import { networksOf } from '../../../support/calibration-fixtures';

/** Networks 0 to 3: 1, 8, 40 and 90 ms alone. */
const networks = networksOf(1, [1, 8, 40, 90]);

const coLocation = (of: readonly number[], more: Partial<PlannedCoLocation> & { pauseS?: number } = {}) => {
  const { pauseS = 0, ...rest } = more;
  return {
    ...{ workload: 0, quota: null, repeats: null, ...rest },
    networks: of.map((network) => ({ network, way: 0, places: [0], pauseS })),
  };
};

describe('the anchor of a calibration', () => {
  it('is of networks of which none is over at once', () => {
    const plan = [coLocation([0, 3]), coLocation([0, 1]), coLocation([1, 2]), coLocation([0, 1, 2])];
    assert.equal(chooseAnchor(plan, networks), plan[2]);
  });

  it('is the one with the shortest pauses of those that are long enough', () => {
    const plan = [coLocation([2, 3], { pauseS: 0.05 }), coLocation([2, 3], { pauseS: 0.01 }), coLocation([1, 3])];
    assert.equal(chooseAnchor(plan, networks), plan[1]);
  });

  it('does not take its time where another does not, and needs neither one network nor many', () => {
    const plan = [coLocation([2, 3], { pauseS: 2 }), coLocation([0, 1]), coLocation([3]), coLocation([3, 2, 2, 3])];
    assert.equal(chooseAnchor(plan, networks), plan[1]);
    assert.equal(
      chooseAnchor([plan[0] ?? assert.fail(), coLocation([1, 2], { pauseS: 1 })], networks)?.networks.length,
      2,
    );
  });

  it('takes what there is, and never one under a quota', () => {
    const alone = coLocation([3]);
    assert.equal(chooseAnchor([coLocation([1, 2], { quota: 'half' }), alone], networks), alone);
    assert.equal(chooseAnchor([coLocation([1, 2], { quota: 'half' })], networks), undefined);
    const rare = [coLocation([1, 2], { pauseS: 3 }), coLocation([1, 2], { pauseS: 1 })];
    assert.equal(chooseAnchor(rare, networks), rare[1]);
  });

  it('is found in a real plan', () => {
    const plan = planCoLocations(networksOf(3, [1, 8, 40]), 2, 60, 1, ['half']);
    const anchor = chooseAnchor(plan, networksOf(3, [1, 8, 40]));
    assert.ok(anchor !== undefined && anchor.quota === null && plan.includes(anchor));
    assert.ok(anchor.networks.length === 2 || anchor.networks.length === 3);
  });
});
