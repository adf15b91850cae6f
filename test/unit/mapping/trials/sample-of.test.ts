import assert from 'node:assert/strict';
import { MappingPlanner } from '../../../../src/mapping/planner';
import { PlanningService } from '../../../../src/mapping/planner/planning-service';
import type { MeasuredPlan } from '../../../../src/mapping/trials/measured-plan';
import { sampleOf } from '../../../../src/mapping/trials/sample-of';
import type { Plan } from '../../../../src/signals/plan';
import { components, device, profiles, tenant } from '../../../support/planning-fixtures';

const parts = components(2);
const tenants = [tenant('inspect'), tenant('gauge')];
const work = {
  costs: [parts.map(() => ({ p50Ms: 20, p95Ms: 22, cpuMs: 20 }))],
  operations: [{ gigaflop: 0.5, gigabytes: 0.02, transferS: 0 }],
};
const surroundings = { components: parts, workOf: () => work };
const measured = (meanMs: number, powerW: number | null = 9): MeasuredPlan => ({
  windows: 2,
  seconds: 4,
  powerW,
  idleW: 5,
  powerSource: 'measured',
  tenants: new Map(tenants.map(({ name }) => [name, { offeredPerS: 5, servedPerS: 5, meanMs, p95Ms: meanMs * 1.5 }])),
});

describe('a measured plan as a sample to learn from', () => {
  let plan: Plan;
  before(async () => {
    const table = profiles(tenants);
    ({ plan } = await new MappingPlanner({ device: device(parts), tenants, profiles: table, clock: () => 0 }).replan());
  });

  it('says what ran where, how long it took and what the device drew', () => {
    const sample = sampleOf(plan, measured(25), surroundings);
    assert.ok(sample);
    assert.equal(sample.powerW, 9);
    assert.deepEqual(
      sample.mapping.map(([at]) => parts[at ?? -1]?.name),
      plan.tenants.map(({ stages }) => stages[0]?.component),
    );
    assert.ok(sample.latencyS.every((seconds) => seconds > 0.02 && seconds < 0.025));
    assert.ok(sample.networks.every(({ periodS }) => Math.abs(periodS - 0.2) < 1e-12));
    assert.equal(sampleOf(plan, measured(50), surroundings)?.workload, sample.workload);
  });

  it('is none where something is unknown: power, an answer, what a variant computes, a component that is gone', () => {
    assert.equal(sampleOf(plan, measured(25, null), surroundings), null);
    assert.equal(sampleOf(plan, { ...measured(25), tenants: new Map() }, surroundings), null);
    assert.equal(sampleOf(plan, measured(25), { ...surroundings, workOf: () => ({ costs: work.costs }) }), null);
    assert.equal(sampleOf(plan, measured(25), { ...surroundings, components: [] }), null);
  });

  it('holds the intervals in force to it, and has them made anew when they no longer hold', async () => {
    const service = new PlanningService({
      open: () =>
        Promise.resolve({
          run: (_, mask, batch) =>
            Promise.resolve({ latency: new Float32Array(mask.length), power: new Float32Array(batch) }),
          close: () => Promise.resolve(),
        }),
    });
    const good = sampleOf(plan, measured(22), surroundings);
    const bad = sampleOf(plan, measured(120), surroundings);
    assert.ok(good && bad);
    assert.equal(await service.observe(good, true), null);
    await service.setEstimator({ kind: 'shipped' });
    for (let times = 0; times < 15; times += 1) {
      const outcome = await service.observe(good, true);
      assert.equal(outcome?.coverage.coverage, 1);
      assert.equal(outcome.intervals, null);
    }
    let refreshed = null;
    for (let times = 0; times < 60 && refreshed === null; times += 1) {
      refreshed = (await service.observe(bad, true))?.intervals ?? null;
    }
    const [halfWidth] = refreshed?.latency?.halfWidths ?? [];
    assert.ok((halfWidth ?? 0) > Math.log(2), `${halfWidth}`);
  });
});
