import assert from 'node:assert/strict';
import { applyTrees, growTrees } from '../../../../src/mapping/operators/learning/boosted-trees';
import { applyCostLaw, fitCostLaw } from '../../../../src/mapping/operators/learning/cost-law';
import { Random } from '../../../../src/simulation/random';

describe('cost law', () => {
  const rowsOf = (count: number): number[][] => {
    const random = new Random(4);
    return Array.from({ length: count }, () => [1, Math.exp(random.uniform(-3, 4)), Math.exp(random.uniform(-3, 4))]);
  };
  const truth = [0.1, 2, 0];

  it('finds the factors, none of them negative', () => {
    const rows = rowsOf(200);
    const factors = fitCostLaw(
      rows,
      rows.map((row) => applyCostLaw(truth, row)),
    );
    factors.forEach((factor, index) => assert.ok(Math.abs(factor - (truth[index] ?? 0)) < 1e-3, factors.join()));
  });

  it('is hardly moved by a tenth of measurements that something has disturbed', () => {
    const rows = rowsOf(200);
    const costs = rows.map((row, index) => applyCostLaw(truth, row) * (index % 10 === 0 ? 5 : 1));
    const factors = fitCostLaw(rows, costs);
    assert.ok(Math.abs((factors[1] ?? 0) - 2) < 0.1, factors.join());
  });

  it('survives columns that say nothing, or the same', () => {
    const rows = rowsOf(50).map(([one = 1, work = 1]) => [one, work, work, 0]);
    const factors = fitCostLaw(
      rows,
      rows.map((row) => applyCostLaw([0.1, 2, 0, 0], row)),
    );
    assert.ok(
      factors.every((factor) => Number.isFinite(factor) && factor >= 0),
      factors.join(),
    );
    assert.ok(Math.abs(applyCostLaw(factors, [1, 10, 10, 0]) / 20.1 - 1) < 0.01);
  });
});

describe('boosted trees', () => {
  it('find a step, and which column makes it', () => {
    const random = new Random(8);
    const rows = Array.from({ length: 300 }, () => [random.uniform(), random.uniform()]);
    const step = ([, second = 0]: readonly number[]): number => (second > 0.6 ? 1 : -1);
    const trees = growTrees(rows, rows.map(step));
    for (const row of [
      [0.1, 0.9],
      [0.9, 0.1],
      [0.5, 0.5],
    ])
      assert.ok(Math.abs(applyTrees(trees, row) - step(row)) < 0.1, String(applyTrees(trees, row)));
  });

  it('say nothing where there is too little to learn from', () => {
    assert.equal(applyTrees(growTrees([], []), [1, 2]), 0);
    const few = growTrees([[1], [2]], [1, -1]);
    assert.ok(Math.abs(applyTrees(few, [1])) < 1e-9);
  });
});
