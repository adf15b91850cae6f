import assert from 'node:assert/strict';
import { MappingPlanner } from '../../../../src/mapping/planner';
import type { RoundSolver } from '../../../../src/mapping/rounds/answer';
import { AnalyticOnly } from '../../../../src/mapping/rounds/estimators';
import type { PlanningQuestion } from '../../../../src/mapping/rounds/question';
import { solveRound } from '../../../../src/mapping/rounds/solve';
import { planSchema } from '../../../../src/signals/plan';
import {
  cap,
  components,
  device,
  operatingPoint,
  profiles,
  telemetry,
  tenant,
  tenantWindow,
} from '../../../support/planning-fixtures';

const parts = components(2);
const tenants = [tenant('inspect'), tenant('gauge')];

/** Counts what it is asked. */
class CountingSolver implements RoundSolver {
  readonly asked: PlanningQuestion[] = [];
  revision = 1;

  solve(question: PlanningQuestion): ReturnType<RoundSolver['solve']> {
    this.asked.push(question);
    return solveRound(question, new AnalyticOnly());
  }
}

describe('rounds of a loop at rest', () => {
  let nowMs: number;
  let solver: CountingSolver;
  let planner: MappingPlanner;
  const window = (perS: number) =>
    telemetry(
      tenants.map(({ name }) => tenantWindow(name, { offered: Math.round(perS * 30), served: Math.round(perS * 30) })),
    );

  beforeEach(async () => {
    nowMs = Date.parse('2026-11-02T10:00:00Z');
    solver = new CountingSolver();
    planner = new MappingPlanner({
      ...{ device: device(parts), tenants, profiles: profiles(tenants), solver },
      recallsSteady: true,
      clock: () => nowMs,
    });
    await planner.onCap(cap(15, operatingPoint(parts)));
    // The first mapping was none: with it in force the question is another.
    await planner.replan();
  });

  it('are worked out once, and have names and times of their own all the same', async () => {
    const before = solver.asked.length;
    nowMs += 2000;
    const first = await planner.replan();
    nowMs += 2000;
    const second = await planner.replan();
    assert.equal(solver.asked.length, before);
    planSchema.parse(second.plan);
    assert.notEqual(first.plan.planId, second.plan.planId);
    assert.deepEqual(
      [second.violated.planId, second.plan.createdAt],
      [second.plan.planId, new Date(nowMs).toISOString()],
    );
    assert.deepEqual({ ...second.plan, planId: '', createdAt: '' }, { ...first.plan, planId: '', createdAt: '' });
  });

  it('are worked out again for another cap, another variant, other rates, another estimator, and after half a minute', async () => {
    const isWorkedOut = async (change: () => Promise<unknown>): Promise<boolean> => {
      const before = solver.asked.length;
      await change();
      return solver.asked.length > before;
    };
    assert.equal(await isWorkedOut(() => planner.onCap(cap(14, operatingPoint(parts)))), true);
    assert.equal(await isWorkedOut(() => planner.replan()), false);
    const lighter = {
      choices: [{ tenant: 'gauge', allowed: ['small'], chosen: 'small', accuracyCost: 0, why: ['test'] }],
      reason: 'test',
    };
    assert.equal(await isWorkedOut(() => planner.onVariants(lighter)), true);
    await planner.replan();
    planner.setRates(window(10));
    await planner.replan();
    const asked = solver.asked.at(-1);
    planner.setRates(window(30));
    assert.equal(await isWorkedOut(() => planner.replan()), true);
    assert.ok((solver.asked.at(-1)?.tenants[0]?.ratePerS ?? 0) > (asked?.tenants[0]?.ratePerS ?? 0));
    assert.equal(await isWorkedOut(() => planner.replan()), false);
    solver.revision += 1;
    assert.equal(await isWorkedOut(() => planner.replan()), true);
    assert.equal(await isWorkedOut(() => planner.replan()), false);
    nowMs += 30_000;
    assert.equal(await isWorkedOut(() => planner.replan()), true);
  });

  it('tell the rates of now, and call for a new plan when rates have crept far from those of the last search', async () => {
    planner.setRates(window(10));
    await planner.replan();
    let moved = false;
    // Steps that are each too small to count.
    for (let perS = 10; perS <= 14 && !moved; perS += 0.1) moved = planner.setRates(window(perS));
    assert.equal(moved, true);
  });

  it('are always worked out where nobody asked for less', async () => {
    const eager = new MappingPlanner({
      device: device(parts),
      tenants,
      profiles: profiles(tenants),
      solver,
      clock: () => nowMs,
    });
    const before = solver.asked.length;
    await eager.onCap(cap(15, operatingPoint(parts)));
    await eager.replan();
    await eager.replan();
    assert.equal(solver.asked.length, before + 3);
  });
});
