import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { MappingPlanner, type Planner, type PlanningRound } from '../../../src/mapping/planner';
import { PlanningLoop } from '../../../src/mapping/planning-loop';
import { messageOf } from '../../../src/signals/errors';
import type { Plan } from '../../../src/signals/plan';
import type { Cap } from '../../../src/signals/cap';
import type { Variants } from '../../../src/signals/variants';
import type { Violated } from '../../../src/signals/violated';
import {
  cap,
  components,
  device,
  operatingPoint,
  profiles,
  telemetry,
  tenant,
  tenantWindow,
} from '../../support/planning-fixtures';

const parts = components(2);
const tenants = [tenant('inspect'), tenant('gauge')];
const roomy = cap(20, operatingPoint(parts));
const tight = cap(6.1, operatingPoint(parts, 0.1));

class Scene {
  nowMs = 0;
  /** Rounds that were asked for and are not answered yet. */
  private rounds = 0;
  readonly errors: string[] = [];
  readonly plans: { plan: Plan; message: string | null }[] = [];
  readonly violated: Violated[] = [];
  readonly shown: Plan[] = [];
  private timers: { atMs: number; action: () => void }[] = [];
  readonly loop: PlanningLoop<string>;

  constructor(settings: { wired?: boolean; answer?: (violated: Violated, loop: PlanningLoop<string>) => void } = {}) {
    const { wired = true, answer } = settings;
    this.loop = new PlanningLoop<string>({
      selectorWaitMs: 250,
      clock: () => this.nowMs,
      after: (delayMs, action) => {
        const timer = { atMs: this.nowMs + delayMs, action };
        this.timers.push(timer);
        return () => {
          this.timers = this.timers.filter((other) => other !== timer);
        };
      },
      onPlan: (plan) => this.shown.push(plan),
      sendPlan: (plan, message) => this.plans.push({ plan, message }),
      sendViolated: wired
        ? (violated) => {
            this.violated.push(violated);
            answer?.(violated, this.loop);
          }
        : null,
      onError: (error, message) => this.errors.push(`${messageOf(error)} (${message})`),
    });
  }

  get pendingTimers(): number {
    return this.timers.length;
  }

  async start(): Promise<void> {
    const planner = new MappingPlanner({ device: device(parts), tenants, profiles: profiles(tenants), clock: () => 0 });
    const counted = async (round: Promise<PlanningRound>): Promise<PlanningRound> => {
      this.rounds += 1;
      try {
        return await round;
      } finally {
        this.rounds -= 1;
      }
    };
    this.loop.start({
      onCap: (...news) => counted(planner.onCap(...news)),
      onVariants: (variants) => counted(planner.onVariants(variants)),
      replan: () => counted(planner.replan()),
      setRates: (window) => planner.setRates(window),
      keep: (plan) => planner.keep(plan),
      drop: (plan) => planner.drop(plan),
    });
    await this.settled();
  }

  /** Until nothing is being planned any more. */
  async settled(): Promise<void> {
    do await setImmediate();
    while (this.rounds > 0);
  }

  async onCap(...news: Parameters<PlanningLoop<string>['onCap']>): Promise<void> {
    this.loop.onCap(...news);
    await this.settled();
  }

  async onVariants(...news: Parameters<PlanningLoop<string>['onVariants']>): Promise<void> {
    this.loop.onVariants(...news);
    await this.settled();
  }

  async onTelemetry(...news: Parameters<PlanningLoop<string>['onTelemetry']>): Promise<void> {
    this.loop.onTelemetry(...news);
    await this.settled();
  }

  pass(ms: number): void {
    this.nowMs += ms;
    const due = this.timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.timers = this.timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { action } of due) action();
  }
}

const lighter = (chosen: string) => ({
  choices: tenants.map(({ name }) => ({ tenant: name, allowed: [chosen], chosen, accuracyCost: 0, why: [] })),
  reason: 'test',
});

