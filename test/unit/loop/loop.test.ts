import assert from 'node:assert/strict';
import { Loop, type LoopBoxes } from '../../../src/loop/loop';
import type { PlanningRound } from '../../../src/mapping/planner';
import type { Cap } from '../../../src/signals/cap';
import type { CarbonReading } from '../../../src/signals/carbon';
import type { Plan } from '../../../src/signals/plan';
import type { Receipt } from '../../../src/signals/receipt';
import type { Telemetry } from '../../../src/signals/telemetry';
import type { Variants } from '../../../src/signals/variants';

// The wires look into none of these: what matters is which box gets which object, and when.
const reading = { zone: 'reading' } as CarbonReading;
const cap = { policy: 'cap' } as Cap;
const telemetry = { planId: 'telemetry' } as Telemetry;
const receipt = { from: 'receipt' } as Receipt;
const roundOf = (planId: string): PlanningRound => ({
  plan: { planId } as Plan,
  violated: { planId, capW: null, violations: [], excess: 0, current: {}, alternatives: [] },
});
const variants = { choices: [], reason: 'lighter' } satisfies Variants;

interface Scene {
  readonly loop: Loop;
  readonly calls: string[];
  readonly errors: string[];
  readonly steps: string[];
  /** Cap and plan that each control period came to. */
  readonly agreed: string[];
}

function scene(
  settings: {
    answers?: number;
    observed?: boolean;
    ratesMove?: boolean;
    failPlan?: boolean;
    /** So many plans are answered by a cap of their own. */
    points?: number;
    /** What applying a plan waits for. */
    slow?: Promise<void>;
  } = {},
): Scene {
  const calls: string[] = [];
  const errors: string[] = [];
  const steps: string[] = [];
  const agreed: string[] = [];
  let answers = settings.answers ?? 0;
  let points = settings.points ?? 0;
  let rounds = 0;
  const boxes: LoopBoxes = {
    source: { read: () => (calls.push('read'), Promise.resolve(reading)) },
    powerCap: {
      onCarbon: (got) => (calls.push(`cap for ${got.zone}`), Promise.resolve(cap)),
      onPlan: async ({ planId }) => {
        if ((points -= 1) < 0) return null;
        calls.push(`point of ${planId}`);
        return { policy: `cap of ${planId}` } as Cap;
      },
    },
    planner: {
      onCap: (got) => (calls.push(`plan for ${got.policy}`), Promise.resolve(roundOf(`p${(rounds += 1)}`))),
      onVariants: (got) => (calls.push(`plan with ${got.reason}`), Promise.resolve(roundOf(`p${(rounds += 1)}`))),
      replan: () => (calls.push('replan'), Promise.resolve(roundOf(`p${(rounds += 1)}`))),
      setRates: () => settings.ratesMove ?? false,
      keep: () => undefined,
      drop: () => undefined,
    },
    selector: {
      onViolated: () => ((answers -= 1) >= 0 ? variants : null),
      onTelemetry: () => (settings.observed ? variants : null),
    },
    executor: {
      onCarbon: () => undefined,
      takeTelemetry: () => telemetry,
      applyPlan: (plan) => {
        calls.push(`apply ${plan.planId}`);
        if (settings.failPlan) return Promise.reject(new Error('does not load'));
        return (settings.slow ?? Promise.resolve()).then(() => ({ applied: true, swaps: 0, why: [] }));
      },
    },
    ledger: {
      onCarbon: (got) => void calls.push(`account ${got.zone}`),
      onTelemetry: (got) => (calls.push(`account ${got.planId ?? ''}`), receipt),
    },
  };
  const loop = new Loop(boxes, {
    onStep: (step) => steps.push(step),
    onControl: (_, got, { plan }) => agreed.push(`${got.policy}, ${plan.planId}`),
    onError: (what, message) => errors.push(`${what}: ${message}`),
  });
  return { loop, calls, errors, steps, agreed };
}

