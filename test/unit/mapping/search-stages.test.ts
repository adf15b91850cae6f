import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AnalyticEstimator } from '../../../src/mapping/estimator/analytic';
import type { BatchEstimator, Candidate, EstimationContext, Work } from '../../../src/mapping/estimator/estimator';
import { inBatches } from '../../../src/mapping/estimator/in-batches';
import { compareCosts } from '../../../src/mapping/search/objective';
import { evaluate, searchMapping, type SearchProblem } from '../../../src/mapping/search/search';
import { SearchSpace } from '../../../src/mapping/search/space';
import { interchangeableGroups } from '../../../src/mapping/search/symmetry';
import { components, operatingPoint } from '../../support/planning-fixtures';

/** Milliseconds of each stage on each class of component; null where it does not run. */
type StageRow = readonly (number | null)[];

interface Tenant {
  readonly stages: readonly StageRow[];
  readonly ratePerS: number;
  readonly priority: number;
  readonly limitMs: number;
}

const classNames = ['a', 'b', 'c'];

/** Component `at` is of class `classes[at]`. */
function problem(tenants: readonly Tenant[], classes: readonly number[], capW: number | null = null): SearchProblem {
  const parts = components(
    classes.length,
    classes.map((index) => classNames[index] ?? ''),
  );
  const context: EstimationContext = {
    components: parts,
    operatingPoint: operatingPoint(parts),
    work: tenants.map(({ stages, ratePerS, priority }, index): Work => ({
      tenant: `t${index}`,
      variant: 'full',
      ratePerS,
      priority,
      costs: stages.map((row) =>
        classes.map((kind) => {
          const ms = row[kind] ?? null;
          return ms === null ? null : { p50Ms: ms, p95Ms: ms * 1.2, cpuMs: ms };
        }),
      ),
    })),
  };
  return {
    context,
    limits: {
      capW,
      demands: tenants.map(({ limitMs, priority, ratePerS }) => ({ latencyLimitMs: limitMs, priority, ratePerS })),
    },
    estimator: inBatches(new AnalyticEstimator()),
    groups: interchangeableGroups(parts, context.operatingPoint),
  };
}

/** Every mapping of every stage, symmetric ones included. */
function everyMapping({ context }: SearchProblem): Candidate[] {
  const count = context.components.length;
  let all: number[][][] = [[]];
  for (const { costs } of context.work) {
    let own: number[][] = [[]];
    for (let stage = 0; stage < costs.length; stage += 1) {
      own = own.flatMap((head) => Array.from({ length: count }, (_, at) => [...head, at]));
    }
    all = all.flatMap((head) => own.map((stages) => [...head, stages]));
  }
  return all;
}

const ms = fc.double({ min: 1, max: 60, noNaN: true });
const tenant = (mostStages: number): fc.Arbitrary<Tenant> =>
  fc.record({
    stages: fc.array(fc.tuple(ms, ms, ms), { minLength: 1, maxLength: mostStages }),
    ratePerS: fc.double({ min: 0, max: 12, noNaN: true }),
    priority: fc.integer({ min: 1, max: 3 }),
    limitMs: fc.double({ min: 10, max: 400, noNaN: true }),
  });
const capW = fc.option(fc.double({ min: 4, max: 20, noNaN: true }));

/** Twelve tenants of one to four stages, always the same. */
const twelve: Tenant[] = Array.from({ length: 12 }, (_, index) => ({
  stages: Array.from({ length: 1 + (index % 4) }, (_row, stage) =>
    classNames.map((_name, kind) => 2 + ((index * 7 + stage * 5 + kind * 3) % 11)),
  ),
  ratePerS: 2 + ((index * 5) % 7),
  priority: 1 + (index % 3),
  limitMs: 60 + ((index * 3) % 5) * 40,
}));
const large = [0, 1, 2, 0];

/** Counts what it is asked, and remembers how much at once. */
function counting(estimator: SearchProblem['estimator']): BatchEstimator & { batches: number[]; asked: Candidate[] } {
  const batches: number[] = [];
  const asked: Candidate[] = [];
  return {
    name: 'counting',
    batches,
    asked,
    estimate: async (candidates, context) => {
      batches.push(candidates.length);
      asked.push(...candidates);
      return estimator.estimate(candidates, context);
    },
  };
}

