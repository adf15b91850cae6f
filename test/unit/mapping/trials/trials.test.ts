import assert from 'node:assert/strict';
import { MappingPlanner, type Planner, type PlanningRound } from '../../../../src/mapping/planner';
import { PlanningLoop } from '../../../../src/mapping/planning-loop';
import type { MeasuredPlan } from '../../../../src/mapping/trials/measured-plan';
import { PlanMeter } from '../../../../src/mapping/trials/measured-plan';
import { computedSeconds } from '../../../../src/mapping/trials/sample-of';
import type { Plan } from '../../../../src/signals/plan';
import type { Telemetry } from '../../../../src/signals/telemetry';
import {
  cap,
  components,
  device,
  operatingPoint,
  profiles,
  telemetry,
  tenant,
} from '../../../support/planning-fixtures';
import { tenantWindow } from '../../../support/planning-fixtures';

const parts = components(2);
const tenants = [tenant('inspect'), tenant('gauge')];
const point = operatingPoint(parts);
const roomy = cap(40, point);

/** Where the two tenants run. */
type Places = readonly [string, string];
const together: Places = ['cpu0', 'cpu0'];
const apart: Places = ['cpu0', 'cpu1'];
const other: Places = ['cpu1', 'cpu1'];

/** Answers each question with the same best plan and rivals. */
class Scene {
  nowMs = 0;
  disturbed = false;
  readonly sent: { plan: Plan; message: string | null }[] = [];
  readonly measured: { plan: Plan; measured: MeasuredPlan }[] = [];
  private timers: { atMs: number; action: () => void }[] = [];
  private rounds = 0;
  next: { best: Places; rivals: Places[]; violations: number; variant?: string } = {
    best: together,
    rivals: [],
    violations: 0,
  };
  readonly loop: PlanningLoop<string>;

  constructor(
    private readonly solved: PlanningRound,
    windows = 2,
  ) {
    this.loop = new PlanningLoop<string>({
      selectorWaitMs: 0,
      clock: () => this.nowMs,
      after: (delayMs, action) => {
        const timer = { atMs: this.nowMs + delayMs, action };
        this.timers.push(timer);
        return () => (this.timers = this.timers.filter((one) => one !== timer));
      },
      sendPlan: (plan, message) => this.sent.push({ plan, message }),
      sendViolated: () => undefined,
      isDisturbed: () => this.disturbed,
      onMeasured: (plan, measured) => this.measured.push({ plan, measured }),
      onError: (error) => assert.fail(String(error)),
      ...(windows > 0 && { trials: { windows, most: 3 } }),
    });
  }

  get planner(): Planner {
    const round = () => Promise.resolve(this.round());
    return {
      onCap: round,
      onVariants: round,
      replan: round,
      setRates: () => false,
      keep: () => undefined,
      drop: () => undefined,
    };
  }

  private round(): PlanningRound {
    this.rounds += 1;
    const { best, rivals, violations, variant } = this.next;
    const planOf = (places: Places, suffix: string): Plan => ({
      ...this.solved.plan,
      planId: `${this.rounds}${suffix}`,
      feasible: violations === 0,
      tenants: this.solved.plan.tenants.map((one, index) => ({
        ...one,
        variant: variant ?? one.variant,
        stages: [{ stage: 0, component: places[index] ?? 'cpu0', firstNode: 0 }],
      })),
    });
    const broken = { tenant: 'inspect', variant: 'full', constraint: 'power', origin: 'predicted', value: 2, limit: 1 };
    return {
      plan: planOf(best, ''),
      rivals: rivals.map((rival, index) => planOf(rival, `.${index + 2}`)),
      violated: {
        ...this.solved.violated,
        violations: Array.from({ length: violations }, () => broken as never),
      },
    };
  }

  get last(): Plan {
    const last = this.sent.at(-1)?.plan;
    assert.ok(last);
    return last;
  }

  get places(): (string | undefined)[] {
    return this.last.tenants.map(({ stages }) => stages[0]?.component);
  }

  async cap(message: string, at = roomy): Promise<void> {
    this.loop.onCap(at, message);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Telemetry of the plan sent last (or another): mean watts, and the latency of everybody. */
  async window(powerW: number | null, meanMs = 40, more: Partial<Telemetry> = {}): Promise<void> {
    this.nowMs += 2000;
    this.loop.onTelemetry({
      ...telemetry(
        tenants.map(({ name }) =>
          tenantWindow(name, { latencyMs: { mean: meanMs, p50: meanMs, p95: meanMs, p99: meanMs, maximum: meanMs } }),
        ),
        2,
      ),
      energy: {
        totalJ: powerW === null ? null : powerW * 2,
        idleJ: powerW === null ? null : 10,
        source: 'measured',
        method: 'test',
      },
      planId: this.last.planId,
      ...more,
    });
    await new Promise((resolve) => setImmediate(resolve));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    const due = this.timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.timers = this.timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { action } of due) action();
  }

  get pendingTimers(): number {
    return this.timers.length;
  }
}

