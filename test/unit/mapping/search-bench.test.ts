import assert from 'node:assert/strict';
import { costOfRun, Measurements, runsFor } from '../../../bench/mapping/cost';
import { additive, estimatorOf, meanValueAnalysis } from '../../../bench/mapping/estimators';
import { drawInstance, type Instance } from '../../../bench/mapping/instance';
import { problemOf, searchWith } from '../../../bench/mapping/methods';
import { judge } from '../../../bench/mapping/regret';
import { treeSearch } from '../../../bench/mapping/tree-search';
import type { Candidate } from '../../../src/mapping/estimator/estimator';
import { searchMapping } from '../../../src/mapping/search/search';
import { referenceDevice } from '../../../src/simulation/co-location/device';
import { networkPool } from '../../../src/simulation/co-location/samples';
import { Random } from '../../../src/simulation/random';

describe('the benchmark of mapping decisions', () => {
  let instance: Instance;
  const predictor = { network: meanValueAnalysis, lnPowerMargin: 0 };

  before(() => {
    const random = new Random(5);
    const pool = networkPool(referenceDevice, 6, random);
    instance = drawInstance(referenceDevice, pool, { networks: [2, 2], stages: [5, 5] }, random);
  });

  const together = (at: number): Candidate => instance.networks.map(({ network }) => network.stages.map(() => at));

  it('draws networks with so many stages and the operating point that a cap would put in force', () => {
    assert.equal(instance.networks.length, 2);
    assert.equal(instance.context.work.flatMap(({ costs }) => costs).length, 5);
    const higher = referenceDevice.levels.filter(({ capW }) => capW > instance.level.capW && capW <= instance.capW);
    assert.deepEqual(higher, []);
  });

  it('rates a run by the mean logarithm of its slowdowns and by what is over the cap', () => {
    const latencyS = instance.bestS.map((seconds) => 2 * seconds);
    assert.ok(Math.abs(costOfRun(instance, { latencyS, powerW: instance.capW }) - Math.log(2)) < 1e-12);
    const over = costOfRun(instance, { latencyS, powerW: 1.1 * instance.capW });
    assert.ok(Math.abs(over - Math.log(2) - 20 * Math.log(1.1)) < 1e-9);
  });

  it('measures the same run the same way, and other runs a little differently', () => {
    const [one, other] = [new Measurements(instance), new Measurements(instance)];
    assert.deepEqual(one.mean(together(0), runsFor.decision), other.mean(together(0), runsFor.decision));
    assert.notDeepEqual(one.mean(together(0), [1, 2]), one.mean(together(0), [0, 1]));
    assert.equal(one.count, 2);
  });

  it('takes the additive model for what the features say of it', async () => {
    const [alone] = await estimatorOf(additive, instance, 0).estimate([together(1)], instance.context);
    instance.coLocation.networks.forEach(({ stages }, index) => {
      const seconds = stages.reduce((sum, stage) => sum + (stage.alone[1]?.latencyS ?? 0), 0);
      const predicted = alone?.latencyMs[index]?.expected ?? 0;
      assert.ok(Math.abs(predicted / 1000 / seconds - 1) < 1e-4, `${predicted} ms`);
    });
    const [upper] = await estimatorOf(additive, instance, 0.1).estimate([together(1)], instance.context);
    assert.ok(upper && alone && Math.abs(upper.powerW.upper / alone.powerW.expected - Math.exp(0.1)) < 1e-9);
  });

  it('searches trees within the budget, and finds the best where the budget is ample', async () => {
    const problem = problemOf(instance, predictor);
    const best = (await searchMapping(problem, { budget: 1000, starts: [], seed: 1 })).best;
    const [found] = await treeSearch(problem, 1000, 3, new Random(1));
    assert.deepEqual(found?.candidate, best.candidate);
    const few = await treeSearch(problem, 20, 30, new Random(1));
    assert.equal(few.length, 20);
  });

  it('finds no regret where everything is proposed, and some for what is plainly bad', async () => {
    const { top } = await searchMapping(problemOf(instance, predictor), {
      budget: 1000,
      starts: [],
      seed: 1,
      keep: 12,
    });
    const { judged } = await judge(
      instance,
      [
        { name: 'many', propose: () => Promise.resolve(top.map(({ candidate }) => candidate)) },
        { name: 'few', propose: () => searchWith(predictor, instance) },
        { name: 'slowest', propose: () => Promise.resolve([together(0)]) },
      ],
      120,
    );
    const [many, few, slowest] = judged;
    assert.ok(many && few && slowest);
    assert.ok(many.regretPct < 5, `${many.regretPct} %`);
    assert.ok(few.regretPct < slowest.regretPct && slowest.regretPct > 20, `${few.regretPct}, ${slowest.regretPct} %`);
  });
});