describe('searchMapping with stages', () => {
  it('finds what trying everything finds, where the budget covers the space', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(tenant(2), { minLength: 1, maxLength: 3 }),
        fc.constantFrom([0, 1], [0, 1, 0], [0, 1, 2]),
        capW,
        async (tenants, classes, cap) => {
          const posed = problem(tenants, classes, cap);
          const { best, candidates, evaluated } = await searchMapping(posed, { budget: 1000, starts: [], seed: 1 });
          const all = everyMapping(posed);
          assert.equal(candidates, all.length);
          const space = new SearchSpace(posed.context, posed.groups);
          assert.equal(evaluated, new Set(all.map((candidate) => space.keyOf(candidate.flat()))).size);
          for (const candidate of all) {
            assert.ok(compareCosts(best.cost, (await evaluate(posed, candidate)).cost) <= 0);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is never worse than any start, whatever the budget, and keeps the budget to the last evaluation', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(tenant(3), { minLength: 4, maxLength: 8 }),
        capW,
        fc.integer({ min: 0, max: 400 }),
        fc.integer(),
        fc.boolean(),
        async (tenants, cap, budget, seed, local) => {
          const posed = problem(tenants, large, cap);
          const starts = [0, 1, 2].map((shift) =>
            tenants.map(({ stages }, index) =>
              stages.map((_, stage) => (index + stage * shift + shift) % large.length),
            ),
          );
          const estimator = counting(posed.estimator);
          const { best, evaluated, top } = await searchMapping(
            { ...posed, estimator },
            { budget, starts, seed, local },
          );
          for (const start of starts) assert.ok(compareCosts(best.cost, (await evaluate(posed, start)).cost) <= 0);
          // The starts are evaluated in any case: the given ones, the two simple ones and one for each component.
          assert.ok(evaluated <= Math.max(budget, 9), `${evaluated} of ${budget}`);
          assert.equal(estimator.asked.length, evaluated);
          const space = new SearchSpace(posed.context, posed.groups);
          assert.equal(new Set(estimator.asked.map((candidate) => space.keyOf(candidate.flat()))).size, evaluated);
          assert.deepEqual(top[0], best);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('uses all of its budget in a large space, in batches of at most 256', async () => {
    const posed = problem(twelve, large, 20);
    for (const budget of [50, 333, 1500]) {
      const estimator = counting(posed.estimator);
      const { evaluated } = await searchMapping({ ...posed, estimator }, { budget, starts: [], seed: 1 });
      assert.equal(evaluated, budget);
      assert.ok(Math.max(...estimator.batches) <= 256);
    }
  });

  it('ends in a space that the budget all but covers', async () => {
    const posed = problem(twelve.slice(0, 3), [0, 1, 2]);
    const whole = await searchMapping(posed, { budget: 1000, starts: [], seed: 1 });
    assert.equal(whole.evaluated, whole.candidates);
    const { best, evaluated } = await searchMapping(posed, { budget: whole.candidates - 1, starts: [], seed: 1 });
    assert.equal(evaluated, whole.candidates - 1);
    assert.ok(compareCosts(best.cost, whole.best.cost) >= 0);
  });

  it('gives the same for the same seed, and for every seed something better than simple mappings', async () => {
    const posed = problem(twelve, large, 22);
    const simple = [
      ...large.map((_, at) => twelve.map(({ stages }) => stages.map(() => at))),
      twelve.map(({ stages }, index) => stages.map(() => index % large.length)),
      twelve.map(({ stages }) => stages.map((_, stage) => stage % large.length)),
    ];
    for (const seed of [1, 2, 3]) {
      const first = await searchMapping(posed, { budget: 600, starts: [], seed });
      assert.deepEqual(await searchMapping(posed, { budget: 600, starts: [], seed }), first);
      for (const candidate of simple) {
        assert.ok(compareCosts(first.best.cost, (await evaluate(posed, candidate)).cost) < 0);
      }
    }
  });

  it('returns the best mapping and others that differ from it and from each other, best first', async () => {
    const posed = problem(twelve, large, 22);
    const { top } = await searchMapping(posed, { budget: 500, starts: [], seed: 1, keep: 5 });
    assert.equal(top.length, 5);
    const space = new SearchSpace(posed.context, posed.groups);
    assert.equal(new Set(top.map(({ candidate }) => space.keyOf(candidate.flat()))).size, 5);
    top.forEach(({ candidate, cost }, index) => {
      for (const before of top.slice(0, index)) {
        assert.ok(compareCosts(before.cost, cost) <= 0);
        const differing = candidate.flat().filter((at, gene) => at !== before.candidate.flat()[gene]);
        assert.ok(differing.length >= 3, `${differing.length} stages`);
      }
    });
    // Where nothing differs so much, the next best will do.
    const two = problem(twelve.slice(0, 1).concat(twelve.slice(4, 5)), [0, 1, 2]);
    const few = await searchMapping(two, { budget: 10, starts: [], seed: 1, apart: 3 });
    assert.equal(few.top.length, 3);
    assert.deepEqual(few.top[0], few.best);
    // In a small space there are no more than there are.
    const one = problem(twelve.slice(0, 1), [0, 0]);
    assert.equal((await searchMapping(one, { budget: 10, starts: [], seed: 1 })).top.length, 1);
  });

  it('plans for a single tenant, and for nobody', async () => {
    const single = await searchMapping(problem(twelve.slice(3, 4), [0, 1, 2]), { budget: 100, starts: [], seed: 1 });
    assert.equal(single.best.candidate[0]?.length, 4);
    assert.equal(single.evaluated, 81);
    const nobody = await searchMapping(problem([], [0, 1]), { budget: 100, starts: [], seed: 1 });
    assert.deepEqual(nobody.best.candidate, []);
  });

  it('returns what breaks least when nothing is feasible', async () => {
    const hopeless = twelve.slice(0, 4).map((item) => ({ ...item, limitMs: 0.5 }));
    const posed = problem(hopeless, [0, 1], 5.2);
    const { best } = await searchMapping(posed, { budget: 5000, starts: [], seed: 1 });
    assert.ok(best.cost.broken.some((excess) => excess > 0));
    for (const candidate of everyMapping(posed)) {
      assert.ok(compareCosts(best.cost, (await evaluate(posed, candidate)).cost) <= 0);
    }
  });

  it('puts no stage where it does not run, even where that is in force, unless it runs nowhere', async () => {
    const picky: Tenant[] = twelve.map((item, index) => ({
      ...item,
      stages: item.stages.map((row, stage) => row.map((value, kind) => (kind === (index + stage) % 3 ? null : value))),
    }));
    const posed = problem(picky, large, 20);
    const known = (candidate: Candidate): boolean =>
      candidate.every((stages, index) =>
        stages.every((at, stage) => (posed.context.work[index]?.costs[stage]?.[at] ?? null) !== null),
      );
    const inForce = picky.map(({ stages }, index) => stages.map((_, stage) => (index + stage) % 3));
    assert.ok(!known(inForce));
    for (const local of [false, true]) {
      const { top } = await searchMapping(posed, { budget: 400, starts: [inForce], seed: 1, local });
      for (const { candidate } of top) assert.ok(known(candidate));
    }
    const nowhere = problem([{ stages: [[null, null, null]], ratePerS: 1, priority: 1, limitMs: 10 }], [0, 1]);
    const { best } = await searchMapping(nowhere, { budget: 10, starts: [], seed: 1 });
    assert.equal(best.cost.unknown, 1);
  });

  it('knows a variant that was measured whole but not stage by stage', async () => {
    const posed = problem(
      [
        {
          stages: [
            [5, 9, null],
            [5, 9, null],
          ],
          ratePerS: 1,
          priority: 1,
          limitMs: 100,
        },
      ],
      [0, 1, 2],
    );
    const [item] = posed.context.work;
    assert.ok(item);
    const fast = { p50Ms: 2, p95Ms: 2, cpuMs: 2 };
    const work = [{ ...item, whole: { costs: [null, null, fast] } }];
    const space = new SearchSpace({ ...posed.context, work }, posed.groups);
    assert.deepEqual(space.wholeChoices, [[2]]);
    assert.deepEqual(space.choices, [
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  it('leaves out starts of other tenants, stages or components', async () => {
    const posed = problem(twelve, large, 20);
    const right = twelve.map(({ stages }) => stages.map(() => 0));
    const starts = [right.slice(1), right.map((stages) => [...stages, 0]), right.map((stages) => stages.map(() => 9))];
    const settings = { budget: 200, seed: 1 };
    assert.deepEqual(
      await searchMapping(posed, { ...settings, starts }),
      await searchMapping(posed, { ...settings, starts: [] }),
    );
  });

  it('stops when its time is over with the best so far', async () => {
    const posed = problem(twelve, large, 20);
    let nowMs = 0;
    const estimator = counting(posed.estimator);
    const slow: BatchEstimator = {
      name: 'slow',
      estimate: (candidates, context) => {
        nowMs += candidates.length;
        return estimator.estimate(candidates, context);
      },
    };
    const settings = { budget: 100_000, starts: [], seed: 1, timeBudgetMs: 300, clock: () => nowMs };
    const { best, evaluated } = await searchMapping({ ...posed, estimator: slow }, settings);
    // What was begun before is finished.
    assert.ok(evaluated >= 300 && evaluated < 300 + 256, `${evaluated}`);
    for (const candidate of estimator.asked) {
      assert.ok(compareCosts(best.cost, (await evaluate(posed, candidate)).cost) <= 0);
    }
    // Time that does not run out changes nothing.
    const [bounded, free] = await Promise.all(
      [1e6, undefined].map((timeBudgetMs) =>
        searchMapping(posed, { budget: 400, starts: [], seed: 1, timeBudgetMs, clock: () => 0 }),
      ),
    );
    assert.deepEqual(bounded, free);
  });

  it('has no answer without a component', async () => {
    await assert.rejects(searchMapping(problem(twelve, []), { budget: 10, starts: [], seed: 1 }), RangeError);
  });
});
