import assert from 'node:assert/strict';
import { operatorCostModelSchema, type OperatorCostModel } from '../../../../src/mapping/operators/cost-model';
import { learnOperatorCosts } from '../../../../src/mapping/operators/learn-costs';
import { predictModelCost } from '../../../../src/mapping/operators/predict-cost';
import { isEcomapError } from '../../../../src/signals/errors';
import type { Operator } from '../../../../src/signals/operator-profile';
import { Random } from '../../../../src/simulation/random';
import { activeW, convolution, dense, elementwise, idleW, profileOf, randomNetwork, tensor } from './support';

const profilesOf = (count: number, seed: number) => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => profileOf(randomNetwork(random), random));
};

function refusalOf(learn: () => unknown): string {
  try {
    learn();
  } catch (error) {
    assert.ok(isEcomapError(error));
    assert.equal(error.code, 'INVALID_CONFIG');
    return error.message;
  }
  return assert.fail('it was not refused');
}

describe('cost of a model that never ran', () => {
  let costs: OperatorCostModel;
  before(() => {
    costs = learnOperatorCosts(profilesOf(60, 1));
  });

  it('is the sum over its operators, in time and energy', () => {
    const random = new Random(99);
    const errors = Array.from({ length: 20 }, () => {
      const operators = randomNetwork(random);
      const truth = profileOf(operators, random);
      const { latencyMs, energyJ } = predictModelCost(operators, costs);
      return [latencyMs / truth.latencyMs - 1, energyJ / truth.energyJ - 1].map(Math.abs);
    });
    for (const which of [0, 1]) {
      const sorted = errors.map((pair) => pair[which] ?? NaN).sort((a, b) => a - b);
      assert.ok((sorted[10] ?? 1) < 0.06, `median error ${sorted[10]}`);
      assert.ok((sorted[19] ?? 1) < 0.25, `worst error ${sorted[19]}`);
    }
  });

  it('says that it is predicted, of what, and which types of operators it is made of', () => {
    const operators = [convolution(16, 32, 24, 3), convolution(32, 32, 24, 3), elementwise('Relu', [1, 32, 24, 24])];
    const cost = predictModelCost(operators, costs);
    assert.deepEqual([cost.predicted, cost.source, cost.componentClass], [true, 'modelled', 'cpu-1t']);
    assert.deepEqual(
      cost.byOperatorType.map(({ type, count, known }) => [type, count, known]),
      [
        ['Conv', 2, true],
        ['Relu', 1, true],
      ],
    );
    assert.equal(cost.coveredShare, 1);
    const sumJ = cost.byOperatorType.reduce((sum, { energyJ }) => sum + energyJ, 0);
    const sumMs = cost.byOperatorType.reduce((sum, { latencyMs }) => sum + latencyMs, 0);
    assert.ok(Math.abs(cost.energyJ / sumJ - cost.latencyMs / sumMs) < 1e-9);
  });

  it('finds that one type of operator draws more than another', () => {
    const powerOf = (operator: Operator): number => {
      const { energyJ, latencyMs } = predictModelCost([operator], costs);
      return (1000 * energyJ) / latencyMs;
    };
    const convolutionW = powerOf(convolution(64, 64, 32, 3));
    const denseW = powerOf(dense(2048, 512));
    assert.ok(convolutionW > denseW + 2, `${convolutionW} and ${denseW} W`);
    assert.ok(convolutionW <= idleW + activeW.Conv + 1 && denseW >= idleW, `${convolutionW} and ${denseW} W`);
  });

  it('falls back to operations and bytes for a type that was never seen, and says for how much', () => {
    const strange: Operator = { ...elementwise('Strange', [1, 64, 40, 40]), domain: 'their.own' };
    const known = convolution(32, 32, 40, 3);
    const cost = predictModelCost([known, strange], costs);
    const type = cost.byOperatorType.find((one) => one.type === 'their.own.Strange');
    assert.ok(type !== undefined && !type.known && type.latencyMs > 0);
    assert.ok(cost.coveredShare > 0 && cost.coveredShare < 1, String(cost.coveredShare));
    assert.equal(predictModelCost([strange], costs).coveredShare, 0);
  });

  it('leaves out and counts operators whose shapes are not known', () => {
    const open: Operator = { ...elementwise('Relu', [1, 8]), outputs: [tensor(null)] };
    const known = dense(256, 64);
    const cost = predictModelCost([known, open], costs);
    assert.equal(cost.unknownOperators, 1);
    assert.equal(cost.latencyMs, predictModelCost([known], costs).latencyMs);
    assert.equal(predictModelCost([open], costs).byOperatorType.length, 0);
  });

  it('grows with the work, also beyond what was measured', () => {
    const msOf = (side: number): number => predictModelCost([convolution(64, 64, side, 3)], costs).latencyMs;
    const sides = [16, 32, 64, 128, 256];
    const times = sides.map(msOf);
    times.forEach((ms, index) => assert.ok(index === 0 || ms > 2 * (times[index - 1] ?? 0), times.join()));
  });

  it('survives being kept as JSON', () => {
    const kept = operatorCostModelSchema.parse(JSON.parse(JSON.stringify(costs)));
    const operators = randomNetwork(new Random(5));
    assert.deepEqual(predictModelCost(operators, kept), predictModelCost(operators, costs));
  });

  it('is the same for the same profiles', () => {
    assert.deepEqual(learnOperatorCosts(profilesOf(12, 3)), learnOperatorCosts(profilesOf(12, 3)));
  });

  it('is not learned from too little, or from what does not belong together', () => {
    assert.match(
      refusalOf(() => learnOperatorCosts([])),
      /there are 0/,
    );
    assert.match(
      refusalOf(() => learnOperatorCosts(profilesOf(3, 1))),
      /there are 3/,
    );
    const [first, ...others] = profilesOf(10, 1);
    assert.ok(first !== undefined);
    const mixed = [
      { ...first, deviceFingerprint: 'another' },
      { ...first, componentClass: 'cpu-2t' },
      { ...first, runtimeVersion: '1.20.0' },
    ];
    for (const foreign of mixed)
      assert.match(
        refusalOf(() => learnOperatorCosts([...others, foreign])),
        /together/,
      );
    const shapeless = Array.from({ length: 10 }, () => ({
      ...first,
      operators: first.operators.map((operator) => ({ ...operator, outputs: [tensor(null)] })),
    }));
    assert.match(
      refusalOf(() => learnOperatorCosts(shapeless)),
      /shapes/,
    );
  });
});
