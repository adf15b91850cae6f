import assert from 'node:assert/strict';
import { AnalyticEstimator } from '../../../../src/mapping/estimator/analytic';
import type { Candidate, Work } from '../../../../src/mapping/estimator/estimator';
import { placedStages } from '../../../../src/mapping/estimator/placed-stages';
import { planningAnswerSchema } from '../../../../src/mapping/rounds/answer';
import { AnalyticOnly } from '../../../../src/mapping/rounds/estimators';
import { planOf } from '../../../../src/mapping/rounds/plan-of';
import { contextOf, limitsOf } from '../../../../src/mapping/rounds/problem';
import { planningQuestionSchema, type PlanningQuestion } from '../../../../src/mapping/rounds/question';
import { rivalsOf } from '../../../../src/mapping/rounds/rivals';
import { solveRound } from '../../../../src/mapping/rounds/solve';
import { inBatches } from '../../../../src/mapping/estimator/in-batches';
import { evaluate, type SearchProblem } from '../../../../src/mapping/search/search';
import { planSchema } from '../../../../src/signals/plan';
import { cap, components, operatingPoint, tenant } from '../../../support/planning-fixtures';
import { questionOf } from '../../../support/planning-questions';

const parts = components(2);

const cost = (ms: number) => ({ p50Ms: ms, p95Ms: ms * 1.1, cpuMs: ms });

/** Two stages of 8 and 12 ms; 18 ms uncut. */
const twoStages: Pick<Work, 'costs' | 'operations' | 'firstNodes' | 'whole'> = {
  costs: [
    [cost(8), cost(8)],
    [cost(12), cost(12)],
  ],
  operations: [
    { gigaflop: 0.2, gigabytes: 0.01, transferS: 0 },
    { gigaflop: 0.3, gigabytes: 0.01, transferS: 0.003 },
  ],
  firstNodes: [0, 17],
  whole: { costs: [cost(18), cost(18)] },
};

function problemOf(question: PlanningQuestion): SearchProblem {
  const context = contextOf(question);
  return { context, limits: limitsOf(question), estimator: inBatches(new AnalyticEstimator()), groups: [0, 0] };
}

async function staged(): Promise<PlanningQuestion> {
  const question = await questionOf([tenant('gauge', [['full', 0.9, 18]], { arrivalRatePerS: 1 })]);
  return {
    ...question,
    tenants: question.tenants.map((one) => ({
      ...one,
      variants: one.variants.map((variant) => ({ ...variant, work: twoStages })),
    })),
  };
}

