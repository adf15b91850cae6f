import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AnalyticEstimator } from '../../../src/mapping/estimator/analytic';
import type { Candidate, EstimationContext } from '../../../src/mapping/estimator/estimator';
import { inBatches } from '../../../src/mapping/estimator/in-batches';
import { compareCosts, isWorthMoving, type Cost } from '../../../src/mapping/search/objective';
import { evaluate, searchMapping, type SearchProblem } from '../../../src/mapping/search/search';
import { alignTo, distinctMappings, interchangeableGroups } from '../../../src/mapping/search/symmetry';
import { components, operatingPoint } from '../../support/planning-fixtures';

interface Item {
  readonly runMs: number;
  readonly ratePerS: number;
  readonly priority: number;
  readonly limitMs: number;
}

function problem(
  items: readonly Item[],
  count: number,
  classes: readonly string[],
  capW: number | null,
): SearchProblem {
  const parts = components(count, classes);
  const slowdown = new Map(classes.map((name, index) => [name, 1 + index * 0.7]));
  const context: EstimationContext = {
    components: parts,
    operatingPoint: operatingPoint(parts),
    work: items.map(({ runMs, ratePerS, priority }, index) => ({
      tenant: `t${index}`,
      variant: 'full',
      ratePerS,
      priority,
      costs: [
        parts.map(({ componentClass }) => {
          const ms = runMs * (slowdown.get(componentClass) ?? 1);
          return { p50Ms: ms, p95Ms: ms * 1.2, cpuMs: ms };
        }),
      ],
    })),
  };
  return {
    context,
    limits: {
      capW,
      demands: items.map(({ limitMs, priority, ratePerS }) => ({ latencyLimitMs: limitMs, priority, ratePerS })),
    },
    estimator: inBatches(new AnalyticEstimator()),
    groups: interchangeableGroups(parts, context.operatingPoint),
  };
}

/** Every mapping, symmetric ones included. */
function everyMapping(tenants: number, count: number): Candidate[] {
  let all: number[][] = [[]];
  for (let tenant = 0; tenant < tenants; tenant += 1) {
    all = all.flatMap((head) => Array.from({ length: count }, (_, at) => [...head, at]));
  }
  return all.map((mapping) => mapping.map((at) => [at]));
}

/** So many stages, each of which may run on every component. */
const anywhere = (genes: number, count: number): number[][] =>
  Array.from({ length: genes }, () => Array.from({ length: count }, (_, at) => at));

const arbitraryItem = fc.record({
  runMs: fc.double({ min: 1, max: 60, noNaN: true }),
  ratePerS: fc.double({ min: 0, max: 40, noNaN: true }),
  priority: fc.integer({ min: 1, max: 3 }),
  limitMs: fc.double({ min: 10, max: 400, noNaN: true }),
});