describe('trials of plans', () => {
  let solved: PlanningRound;
  before(async () => {
    const table = profiles(tenants);
    solved = await new MappingPlanner({ device: device(parts), tenants, profiles: table, clock: () => 0 }).onCap(roomy);
  });

  /** In force together, telemetry comes; then a round finds that `apart` may be better, and `other` is as good. */
  async function begun(windows = 2): Promise<Scene> {
    const scene = new Scene(solved, windows);
    scene.loop.start(scene.planner);
    await scene.cap('first');
    assert.deepEqual(scene.places, together);
    await scene.window(10);
    scene.next = { best: apart, rivals: [other], violations: 0 };
    await scene.cap('second');
    return scene;
  }

  it('puts each in force for a few windows, and lets the one that measures best stay, in words', async () => {
    const scene = await begun();
    assert.deepEqual(scene.places, apart);
    assert.ok(scene.last.why.some((why) => /in force for 2 windows.*cannot tell it from another mapping/.test(why)));
    // The window in which the plan came in does not count.
    for (let window = 0; window < 3; window += 1) {
      assert.deepEqual(scene.places, apart);
      await scene.window(12);
    }
    assert.deepEqual(scene.places, other);
    for (let window = 0; window < 3; window += 1) await scene.window(9);
    assert.deepEqual(scene.places, other);
    const why = scene.last.why.at(-1) ?? '';
    assert.match(why, /stays after 2 mappings were measured, although another one was predicted best/);
    assert.match(why, /9\.0 W \(measured\).*against 12\.0 W \(measured\)/);
    assert.equal(scene.pendingTimers, 0);
    assert.deepEqual(
      scene.measured.map(({ plan, measured }) => [plan.planId, measured.windows, measured.powerW]),
      [
        [scene.sent[1]?.plan.planId, 2, 12],
        [scene.sent[2]?.plan.planId, 2, 9],
      ],
    );
  });

  it('stays with the one predicted best where the others are not better by more than noise', async () => {
    const scene = await begun();
    for (let window = 0; window < 3; window += 1) await scene.window(10, 40);
    for (let window = 0; window < 3; window += 1) await scene.window(9.9, 39);
    assert.deepEqual(scene.places, apart);
    assert.ok(!(scene.last.why.at(-1) ?? '').includes('although'));
  });

  it('compares latencies where the power is unknown, and says that it is', async () => {
    const scene = await begun();
    for (let window = 0; window < 3; window += 1) await scene.window(null, 40);
    for (let window = 0; window < 3; window += 1) await scene.window(null, 20);
    assert.deepEqual(scene.places, other);
    assert.match(scene.last.why.at(-1) ?? '', /power unknown/);
  });

  it('does not try again what it has measured, and takes the measurement for the verdict', async () => {
    const scene = await begun();
    for (let window = 0; window < 3; window += 1) await scene.window(12);
    for (let window = 0; window < 3; window += 1) await scene.window(9);
    const before = scene.sent.length;
    await scene.cap('third');
    assert.equal(scene.sent.length, before);
    scene.nowMs += 16 * 60_000;
    await scene.window(9);
    await scene.cap('much later');
    assert.deepEqual(scene.places, apart);
  });

  it('goes on to the next at once when a limit is broken, and never lets that one stay', async () => {
    const scene = await begun();
    await scene.window(8);
    await scene.window(8, 400);
    assert.deepEqual(scene.places, other);
    for (let window = 0; window < 3; window += 1) await scene.window(11);
    assert.deepEqual(scene.places, other);
    assert.match(scene.last.why.at(-1) ?? '', /a limit broken/);
  });

  it('ends at once for a cap that the plans do not keep, for another operating point, and for a broken limit', async () => {
    for (const [at, next] of [
      [cap(5.5, point), { best: together, rivals: [], violations: 1 }],
      [cap(40, operatingPoint(parts, 0.5)), { best: together, rivals: [], violations: 0 }],
      [roomy, { best: together, rivals: [], violations: 1 }],
      [roomy, { best: together, rivals: [], violations: 0, variant: 'tiny' }],
    ] as const) {
      const scene = await begun();
      assert.ok(scene.pendingTimers > 0);
      scene.next = { ...next, rivals: [] };
      await scene.cap('cap', at);
      assert.deepEqual(scene.places, together);
      assert.equal(scene.sent.at(-1)?.message, 'cap');
      assert.equal(scene.pendingTimers, 0);
      const count = scene.sent.length;
      for (let window = 0; window < 6; window += 1) await scene.window(10);
      assert.ok(scene.sent.slice(count).every(({ plan }) => !plan.why.some((why) => why.includes('mappings were'))));
    }
  });

  it('goes on beside rounds that change nothing, and answers their message with its next plan', async () => {
    const scene = await begun();
    await scene.window(12);
    await scene.cap('meanwhile');
    assert.equal(scene.sent.length, 2);
    await scene.window(12);
    await scene.window(12);
    assert.equal(scene.sent.at(-1)?.message, 'meanwhile');
  });

  it('gives up when nothing is heard of the plan that is tried', async () => {
    const scene = await begun();
    for (let window = 0; window < 3; window += 1) await scene.window(12);
    assert.deepEqual(scene.places, other);
    // The executor could not put it in force.
    scene.pass(60_000);
    assert.deepEqual(scene.places, apart);
    assert.equal(scene.pendingTimers, 0);
  });

  it('ends as soon as something else is measured on the device, and counts nothing of it', async () => {
    const scene = await begun();
    await scene.window(12);
    await scene.window(12);
    scene.disturbed = true;
    scene.loop.onDisturbance();
    assert.deepEqual(scene.places, apart);
    assert.equal(scene.pendingTimers, 0);
    const count = scene.sent.length;
    for (let window = 0; window < 6; window += 1) await scene.window(80, 400);
    await scene.cap('meanwhile');
    assert.equal(scene.pendingTimers, 0);
    scene.next = { best: apart, rivals: [], violations: 0 };
    scene.disturbed = false;
    scene.loop.onDisturbance();
    // It has seen both.
    await scene.window(80, 400);
    assert.equal(scene.measured.length, 0);
    assert.ok(scene.sent.slice(count).every(({ plan }) => !plan.why.some((why) => why.includes('mappings were'))));
    for (let window = 0; window < 2; window += 1) await scene.window(12);
    assert.deepEqual(
      scene.measured.map(({ measured }) => [measured.windows, measured.powerW]),
      [[2, 12]],
    );
  });

  it('begins none beside another measurement, but goes by what was measured before', async () => {
    const scene = await begun();
    for (let window = 0; window < 3; window += 1) await scene.window(12);
    for (let window = 0; window < 3; window += 1) await scene.window(9);
    assert.deepEqual(scene.places, other);
    scene.disturbed = true;
    for (let window = 0; window < 3; window += 1) await scene.window(80);
    await scene.cap('meanwhile');
    assert.deepEqual(scene.places, other);
    scene.nowMs += 16 * 60_000;
    await scene.window(80);
    await scene.cap('much later');
    assert.deepEqual(scene.places, apart);
    assert.equal(scene.pendingTimers, 0);
    scene.disturbed = false;
    await scene.window(12);
    await scene.cap('quiet again');
    assert.ok(scene.pendingTimers > 0);
  });

  it('tries nothing where it is switched off, and where no telemetry comes', async () => {
    const off = await begun(0);
    assert.deepEqual(off.places, apart);
    for (let window = 0; window < 6; window += 1) await off.window(12);
    assert.deepEqual(off.places, apart);

    const silent = new Scene(solved);
    silent.loop.start(silent.planner);
    await silent.cap('first');
    silent.next = { best: apart, rivals: [other], violations: 0 };
    await silent.cap('second');
    assert.equal(silent.pendingTimers, 0);
    assert.ok(!silent.last.why.some((why) => why.includes('windows')));
  });

  it('is over when the loop closes', async () => {
    const scene = await begun();
    scene.loop.close();
    assert.equal(scene.pendingTimers, 0);
    const count = scene.sent.length;
    for (let window = 0; window < 6; window += 1) await scene.window(10);
    assert.equal(scene.sent.length, count);
  });
});

