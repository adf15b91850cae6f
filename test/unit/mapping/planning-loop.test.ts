import assert from 'node:assert/strict';
import { MappingPlanner } from '../../../src/mapping/planner';
import { PlanningLoop } from '../../../src/mapping/planning-loop';
import type { Plan } from '../../../src/signals/plan';
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
    });
  }

  get pendingTimers(): number {
    return this.timers.length;
  }

  start(): void {
    this.loop.start(
      new MappingPlanner({ device: device(parts), tenants, profiles: profiles(tenants), clock: () => 0 }),
    );
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
  it('plans at its start without a cap, and sends a feasible plan before it reports on it', () => {
    const scene = new Scene();
    scene.start();
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.violated.length, 1);
    assert.equal(scene.pendingTimers, 0);
  });

  it('keeps the last cap and variants that come before the profiles', () => {
    const scene = new Scene();
    scene.loop.onCap(tight, 'first');
    scene.loop.onVariants(lighter('tiny'), 'variants');
    scene.loop.onCap(roomy, 'second');
    scene.loop.onTelemetry(telemetry([tenantWindow('inspect')]));
    assert.equal(scene.plans.length, 0);
    scene.start();
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.plans[0]?.message, 'second');
    assert.equal(scene.plans[0]?.plan.capW, roomy.capW);
    assert.deepEqual(
      scene.plans[0]?.plan.tenants.map(({ variant }) => variant),
      ['tiny', 'tiny'],
    );
  });

  it('takes over cap and variants when a planner that knows more follows', () => {
    const scene = new Scene();
    scene.start();
    scene.loop.onCap(roomy, 'cap');
    scene.loop.onVariants(lighter('tiny'), 'variants');
    scene.start();
    const last = scene.shown.at(-1);
    assert.equal(last?.capW, roomy.capW);
    assert.deepEqual(
      last?.tenants.map(({ variant }) => variant),
      ['tiny', 'tiny'],
    );
  });

  it('holds a plan that breaks limits, and sends the one that answers it instead', () => {
    const scene = new Scene();
    scene.start();
    scene.loop.onCap(tight, 'cap');
    assert.equal(scene.plans.length, 1);
    assert.ok((scene.violated.at(-1)?.violations.length ?? 0) > 0);
    scene.pass(100);
    scene.loop.onVariants(lighter('tiny'), 'answer');
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.plans[1]?.message, 'answer');
    assert.equal(scene.plans[1]?.plan.feasible, true);
    scene.pass(1000);
    assert.equal(scene.plans.length, 2);
  });

  it('takes an answer that comes back before the question returns', () => {
    const scene = new Scene({
      answer: (violated, loop) => {
        if (violated.violations.length > 0) loop.onVariants(lighter('tiny'), 'answer');
      },
    });
    scene.start();
    scene.loop.onCap(tight, 'cap');
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.plans[1]?.plan.feasible, true);
    assert.equal(scene.pendingTimers, 0);
  });

  it('sends the best effort when nobody answers in time', () => {
    const scene = new Scene();
    scene.start();
    scene.loop.onCap(tight, 'cap');
    scene.pass(249);
    assert.equal(scene.plans.length, 1);
    scene.pass(1);
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.plans[1]?.plan.feasible, false);
    assert.equal(scene.plans[1]?.message, 'cap');
  });

  it('sends a plan that breaks limits at once when nothing is wired to the second output', () => {
    const scene = new Scene({ wired: false });
    scene.start();
    scene.loop.onCap(tight, 'cap');
    assert.equal(scene.plans.length, 2);
    assert.equal(scene.pendingTimers, 0);
  });

  it('holds only the newest plan', () => {
    const scene = new Scene();
    scene.start();
    scene.loop.onCap(tight, 'one');
    scene.pass(200);
    scene.loop.onCap(cap(6.3, operatingPoint(parts, 0.12)), 'two');
    scene.pass(200);
    assert.equal(scene.plans.length, 1);
    scene.pass(50);
    assert.deepEqual(
      scene.plans.map(({ message }) => message),
      [null, 'two'],
    );
  });

  it('does not repeat a plan that says the same within 30 s, but shows it', () => {
    const scene = new Scene();
    scene.start();
    for (let second = 0; second < 29; second += 1) {
      scene.pass(1000);
      scene.loop.onCap(cap(20 + second / 100, operatingPoint(parts)), 'cap');
    }
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.shown.length, 30);
    assert.equal(scene.violated.length, 30);
    scene.pass(1000);
    scene.loop.onCap(roomy, 'cap');
    assert.equal(scene.plans.length, 2);
    scene.loop.onCap(cap(20, operatingPoint(parts, 0.8)), 'other operating point');
    assert.equal(scene.plans.length, 3);
  });

  it('plans on telemetry when rates moved or some time went by, not more often, and never while a plan waits', () => {
    const scene = new Scene();
    scene.start();
    const steady = telemetry(
      tenants.map(({ name }) => tenantWindow(name, { offered: 5 })),
      1,
    );
    scene.pass(1000);
    scene.loop.onTelemetry(steady);
    assert.equal(scene.violated.length, 1);
    scene.pass(1000);
    scene.loop.onTelemetry(steady);
    assert.equal(scene.violated.length, 2);
    scene.loop.onTelemetry(
      telemetry(
        tenants.map(({ name }) => tenantWindow(name, { offered: 500 })),
        10,
      ),
    );
    assert.equal(scene.violated.length, 3);
    scene.pass(5000);
    scene.loop.onCap(tight, 'cap');
    scene.pass(0);
    const before = scene.violated.length;
    scene.nowMs += 10_000;
    scene.loop.onTelemetry(steady);
    assert.equal(scene.violated.length, before);
  });

  it('is silent after close, also when a plan was held', () => {
    const scene = new Scene();
    scene.start();
    scene.loop.onCap(tight, 'cap');
    scene.loop.close();
    scene.pass(1000);
    scene.loop.onCap(roomy, 'late');
    assert.equal(scene.plans.length, 1);
    assert.equal(scene.pendingTimers, 0);
  });
});
