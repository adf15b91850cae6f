import assert from 'node:assert/strict';
import { Bounds, type BoundFigures } from '../../../bench/bounds/bounds';
import { LoopBoard, tenantsOf } from '../../../src/loop/simulated-board/board';
import { boardProfiles } from '../../../src/loop/simulated-board/profiles';
import type { BatchEstimator } from '../../../src/mapping/estimator/estimator';
import { seededMixes, type Arrivals } from '../../../src/simulation/devices/workloads/mixes';
import { Random } from '../../../src/simulation/random';

/** Promises every tenant the same. */
const promising = (upperMs: number): BatchEstimator => ({
  name: 'fixed',
  estimate: (candidates, { work }) =>
    Promise.resolve(
      candidates.map(() => ({
        latencyMs: work.map(() => ({ expected: upperMs, lower: 0, upper: upperMs })),
        load: [],
        powerW: { expected: 10, lower: 10, upper: 10 },
      })),
    ),
});

describe('bounds held to what a simulated board serves', () => {
  const figuresFor = async (arrivals: Arrivals): Promise<BoundFigures[]> => {
    const board = new LoopBoard('agx-xavier');
    const { operatingPoints } = board.describe();
    const [mix] = seededMixes(board.model, 1, 3);
    assert.ok(mix);
    const tenants = tenantsOf(mix);
    const profiles = boardProfiles(board, tenants, operatingPoints, new Random(1));
    const bounds = new Bounds(board, operatingPoints, arrivals);
    const estimators = { nothing: promising(0), something: promising(60), everything: promising(1e9) };
    await bounds.hold({ tenants, profiles, estimators, mappings: 3, seed: 1 });
    return bounds.figures();
  };

  it('count who stays within them, of every tenant of every mapping', async () => {
    const figures = await figuresFor('poisson');
    const covered = new Map(figures.map(({ estimator, coveragePct }) => [estimator, coveragePct]));
    assert.deepEqual(
      figures.map(({ estimator, tenants }) => [estimator, tenants]),
      [
        ['nothing', 9],
        ['something', 9],
        ['everything', 9],
      ],
    );
    assert.equal(covered.get('nothing'), 0);
    assert.equal(covered.get('everything'), 100);
  });

  it('hold less where requests come in bursts', async () => {
    const median = async (arrivals: Arrivals): Promise<number> =>
      (await figuresFor(arrivals)).find(({ estimator }) => estimator === 'something')?.overTruth.p50 ?? 0;
    assert.ok((await median('bursty')) < (await median('poisson')));
  });
});