describe('the loop without Node-RED', () => {
  it('hands the reading to cap and ledger, the cap to the planner, and the plan to the executor', async () => {
    const { loop, calls } = scene();
    await loop.control();
    assert.deepEqual(calls, ['read', 'account reading', 'cap for reading', 'plan for cap', 'apply p1']);
  });

  it('applies only the plan on which planner and selector agree', async () => {
    const { loop, calls } = scene({ answers: 3 });
    await loop.control();
    assert.deepEqual(calls.slice(-4), ['plan with lighter', 'plan with lighter', 'plan with lighter', 'apply p4']);
  });

  it('comes to an end with a selector that never stops answering', async () => {
    const { loop, calls } = scene({ answers: Number.POSITIVE_INFINITY });
    await loop.control();
    assert.equal(calls.at(-1), 'apply p65');
  });

  it('hands plans to the power cap, and plans again for the operating point that it put in force', async () => {
    const { loop, calls, agreed } = scene({ points: 1 });
    await loop.control();
    assert.deepEqual(calls.slice(2), [
      'cap for reading',
      'plan for cap',
      'point of p1',
      'plan for cap of p1',
      'apply p2',
    ]);
    assert.deepEqual(agreed, ['cap of p1, p2']);
    const window = scene({ points: 1, ratesMove: true });
    await window.loop.window();
    assert.deepEqual(window.calls.slice(1), ['replan', 'point of p1', 'plan for cap of p1', 'apply p2']);
  });

  it('hands a plan on only once planner and selector agree, and comes to an end with a cap that never does', async () => {
    const settled = scene({ answers: 2, points: 1 });
    await settled.loop.control();
    assert.deepEqual(
      settled.calls.filter((call) => call.startsWith('point')),
      ['point of p3'],
    );
    const endless = scene({ points: Number.POSITIVE_INFINITY });
    await endless.loop.control();
    assert.equal(endless.calls.at(-1), 'apply p9');
  });

  it('tells when a step begins, also one that fails', async () => {
    const { loop, steps } = scene({ failPlan: true });
    await Promise.all([loop.control(), loop.window()]);
    assert.deepEqual(steps, ['control', 'window']);
  });

  it('accounts a window, and plans again for an observed violation or for other arrival rates only', async () => {
    for (const [settings, expected] of [
      [{}, ['account telemetry']],
      [{ ratesMove: true }, ['account telemetry', 'replan', 'apply p1']],
      [{ observed: true, ratesMove: true }, ['account telemetry', 'plan with lighter', 'apply p1']],
    ] as const) {
      const { loop, calls } = scene(settings);
      await loop.window();
      assert.deepEqual(calls, expected);
    }
  });

  it('reports a step that fails and goes on with the next, one at a time', async () => {
    const { loop, calls, errors } = scene({ failPlan: true });
    await Promise.all([loop.control(), loop.control()]);
    assert.deepEqual(errors, ['control: does not load', 'control: does not load']);
    assert.deepEqual(calls.indexOf('apply p1') < calls.lastIndexOf('read'), true);
  });

  it('leaves out the ticks that fall due while a step is slow, instead of piling them up', async () => {
    let finish: () => void = () => undefined;
    const { loop, calls } = scene({ slow: new Promise((resolve) => (finish = resolve)) });
    loop.start({ controlPeriodS: 0.002, windowS: 3600 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    const stopped = loop.stop();
    finish();
    await stopped;
    assert.equal(calls.filter((call) => call === 'read').length, 1);
  });

  it('does nothing more once it is stopped', async () => {
    const { loop, calls } = scene();
    loop.start({ controlPeriodS: 0.005, windowS: 0.005 });
    await new Promise((resolve) => setTimeout(resolve, 40));
    await loop.stop();
    const done = calls.length;
    assert.ok(done > 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(calls.length, done);
  });
});