describe('a round of planning', () => {
  it('survives the way to another process, the question as well as the answer', async () => {
    const question = await questionOf([tenant('inspect'), tenant('gauge')]);
    const copy = planningQuestionSchema.parse(structuredClone(question));
    assert.deepEqual(copy, question);
    const answer = await solveRound(copy, new AnalyticOnly());
    const back = planningAnswerSchema.parse(structuredClone(answer));
    assert.deepEqual(back, answer);
    planSchema.parse(back.plan);
  });

  it('says the reason where another estimator than the wanted one predicts', async () => {
    const { plan } = await solveRound(await questionOf([tenant('inspect')]), new AnalyticOnly(['there is no other']));
    assert.ok(plan.why.includes('there is no other'));
    assert.equal(plan.search.estimator, 'analytic');
  });

  describe('with variants in stages', () => {
    it('takes stages that stay together for the whole variant', () => {
      assert.deepEqual(placedStages(twoStages, [1, 1]), [{ at: 1, cost: cost(18), firstNode: 0 }]);
      assert.deepEqual(
        placedStages(twoStages, [0, 1]).map(({ at, firstNode }) => [at, firstNode]),
        [
          [0, 0],
          [1, 17],
        ],
      );
      const three = {
        costs: [
          [cost(1), cost(1)],
          [cost(2), cost(2)],
          [cost(4), null],
        ],
        firstNodes: [0, 3, 9],
      };
      assert.deepEqual(
        placedStages(three, [0, 1, 1]).map(({ at, firstNode, cost: known }) => [at, firstNode, known?.p50Ms]),
        [
          [0, 0, 1],
          [1, 3, undefined],
        ],
      );
      assert.deepEqual(
        placedStages(three, [0, 0, 0]).map(({ firstNode, cost: known }) => [firstNode, known?.p50Ms]),
        [[0, 7]],
      );
    });

    it('predicts each stage where it runs, with the transfer between them', async () => {
      const question = await staged();
      const problem = problemOf(question);
      const expected = async (candidate: Candidate) =>
        (await evaluate(problem, candidate)).prediction.latencyMs[0]?.lower ?? 0;
      assert.ok(Math.abs((await expected([[0, 0]])) - 18) < 1e-9);
      assert.ok(Math.abs((await expected([[0, 1]])) - (8 + 12 + 3)) < 1e-9);
    });

    it('writes cuts into the plan only where the component changes', async () => {
      const question = await staged();
      const problem = problemOf(question);
      const stagesOf = async (candidate: Candidate) => {
        const found = await evaluate(problem, candidate);
        const search = { estimator: 'analytic', candidates: 1, evaluated: 1, elapsedMs: 0 };
        const plan = planOf(question, 'p', { problem, found, before: null, search, remarks: [] });
        return plan.tenants[0];
      };
      assert.deepEqual((await stagesOf([[1, 1]]))?.stages, [{ stage: 0, component: 'cpu1', firstNode: 0 }]);
      const apart = await stagesOf([[0, 1]]);
      assert.deepEqual(apart?.stages, [
        { stage: 0, component: 'cpu0', firstNode: 0 },
        { stage: 1, component: 'cpu1', firstNode: 17 },
      ]);
      // 20 ms of 6 W.
      assert.ok(Math.abs((apart?.energyJ ?? 0) - 0.12) < 1e-12);
    });
  });

  describe('that cannot tell the best mapping from others', () => {
    it('names the ones that keep all limits and are within the intervals, the mapping in force among them', async () => {
      const question = await questionOf([tenant('a'), tenant('b')]);
      const problem = problemOf(question);
      const [together, apart, swapped] = await Promise.all(
        [
          [[0], [0]],
          [[0], [1]],
          [[1], [0]],
        ].map((candidate) => evaluate(problem, candidate)),
      );
      assert.ok(together && apart && swapped);
      const outcome = { best: apart, candidates: 4, evaluated: 3, top: [apart, swapped, together] };
      // `swapped` only exchanges two components that are alike.
      assert.deepEqual(
        rivalsOf(problem, together, apart, outcome).map(({ candidate }) => candidate),
        [[[0], [0]]],
      );
    });

    it('has no rivals where a limit is broken, or where the others are clearly worse', async () => {
      const broken = problemOf(await questionOf([tenant('a'), tenant('b')], { at: cap(5.2, operatingPoint(parts)) }));
      const at = (problem: SearchProblem, candidate: Candidate) => evaluate(problem, candidate);
      const [one, two] = [await at(broken, [[0], [0]]), await at(broken, [[0], [1]])];
      assert.deepEqual(rivalsOf(broken, one, two, { best: two, candidates: 4, evaluated: 2, top: [] }), []);

      const unequal = problemOf(await questionOf([tenant('a', [['full', 0.9, 10]])]));
      const slow = { ...unequal.context.work[0], costs: [[cost(10), cost(90)]], whole: undefined } as Work;
      const problem = { ...unequal, groups: [0, 1], context: { ...unequal.context, work: [slow] } };
      const [fast, far] = [await at(problem, [[0]]), await at(problem, [[1]])];
      assert.deepEqual(rivalsOf(problem, far, fast, { best: fast, candidates: 2, evaluated: 2, top: [] }), []);
    });
  });
});