describe('PlanningLoop', () => {
  it('plans at its start without a cap, and sends a feasible plan before it reports on it', async () => {
    const scene = new Scene();
    await scene.start();
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.violated.length, 1);
    assert.equal(scene.pendingTimers, 0);
  });

  it('keeps the last cap and variants that come before the profiles', async () => {
    const scene = new Scene();
    await scene.onCap(tight, 'first');
    await scene.onVariants(lighter('tiny'), 'variants');
    await scene.onCap(roomy, 'second');
    await scene.onTelemetry(telemetry([tenantWindow('inspect')]));
    assert.equal(scene.plans.length, 0);
    await scene.start();
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.plans[0]?.message, 'second');
    assert.equal(scene.plans[0]?.plan.capW, roomy.capW);
    assert.deepEqual(
      scene.plans[0]?.plan.tenants.map(({ variant }) => variant),
      ['tiny', 'tiny'],
    );
  });

  it('takes over cap and variants when a planner that knows more follows', async () => {
    const scene = new Scene();
    await scene.start();
    await scene.onCap(roomy, 'cap');
    await scene.onVariants(lighter('tiny'), 'variants');
    await scene.start();
    const last = scene.shown.at(-1);
    assert.equal(last?.capW, roomy.capW);
    assert.deepEqual(
      last?.tenants.map(({ variant }) => variant),
      ['tiny', 'tiny'],
    );
  });

  it('holds a plan that breaks limits, and sends the one that answers it instead', async () => {
    const scene = new Scene();
    await scene.start();
    await scene.onCap(tight, 'cap');
    assert.equal(scene.plans.length, 1);
    assert.ok((scene.violated.at(-1)?.violations.length ?? 0) > 0);
    scene.pass(100);
    await scene.onVariants(lighter('tiny'), 'answer');
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.plans[1]?.message, 'answer');
    assert.equal(scene.plans[1]?.plan.feasible, true);
    scene.pass(1000);
    assert.equal(scene.plans.length, 2);
  });

  it('takes an answer that comes back before the question returns', async () => {
    const scene = new Scene({
      answer: (violated, loop) => {
        if (violated.violations.length > 0) loop.onVariants(lighter('tiny'), 'answer');
      },
    });
    await scene.start();
    await scene.onCap(tight, 'cap');
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.plans[1]?.plan.feasible, true);
    assert.equal(scene.pendingTimers, 0);
  });

  it('sends the best effort when nobody answers in time', async () => {
    const scene = new Scene();
    await scene.start();
    await scene.onCap(tight, 'cap');
    scene.pass(249);
    assert.equal(scene.plans.length, 1);
    scene.pass(1);
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.plans[1]?.plan.feasible, false);
    assert.equal(scene.plans[1]?.message, 'cap');
  });

  it('sends a plan that breaks limits at once when nothing is wired to the second output', async () => {
    const scene = new Scene({ wired: false });
    await scene.start();
    await scene.onCap(tight, 'cap');
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.pendingTimers, 0);
  });

  it('holds only the newest plan', async () => {
    const scene = new Scene();
    await scene.start();
    await scene.onCap(tight, 'one');
    scene.pass(200);
    await scene.onCap(cap(6.3, operatingPoint(parts, 0.12)), 'two');
    scene.pass(200);
    assert.equal(scene.plans.length, 1);
    scene.pass(50);
    assert.deepEqual(
      scene.plans.map(({ message }) => message),
      [null, 'two'],
    );
  });

  it('does not repeat a plan that says the same within 30 s, but shows it', async () => {
    const scene = new Scene();
    await scene.start();
    for (let second = 0; second < 29; second += 1) {
      scene.pass(1000);
      await scene.onCap(cap(20 + second / 100, operatingPoint(parts)), 'cap');
    }
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.shown.length, 30);
    assert.equal(scene.violated.length, 30);
    scene.pass(1000);
    await scene.onCap(roomy, 'cap');
    assert.equal(scene.plans.length, 2);
    await scene.onCap(cap(20, operatingPoint(parts, 0.8)), 'other operating point');
    assert.equal(scene.plans.length, 3);
  });

  it('plans on telemetry when rates moved or some time went by, not more often, and never while a plan waits', async () => {
    const scene = new Scene();
    await scene.start();
    const steady = telemetry(
      tenants.map(({ name }) => tenantWindow(name, { offered: 5 })),
      1,
    );
    scene.pass(1000);
    await scene.onTelemetry(steady);
    assert.equal(scene.violated.length, 1);
    scene.pass(1000);
    await scene.onTelemetry(steady);
    assert.equal(scene.violated.length, 2);
    await scene.onTelemetry(
      telemetry(
        tenants.map(({ name }) => tenantWindow(name, { offered: 500 })),
        10,
      ),
    );
    assert.equal(scene.violated.length, 3);
    scene.pass(5000);
    await scene.onCap(tight, 'cap');
    scene.pass(0);
    const before = scene.violated.length;
    scene.nowMs += 10_000;
    await scene.onTelemetry(steady);
    assert.equal(scene.violated.length, before);
  });

  it('is silent after close, also when a plan was held', async () => {
    const scene = new Scene();
    await scene.start();
    await scene.onCap(tight, 'cap');
    scene.loop.close();
    scene.pass(1000);
    await scene.onCap(roomy, 'late');
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.pendingTimers, 0);
  });

  describe('while a round is under way', () => {
    /** A planner whose rounds are answered by hand. */
    class SlowPlanner implements Planner {
      readonly asked: string[] = [];
      readonly dropped: string[] = [];
      private readonly open: { resolve: (round: PlanningRound) => void; reject: (error: Error) => void }[] = [];
      moved = false;

      private round(what: string): Promise<PlanningRound> {
        this.asked.push(what);
        return new Promise((resolve, reject) => this.open.push({ resolve, reject }));
      }

      onCap = (at: Cap, variants?: Variants) =>
        this.round(`cap ${at.capW}${variants === undefined ? '' : ` with ${variants.reason}`}`);
      onVariants = (variants: Variants) => this.round(variants.reason);
      replan = () => this.round('replan');
      setRates = () => this.moved;
      keep = () => undefined;
      drop = (plan: Plan) => void this.dropped.push(plan.planId);

      async answer(planId: string, violations = 0): Promise<void> {
        const plan = { ...solved.plan, planId, feasible: violations === 0 };
        const broken = Array.from({ length: violations }, () => ({
          tenant: 'inspect',
          variant: 'full',
          constraint: 'power' as const,
          origin: 'predicted' as const,
          value: 2,
          limit: 1,
        }));
        this.open.shift()?.resolve({ plan, violated: { ...solved.violated, planId, violations: broken } });
        await setImmediate();
      }

      async fail(): Promise<void> {
        this.open.shift()?.reject(new Error('the round failed'));
        await setImmediate();
      }
    }

    let solved: PlanningRound;
    before(async () => {
      solved = await new MappingPlanner({
        device: device(parts),
        tenants,
        profiles: profiles(tenants),
        clock: () => 0,
      }).replan();
    });

    const begun = (settings?: ConstructorParameters<typeof Scene>[0]) => {
      const scene = new Scene(settings);
      const planner = new SlowPlanner();
      scene.loop.start(planner);
      return { scene, planner, loop: scene.loop };
    };
    const named = (reason: string) => ({ ...lighter('tiny'), reason });

    it('plans next for the latest of what came, in one round, and answers the newest message', async () => {
      const { scene, planner, loop } = begun();
      loop.onCap(cap(20, operatingPoint(parts)), 'one');
      loop.onVariants(named('medium'), 'two');
      loop.onCap(cap(18, operatingPoint(parts)), 'three');
      loop.onVariants(named('tiny'), 'four');
      assert.deepEqual(planner.asked, ['replan']);
      await planner.answer('overtaken');
      assert.deepEqual(planner.dropped, ['overtaken']);
      assert.deepEqual(planner.asked, ['replan', 'cap 18 with tiny']);
      await planner.answer('newest');
      assert.deepEqual(
        scene.plans.map(({ plan, message }) => [plan.planId, message]),
        [['newest', 'four']],
      );
      assert.equal(planner.asked.length, 2);
    });

    it('lets a plan out now and then when something newer always comes', async () => {
      const { scene, planner, loop } = begun();
      for (let round = 0; round < 9; round += 1) {
        loop.onCap(cap(10 + round, operatingPoint(parts)), `${round}`);
        await planner.answer(`${round}`);
      }
      assert.ok(scene.shown.length >= 2, `${scene.shown.length}`);
    });

    it('does not let a held plan out while its answer is being worked out', async () => {
      const { scene, planner, loop } = begun();
      await planner.answer('breaks', 1);
      loop.onVariants(named('tiny'), 'answer');
      scene.pass(10_000);
      assert.equal(scene.plans.length, 0);
      await planner.answer('holds');
      assert.deepEqual(
        scene.plans.map(({ plan }) => plan.planId),
        ['holds'],
      );
    });

    it('takes telemetry in, and plans again afterwards where the rates moved', async () => {
      const { planner, loop } = begun();
      loop.onTelemetry(telemetry([]));
      planner.moved = true;
      loop.onTelemetry(telemetry([]));
      await planner.answer('first');
      assert.deepEqual(planner.asked, ['replan', 'replan']);
      planner.moved = false;
      await planner.answer('second');
      assert.equal(planner.asked.length, 2);
    });

    it('goes on after a round that failed, and lets out what was held', async () => {
      const { scene, planner, loop } = begun();
      await planner.answer('breaks', 1);
      loop.onVariants(named('tiny'), 'answer');
      await planner.fail();
      assert.deepEqual(scene.errors, ['the round failed (answer)']);
      assert.deepEqual(
        scene.plans.map(({ plan }) => plan.planId),
        ['breaks'],
      );
      loop.onCap(roomy, 'cap');
      await planner.answer('next');
      assert.equal(scene.shown.at(-1)?.planId, 'next');
    });

    it('lets a planner that knows more take over after the round, with what is not answered yet', async () => {
      const { scene, planner, loop } = begun();
      await planner.answer('early');
      loop.onCap(roomy, 'one');
      const second = new SlowPlanner();
      loop.start(second);
      assert.deepEqual(second.asked, []);
      await planner.answer('of the first');
      assert.deepEqual(second.asked, ['cap 20']);
      loop.onCap(cap(18, operatingPoint(parts)), 'two');
      const third = new SlowPlanner();
      loop.start(third);
      await second.answer('overtaken');
      assert.deepEqual(third.asked, ['cap 18']);
      await third.answer('of the third');
      assert.deepEqual(
        scene.shown.map(({ planId }) => planId),
        ['early', 'of the first', 'of the third'],
      );
      assert.deepEqual(
        scene.plans.map(({ message }) => message),
        [null],
      );
    });

    it('is silent when it is closed meanwhile, whether the round succeeds or fails', async () => {
      for (const end of ['answer', 'fail'] as const) {
        const { scene, planner, loop } = begun();
        loop.onCap(roomy, 'cap');
        loop.close();
        await planner[end]('late');
        loop.onCap(roomy, 'later');
        assert.equal(planner.asked.length, 1);
        assert.deepEqual([scene.plans.length, scene.errors.length, scene.pendingTimers], [0, 0, 0]);
      }
    });
  });
});
