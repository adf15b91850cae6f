import assert from 'node:assert/strict';
import { MappingPlanner, type MappingPlannerOptions, type PlanningRound } from '../../../src/mapping/planner';
import { ProfileTable } from '../../../src/mapping/profiles/table';
import { planSchema } from '../../../src/signals/plan';
import { violatedSchema } from '../../../src/signals/violated';
import type { Tenant } from '../../../src/signals/tenant';
import {
  cap,
  components,
  device,
  fourVariants,
  operatingPoint,
  profile,
  profiles,
  telemetry,
  tenant,
  tenantWindow,
} from '../../support/planning-fixtures';

const parts = components(2);
const full = operatingPoint(parts);
const clock = () => Date.parse('2026-11-02T10:00:00Z');

function planner(tenants: readonly Tenant[], more: Partial<MappingPlannerOptions> = {}): MappingPlanner {
  return new MappingPlanner({ device: device(parts), tenants, profiles: profiles(tenants), clock, ...more });
}

const choose = (name: string, chosen: string) => ({
  choices: [{ tenant: name, allowed: [chosen], chosen, accuracyCost: 0, why: ['the test says so'] }],
  reason: 'test',
});

describe('MappingPlanner', () => {
  const three = [tenant('inspect'), tenant('gauge'), tenant('vibration')];

  it('answers a cap with a valid plan of the most accurate variants, and what each swap would lead to', async () => {
    const { plan, violated } = await planner(three).onCap(cap(15, full));
    planSchema.parse(plan);
    violatedSchema.parse(violated);
    assert.equal(plan.feasible, true);
    assert.deepEqual(
      plan.tenants.map(({ variant }) => variant),
      ['full', 'full', 'full'],
    );
    assert.ok(plan.tenants.every(({ meetsLimit, energyJ }) => meetsLimit && energyJ !== null));
    assert.deepEqual(violated.violations, []);
    assert.equal(violated.alternatives.length, 3 * 3);
    assert.ok(violated.alternatives.every(({ feasible, excess }) => feasible && excess === 0));
    assert.deepEqual(violated.current, { inspect: 'full', gauge: 'full', vibration: 'full' });
    assert.equal(violated.planId, plan.planId);
    // Both components are used, and equal work is spread.
    assert.equal(new Set(plan.tenants.map(({ stages }) => stages[0]?.component)).size, 2);
  });

  it('states the energy of one inference, and of the most accurate variant at full speed', async () => {
    const swapped = planner(three);
    await swapped.onCap(cap(15, full));
    const { plan } = await swapped.onVariants(choose('inspect', 'small'));
    const inspect = plan.tenants[0];
    // 5 ms of 6 W; always-max: 30 ms of 6 W.
    assert.ok(Math.abs((inspect?.energyJ ?? 0) - 0.03) < 1e-12);
    assert.equal(inspect?.alwaysMax.variant, 'full');
    assert.ok(Math.abs((inspect?.alwaysMax.energyJ ?? 0) - 0.18) < 1e-12);
    assert.ok(plan.why.some((why) => /inspect runs small .* instead of full .*the test says so/.test(why)));
  });

  it('lists broken limits, and its best effort is marked infeasible', async () => {
    const slow = operatingPoint(parts, 0.2);
    const { plan, violated } = await planner(three).onCap(cap(7.4, slow));
    assert.equal(plan.feasible, false);
    assert.equal(plan.tenants.length, 3);
    assert.ok(violated.violations.length > 0);
    assert.ok(violated.violations.every(({ origin, value, limit }) => origin === 'predicted' && value > limit));
    const sum = violated.violations.reduce((excess, { value, limit }) => excess + value / limit - 1, 0);
    assert.ok(Math.abs(violated.excess - sum) < 1e-9);
    assert.ok(plan.why.some((why) => why.startsWith('NO_FEASIBLE_PLAN')));
    const lighter = violated.alternatives.filter(({ variant }) => variant === 'tiny');
    assert.ok(lighter.every(({ excess }) => excess < violated.excess));
  });

  it('names the cap, the latency or the load as what binds', async () => {
    const constraints = async (tenants: readonly Tenant[], capW: number, speed = 1) => {
      const { violated } = await planner(tenants).onCap(cap(capW, operatingPoint(parts, speed)));
      return violated.violations.map(({ constraint }) => constraint);
    };
    assert.deepEqual(await constraints(three, 5.5), ['power']);
    assert.deepEqual(await constraints([tenant('inspect', fourVariants, { latencyLimitMs: 20 })], 20), ['latency']);
    assert.deepEqual(
      await constraints([tenant('inspect', fourVariants, { arrivalRatePerS: 32, latencyLimitMs: 100_000 })], 20),
      ['load'],
    );
  });

  it('moves a tenant for a limit, says why, and does not move anybody back for nothing', async () => {
    const rows = [tenant('a', [['full', 0.9, 40]]), tenant('b', [['full', 0.9, 40]], { latencyLimitMs: 250 })];
    const table = new ProfileTable();
    for (const name of ['a', 'b']) table.set(name, 'full', profile(40));
    const planned = planner(rows, { profiles: table });
    await planned.onCap(cap(20, full));
    const before = (await planned.replan()).plan;
    // a's limit leaves no room for waiting behind b: they are apart, and stay so whatever the rates do.
    for (let window = 0; window < 30; window += 1) {
      planned.setRates(telemetry(['a', 'b'].map((name) => tenantWindow(name, { offered: 4 + ((window * 7) % 5) }))));
      const { plan } = await planned.replan();
      assert.deepEqual(
        plan.tenants.map(({ stages }) => stages),
        before.tenants.map(({ stages }) => stages),
      );
    }
    assert.notDeepEqual(before.tenants[0]?.stages, before.tenants[1]?.stages);
  });

  it('explains a remap by what would have been broken', async () => {
    // On the efficient component everything fits at full speed; slowed down, one of them has to leave it.
    const two = components(2, ['little', 'big']);
    const table = new ProfileTable();
    const tenants = [tenant('a', [['full', 0.9, 30]]), tenant('b', [['full', 0.9, 30]])];
    for (const name of ['a', 'b']) {
      table.set(name, 'full', profile(30, { componentClass: 'little', cpuMs: 30 }));
      table.set(name, 'full', profile(28, { componentClass: 'big', cpuMs: 28 }));
    }
    const point = (speed: number) => ({ name: `s${speed}`, speed, idleW: 3, activeW: { cpu0: 2, cpu1: 8 } });
    const planned = planner(tenants, {
      profiles: table,
      device: { components: two, operatingPoints: [point(1)], operatingPointInForce: () => point(1) },
    });
    const first = (await planned.onCap(cap(20, point(1)))).plan;
    assert.deepEqual(
      first.tenants.map(({ stages }) => stages[0]?.component),
      ['cpu0', 'cpu0'],
    );
    const second = (await planned.onCap(cap(12, point(0.6)))).plan;
    assert.equal(new Set(second.tenants.map(({ stages }) => stages[0]?.component)).size, 2);
    const why = second.why.find((text) => text.includes('moved from cpu0 to cpu1'));
    assert.match(why ?? '', /because otherwise .* limit is 150 ms/);
    assert.equal(second.feasible, true);
  });

  it('takes the CPU time for the run time where a profile was disturbed', async () => {
    const table = new ProfileTable();
    const [only] = [tenant('only', [['full', 0.9, 30]], { arrivalRatePerS: 0 })];
    const expectedMs = async () =>
      (await planner([only], { profiles: table }).replan()).plan.tenants[0]?.latencyMs?.expected;
    table.set('only', 'full', profile(70, { cpuMs: 30 }));
    assert.equal(await expectedMs(), 70);
    table.set('only', 'full', profile(70, { cpuMs: 30, contended: true }));
    assert.equal(await expectedMs(), 30);
    table.set('only', 'full', profile(70, { cpuMs: 0, contended: true }));
    assert.equal(await expectedMs(), 70);
  });

  it('plans without a cap for the operating point in force', async () => {
    const { plan } = await planner(three).replan();
    assert.equal(plan.capW, null);
    assert.equal(plan.feasible, true);
    assert.match(plan.why[0] ?? '', /no cap has arrived yet/);
  });

  it('says that a tenant without profiles is planned blindly, with unknowns as null', async () => {
    const { plan, violated } = await planner(three, { profiles: profiles(three.slice(0, 2)) }).onCap(cap(20, full));
    const vibration = plan.tenants[2];
    assert.equal(vibration?.latencyMs, null);
    assert.equal(vibration?.energyJ, null);
    assert.equal(vibration?.meetsLimit, false);
    assert.equal(plan.feasible, false);
    assert.deepEqual(violated.violations, []);
    assert.ok(plan.why.some((why) => why.includes('vibration full has not been measured')));
    assert.ok(violated.alternatives.every(({ feasible }) => !feasible));
  });

  it('plans around variants that cannot run, and leaves out a tenant that has none', async () => {
    const table = profiles(three);
    const exclude = (name: string, variant: string) =>
      table.exclude({ tenant: name, variant, code: 'MODEL_INVALID', reason: 'not ONNX' });
    exclude('inspect', 'full');
    for (const [variant] of fourVariants) exclude('gauge', variant);
    const { plan, violated } = await planner(three, { profiles: table }).onCap(cap(20, full));
    assert.deepEqual(
      plan.tenants.map(({ tenant: name, variant }) => [name, variant]),
      [
        ['inspect', 'medium'],
        ['vibration', 'full'],
      ],
    );
    assert.equal(plan.tenants[0]?.alwaysMax.variant, 'medium');
    assert.ok(
      !violated.alternatives.some(
        ({ tenant: name, variant }) => name === 'gauge' || (name === 'inspect' && variant === 'full'),
      ),
    );
    assert.ok(plan.why.some((why) => /gauge is left out.*MODEL_INVALID/.test(why)));
    assert.ok(plan.why.some((why) => /inspect full is not used: not ONNX/.test(why)));
  });

  it('respects what the user decided: pinned, switched off, least accuracy, two tenants of one name', async () => {
    const tenants = [
      tenant('pinned', fourVariants, { override: { mode: 'pin', variant: 'small' } }),
      tenant('off', fourVariants, { override: { mode: 'off' } }),
      tenant('precise', fourVariants, { leastAccuracy: 0.96 }),
      tenant('precise', fourVariants),
    ];
    const { plan, violated } = await planner(tenants).onCap(cap(20, full));
    assert.deepEqual(
      plan.tenants.map(({ variant }) => variant),
      ['small', 'full', 'full'],
    );
    assert.equal(plan.tenants[0]?.alwaysMax.variant, 'full');
    assert.deepEqual(
      violated.alternatives.map(({ tenant: name, variant }) => [name, variant]),
      [['precise', 'medium']],
    );
    assert.ok(plan.why.some((why) => /second tenant named precise/.test(why)));
  });

  it('ignores choices that are not allowed, and says so', async () => {
    const planned = planner(three);
    const round = await planned.onVariants({
      choices: [
        ...choose('inspect', 'huge').choices,
        ...choose('nobody', 'full').choices,
        ...choose('gauge', 'tiny').choices,
      ],
      reason: 'test',
    });
    assert.deepEqual(round.violated.current, { inspect: 'full', gauge: 'tiny', vibration: 'full' });
    assert.ok(round.plan.why.some((why) => /inspect may not run huge/.test(why)));
    assert.ok(round.plan.why.some((why) => /no tenant nobody/.test(why)));
  });

  it('learns the arrival rates, and says when they call for a new plan', async () => {
    const planned = planner(three);
    await planned.replan();
    const window = (offered: number) => telemetry(three.map(({ name }) => tenantWindow(name, { offered })));
    assert.equal(planned.setRates(window(10)), false);
    const powerBefore = (await planned.replan()).plan.powerW.expected;
    for (let times = 0; times < 20; times += 1) planned.setRates(window(40));
    assert.equal(planned.setRates(window(40)), true);
    assert.ok((await planned.replan()).plan.powerW.expected > powerBefore * 1.5);
    assert.equal(planned.setRates(window(40)), false);
    assert.equal(planned.setRates(telemetry([tenantWindow('inspect', { offered: 9 })], 0)), false);
  });

  it('tags its watts with the weakest source', async () => {
    assert.equal((await planner(three).onCap(cap(20, full))).plan.powerSource, 'modelled');
    const simulated = cap(20, full, { power: { powerW: 9, source: 'simulated', scope: 'module' } });
    assert.equal((await planner(three).onCap(simulated)).plan.powerSource, 'simulated');
    assert.equal((await planner(three).onCap(cap(20, full, { enforced: 'simulated' }))).plan.powerSource, 'simulated');
  });

  it('plans for the components there are now when some of them vanish', async () => {
    const some = [...components(3)];
    const vanishing = { components: some, operatingPoints: [full], operatingPointInForce: () => full };
    const planned = planner(three, { device: vanishing });
    const before = await planned.onCap(cap(40, operatingPoint(some)));
    const used = (round: PlanningRound) =>
      new Set(round.plan.tenants.flatMap(({ stages }) => stages.map((at) => at.component)));
    assert.equal(used(before).size, 3);
    some.splice(1, 2);
    assert.deepEqual([...used(await planned.replan())], ['cpu0']);
    some[0] = { ...some[0], name: 'other' } as (typeof some)[number];
    const point = { ...operatingPoint(some), name: 'other' };
    assert.deepEqual([...used(await planned.onCap(cap(40, point)))], ['other']);
  });

  it('refuses a device without components', async () => {
    const none = { components: [], operatingPoints: [full], operatingPointInForce: () => full };
    assert.throws(() => planner(three, { device: none }), { code: 'INVALID_CONFIG' });
  });

  for (const [what, tenants] of [
    ['1 tenant', [tenant('only')]],
    [
      '12 tenants',
      Array.from({ length: 12 }, (_, index) => tenant(`t${index}`, fourVariants, { priority: 1 + (index % 3) })),
    ],
    ['rates of zero', three.map((one) => ({ ...one, arrivalRatePerS: 0 }))],
    ['rates of 100 times the capacity', three.map((one) => ({ ...one, arrivalRatePerS: 10_000 }))],
    ['no tenants', []],
  ] as const) {
    it(`answers ${what} with a plan of bounded effort`, async () => {
      for (const classes of [['cpu-1t'], ['cpu-1t', 'little', 'gpu']]) {
        const some = components(3, classes);
        const slowdown = { 'cpu-1t': 1, little: 2, gpu: 0.3 };
        const planned = planner(tenants, {
          device: device(some),
          profiles: profiles(tenants, fourVariants, slowdown),
        });
        for (const capW of [30, 6, 1]) {
          const { plan, violated } = await planned.onCap(cap(capW, operatingPoint(some), { capUnreachable: capW < 5 }));
          planSchema.parse(plan);
          violatedSchema.parse(violated);
          assert.equal(plan.tenants.length, tenants.length);
          assert.ok(plan.search.evaluated <= 1300, `${plan.search.evaluated} evaluations`);
          assert.equal(plan.feasible, violated.violations.length === 0);
        }
      }
    });
  }
});