describe('searchMapping', () => {
  it('finds the best of all mappings where the space is small, evaluating each distinct one once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryItem, { minLength: 1, maxLength: 5 }),
        fc.constantFrom([2, ['a']], [3, ['a', 'b', 'a']], [3, ['a', 'b', 'c']]) as fc.Arbitrary<[number, string[]]>,
        fc.option(fc.double({ min: 4, max: 20, noNaN: true })),
        async (items, [count, classes], capW) => {
          const posed = problem(items, count, classes, capW);
          const { best, candidates, evaluated } = await searchMapping(posed, { budget: 500, starts: [], seed: 1 });
          assert.equal(candidates, count ** items.length);
          assert.equal(evaluated, [...distinctMappings(anywhere(items.length, count), posed.groups)].length);
          for (const candidate of everyMapping(items.length, count)) {
            assert.ok(compareCosts(best.cost, (await evaluate(posed, candidate)).cost) <= 1e-9);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('enumerates one mapping of each interchangeable set', async () => {
    // Two alike: half of them. Three tenants on three alike: the partitions of three.
    assert.equal([...distinctMappings(anywhere(3, 2), [0, 0])].length, 4);
    assert.equal([...distinctMappings(anywhere(3, 3), [0, 0, 0])].length, 5);
    assert.equal([...distinctMappings(anywhere(3, 2), [0, 1])].length, 8);
    assert.equal([...distinctMappings(anywhere(2, 3), [0, 0, 1])].length, 5);
  });

  const many: Item[] = Array.from({ length: 12 }, (_, index) => ({
    runMs: 3 + ((index * 7) % 11) * 3,
    ratePerS: 2 + ((index * 5) % 7),
    priority: 1 + (index % 3),
    limitMs: 60 + ((index * 3) % 5) * 40,
  }));

  it('keeps its budget in a large space, is the same for the same seed, and beats simple mappings', async () => {
    const posed = problem(many, 4, ['a', 'b'], 25);
    const settings = { budget: 500, starts: [], seed: 3 };
    const first = await searchMapping(posed, settings);
    assert.equal(first.candidates, 4 ** 12);
    assert.ok(first.evaluated <= 500 && first.evaluated > 100, `${first.evaluated}`);
    assert.deepEqual((await searchMapping(posed, settings)).best, first.best);
    const simple = [
      ...[0, 1, 2, 3].map((at) => many.map(() => [at])),
      many.map((_, index) => [index % 4]),
      many.map((_, index) => [(index >> 1) % 4]),
    ];
    for (const candidate of simple)
      assert.ok(compareCosts(first.best.cost, (await evaluate(posed, candidate)).cost) < 0);
  });

  it('is never worse than where it starts', async () => {
    const posed = problem(many, 3, ['a', 'b', 'c'], 20);
    const { best } = await searchMapping(posed, { budget: 1500, starts: [], seed: 1 });
    const resumed = await searchMapping(posed, { budget: 60, starts: [best.candidate], seed: 9, local: true });
    assert.ok(compareCosts(resumed.best.cost, best.cost) <= 0);
  });

  it('protects the highest priority first when not all limits can hold', async () => {
    // Two heavy tenants and one fast component: whoever matters more gets it to himself.
    const posed = (firstPriority: number, secondPriority: number) =>
      problem(
        [
          { runMs: 40, ratePerS: 1, priority: firstPriority, limitMs: 60 },
          { runMs: 40, ratePerS: 1, priority: secondPriority, limitMs: 60 },
        ],
        2,
        ['fast', 'slow'],
        null,
      );
    const placed = async (first: number, second: number) =>
      (await searchMapping(posed(first, second), { budget: 100, starts: [], seed: 1 })).best.candidate;
    assert.deepEqual(await placed(1, 2), [[0], [1]]);
    assert.deepEqual(await placed(2, 1), [[1], [0]]);
  });
});

describe('alignTo', () => {
  it('renames interchangeable components so that tenants stay where they are', async () => {
    assert.deepEqual(alignTo([[0], [0], [1]], [[1], [1], [0]], [0, 0]), [[1], [1], [0]]);
    assert.deepEqual(alignTo([[0], [1], [1]], [[1], [1], [0]], [0, 0]), [[1], [0], [0]]);
    // Components of different groups keep their names.
    assert.deepEqual(alignTo([[0], [1]], [[1], [0]], [0, 1]), [[0], [1]]);
  });

  it('only ever exchanges components of one group, one for one', async () => {
    const index = fc.integer({ min: 0, max: 3 });
    const mapping = fc.array(
      index.map((at) => [at]),
      { minLength: 5, maxLength: 5 },
    );
    fc.assert(
      fc.property(
        mapping,
        mapping,
        fc.constantFrom([0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 2, 3]),
        (candidate, before, groups) => {
          const renamed = new Map<number, number>();
          alignTo(candidate, before, groups).forEach((stages, item) => {
            const from = candidate[item]?.[0] ?? -1;
            const to = stages[0] ?? -1;
            assert.equal(groups[from], groups[to]);
            assert.equal(renamed.get(from) ?? to, to);
            renamed.set(from, to);
          });
          assert.equal(new Set(renamed.values()).size, renamed.size);
        },
      ),
    );
  });
});

describe('isWorthMoving', () => {
  const cost = (broken: readonly number[], powerW: number, latencyRatio: number, unknown = 0): Cost => ({
    unknown,
    energy: Math.log(powerW),
    broken,
    powerW,
    powerBucket: Math.round(Math.log(powerW) / Math.log(1.005)),
    latencyRatio,
  });

  it('asks for a clear gain, or a limit that is kept again', () => {
    const inForce = cost([0, 0], 10, 0.5);
    assert.equal(isWorthMoving(inForce, cost([0, 0], 9.6, 0.5)), false);
    assert.equal(isWorthMoving(inForce, cost([0, 0], 9.4, 0.9)), true);
    assert.equal(isWorthMoving(inForce, cost([0, 0], 10, 0.46)), false);
    assert.equal(isWorthMoving(inForce, cost([0, 0], 10, 0.44)), true);
    assert.equal(isWorthMoving(cost([0, 0.01], 10, 0.5), cost([0, 0], 12, 0.5)), true);
    assert.equal(isWorthMoving(cost([0, 0.4], 10, 0.5), cost([0, 0.39], 10, 0.5)), false);
    assert.equal(isWorthMoving(cost([0.2, 0.4], 10, 0.5), cost([0.3, 0], 10, 0.5)), false);
    // Whatever it costs, what is known is better than what is not.
    assert.equal(isWorthMoving(cost([0, 0], 10, 0.5, 1), cost([0.3, 0.1], 20, 0.9)), true);
    assert.equal(isWorthMoving(cost([0.3, 0.1], 20, 0.9), cost([0, 0], 10, 0.5, 1)), false);
  });
});