describe('what a plan did', () => {
  it('is added up over whole windows of that plan', () => {
    const meter = new PlanMeter('p');
    const window = (planId: string, offered: number, mean: number | null): Telemetry => ({
      ...telemetry(
        [
          tenantWindow('a', {
            offered,
            served: mean === null ? 0 : offered,
            latencyMs: mean === null ? null : { mean, p50: mean, p95: 2 * mean, p99: 2 * mean, maximum: 2 * mean },
          }),
        ],
        2,
      ),
      planId,
      energy: { totalJ: 20, idleJ: 10, source: 'modelled', method: 'test' },
    });
    assert.equal(meter.add(window('p', 99, 99)), false);
    assert.equal(meter.result(), null);
    assert.equal(meter.add(window('p', 10, 30)), true);
    assert.equal(meter.add(window('p', 30, 50)), true);
    assert.equal(meter.add(window('p', 8, null)), true);
    const { tenants: found, ...rest } = meter.result() ?? { tenants: new Map() };
    assert.deepEqual(rest, { windows: 3, seconds: 6, powerW: 10, idleW: 5, powerSource: 'modelled' });
    assert.deepEqual(found.get('a'), { offeredPerS: 8, servedPerS: 40 / 6, meanMs: 45, p95Ms: 100 });
    // Another plan comes in between: the first window after it is mixed again.
    assert.equal(meter.add(window('q', 1, 1)), false);
    assert.equal(meter.add(window('p', 1, 1)), false);
    assert.equal(meter.add(window('p', 8, 10)), true);
  });

  it('is told without the waiting for own requests', () => {
    const withWaiting = (x: number, rate: number) => x + (rate * x * x) / (2 * (1 - rate * x));
    for (const [x, rate] of [
      [0.02, 0],
      [0.02, 10],
      [0.04, 24],
      [0.3, 0.01],
    ] as const) {
      assert.ok(Math.abs(computedSeconds(withWaiting(x, rate), rate) - x) < 1e-12, `${x} at ${rate}`);
    }
  });
});
