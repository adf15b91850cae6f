import assert from 'node:assert/strict';
import fc from 'fast-check';
import { VariantSelector, type VariantSelectorSettings } from '../../../src/selection/selector';
import type { Tenant } from '../../../src/signals/tenant';
import { variantsSchema, type Variants } from '../../../src/signals/variants';
import type { Alternative, Violated, Violation } from '../../../src/signals/violated';
import { fourVariants, telemetry, tenant, tenantWindow } from '../../support/planning-fixtures';

const power: Violation = {
  tenant: 'a',
  variant: 'full',
  constraint: 'power',
  origin: 'predicted',
  value: 15,
  limit: 10,
};

function alternative(name: string, variant: string, excess: number, more: Partial<Alternative> = {}): Alternative {
  return {
    tenant: name,
    variant,
    accuracy: fourVariants.find(([row]) => row === variant)?.[1] ?? 0,
    latencyMs: { expected: 50, lower: 30, upper: 100 },
    powerW: { expected: 9, lower: 8, upper: 10 },
    feasible: excess === 0,
    excess,
    ...more,
  };
}

function violated(
  current: Record<string, string>,
  alternatives: readonly Alternative[],
  violations: readonly Violation[] = [],
  excess = violations.length > 0 ? 0.5 : 0,
): Violated {
  return { planId: 'p', capW: 10, violations: [...violations], excess, current, alternatives: [...alternatives] };
}

class Scene {
  nowMs = 0;
  readonly selector: VariantSelector;

  constructor(tenants: readonly Tenant[], settings: Partial<VariantSelectorSettings> = {}) {
    this.selector = new VariantSelector({
      tenants,
      clock: () => this.nowMs,
      settings: { upAfterS: 20, dwellS: 10, ...settings },
    });
  }

  chosen(answer: Variants | null): Record<string, string> | null {
    if (answer === null) return null;
    variantsSchema.parse(answer);
    return Object.fromEntries(answer.choices.map(({ tenant: name, chosen }) => [name, chosen]));
  }
}

describe('VariantSelector: down', () => {
  const two = [tenant('a'), tenant('b')];

  it('takes the single swap that makes everything fit at the least accuracy lost', () => {
    const scene = new Scene(two);
    const answer = scene.selector.onViolated(
      violated(
        { a: 'full', b: 'full' },
        [
          alternative('a', 'medium', 0.2),
          alternative('a', 'small', 0),
          alternative('a', 'tiny', 0),
          alternative('b', 'medium', 0),
          alternative('b', 'small', 0),
        ],
        [power],
      ),
    );
    assert.deepEqual(scene.chosen(answer), { a: 'full', b: 'medium' });
    assert.match(
      answer?.reason ?? '',
      /b from full to medium \(1\.5 points of accuracy\).*15\.0 W under a cap of 10\.0 W/,
    );
    const choice = answer?.choices[1];
    assert.ok(Math.abs((choice?.accuracyCost ?? 0) - 0.015) < 1e-9);
    assert.deepEqual(choice?.allowed, ['full', 'medium', 'small', 'tiny']);
    assert.equal(choice?.why.length, 1);
  });

  it('takes what relieves most per accuracy lost while no single swap is enough', () => {
    const scene = new Scene(two);
    const answer = scene.selector.onViolated(
      violated(
        { a: 'full', b: 'full' },
        [alternative('a', 'medium', 0.4), alternative('a', 'tiny', 0.1), alternative('b', 'medium', 0.3)],
        [power],
      ),
    );
    assert.deepEqual(scene.chosen(answer), { a: 'full', b: 'medium' });
  });

  it('lets low priorities give up first', () => {
    const scene = new Scene([tenant('a', fourVariants, { priority: 1 }), tenant('b', fourVariants, { priority: 2 })]);
    const answer = scene.selector.onViolated(
      violated({ a: 'full', b: 'full' }, [alternative('a', 'medium', 0), alternative('b', 'small', 0)], [power]),
    );
    assert.deepEqual(scene.chosen(answer), { a: 'full', b: 'small' });
  });

  it('gives no accuracy for what does not help, and never goes up to answer a violation', () => {
    const scene = new Scene(two);
    const answer = scene.selector.onViolated(
      violated(
        { a: 'small', b: 'tiny' },
        [alternative('a', 'tiny', 0.499), alternative('a', 'full', 0), alternative('b', 'full', 0.1)],
        [power],
      ),
    );
    assert.equal(answer, null);
  });

  it('never touches a pinned tenant or one that is switched off', () => {
    const scene = new Scene([
      tenant('a', fourVariants, { override: { mode: 'pin', variant: 'medium' } }),
      tenant('b', fourVariants, { override: { mode: 'off' } }),
    ]);
    const everything = ['a', 'b'].flatMap((name) => fourVariants.map(([variant]) => alternative(name, variant, 0)));
    assert.equal(scene.selector.onViolated(violated({ a: 'medium', b: 'full' }, everything, [power])), null);
    scene.nowMs = 1e6;
    assert.equal(scene.selector.onViolated(violated({ a: 'medium', b: 'full' }, everything)), null);
    const late = ['a', 'b'].map((name) => tenantWindow(name, { late: 20 }));
    for (let window = 0; window < 5; window += 1) assert.equal(scene.selector.onTelemetry(telemetry(late)), null);
  });

  it('follows the planner when that runs something else than was chosen', () => {
    const scene = new Scene(two);
    scene.selector.onViolated(violated({ a: 'medium', b: 'huge' }, []));
    assert.deepEqual(
      scene.selector.current,
      new Map([
        ['a', 'medium'],
        ['b', 'full'],
      ]),
    );
    assert.deepEqual(scene.selector.degraded, [{ tenant: 'a', variant: 'medium' }]);
  });
});

describe('VariantSelector: odd tenants', () => {
  it('takes the first of two tenants with the same name, and never ends up with none or both', () => {
    const twins = [tenant('a'), tenant('a', [['only', 0.5, 1]])];
    const scene = new Scene(twins);
    const answer = scene.selector.onViolated(violated({ a: 'full' }, [alternative('a', 'medium', 0)], [power]));
    assert.deepEqual(scene.chosen(answer), { a: 'medium' });
  });

  it('keeps to the best variant where the least accuracy is above it, and says what that leaves out', () => {
    const scene = new Scene([tenant('a', fourVariants, { leastAccuracy: 0.999 })]);
    const round = violated({ a: 'full' }, [], [power]);
    assert.equal(scene.selector.onViolated(round), null);
    const [out] = scene.selector.rejected;
    assert.deepEqual([out?.tenant, out?.constraint, out?.limit], ['a', 'accuracy', 0.999]);
    assert.match(out?.text ?? '', /a may not run \w+: it is right in .* % only, the least allowed is 99\.9 %/);
  });

  it('leaves things as they are where no variant can meet a limit', () => {
    const scene = new Scene([tenant('a')]);
    const hopeless = fourVariants.slice(1).map(([variant]) => alternative('a', variant, 0.5));
    for (let times = 0; times < 3; times += 1)
      assert.equal(scene.selector.onViolated(violated({ a: 'full' }, hopeless, [power])), null);
  });
});

describe('VariantSelector: why not', () => {
  const latency: Violation = { ...power, constraint: 'latency', value: 180, limit: 150 };

  it('names the limit that rules a better variant out, important tenants first', () => {
    const scene = new Scene([tenant('a', fourVariants, { priority: 2 }), tenant('b', fourVariants, { priority: 1 })]);
    scene.selector.onViolated(
      violated({ a: 'small', b: 'medium' }, [
        alternative('a', 'medium', 0.2, { broken: { ...power, variant: 'medium' } }),
        alternative('b', 'full', 0.2, { broken: { ...latency, tenant: 'b' } }),
      ]),
    );
    assert.deepEqual(
      scene.selector.rejected.map(({ tenant: name, variant, constraint, value, limit }) => [
        name,
        variant,
        constraint,
        value,
        limit,
      ]),
      [
        ['b', 'full', 'latency', 180, 150],
        ['a', 'medium', 'power', 15, 10],
      ],
    );
    assert.match(scene.selector.rejected[0]?.text ?? '', /b does not run full: b would need up to 180 ms of 150 ms/);
    assert.match(
      scene.selector.rejected[1]?.text ?? '',
      /a does not run medium: .* up to 15\.0 W under a cap of 10\.0 W/,
    );
  });

  it('tells a variant that must wait from one that was never measured, and goes with each answer', () => {
    const scene = new Scene([tenant('a'), tenant('b')]);
    const answer = scene.selector.onViolated(
      violated({ a: 'full', b: 'small' }, [alternative('a', 'medium', 0), alternative('b', 'medium', 0)], [power]),
    );
    const constraints = (answer?.rejected ?? []).map(({ tenant: name, constraint }) => [name, constraint]);
    assert.deepEqual(constraints, [
      ['a', 'power'],
      ['b', 'wait'],
    ]);
    scene.selector.onViolated(violated({ a: 'full', b: 'small' }, []));
    assert.deepEqual(
      scene.selector.rejected.map(({ constraint }) => constraint),
      ['unmeasured'],
    );
  });
});

describe('VariantSelector: up', () => {
  const one = [tenant('a')];
  const fits = (current: string, ...variants: string[]) =>
    violated(
      { a: current },
      variants.map((variant) => alternative('a', variant, 0)),
    );

  it('goes up only after the variant has fitted without interruption, then as far as it may', () => {
    const scene = new Scene(one);
    const at = (s: number, round: Violated) => {
      scene.nowMs = s * 1000;
      return scene.chosen(scene.selector.onViolated(round));
    };
    assert.equal(at(0, fits('tiny', 'small')), null);
    assert.equal(at(15, fits('tiny', 'small', 'medium')), null);
    assert.equal(
      at(16, violated({ a: 'tiny' }, [alternative('a', 'small', 0.1), alternative('a', 'medium', 0.2)])),
      null,
    );
    assert.equal(at(20, fits('tiny', 'small', 'medium')), null);
    assert.equal(at(39, fits('tiny', 'small', 'medium')), null);
    assert.deepEqual(at(40, fits('tiny', 'small', 'medium')), { a: 'medium' });
    assert.equal(at(41, fits('medium', 'full')), null);
    assert.deepEqual(at(61, fits('medium', 'full')), { a: 'full' });
  });

  it('asks for some slack in the latency before it goes up', () => {
    const scene = new Scene(one);
    const close = violated({ a: 'small' }, [
      alternative('a', 'full', 0, { latencyMs: { expected: 100, lower: 90, upper: 149 } }),
    ]);
    for (const s of [0, 30, 60]) {
      scene.nowMs = s * 1000;
      assert.equal(scene.selector.onViolated(close), null);
    }
  });

  it('keeps to the least dwell after a swap', () => {
    const scene = new Scene(one, { upAfterS: 1, dwellS: 30 });
    scene.selector.onViolated(violated({ a: 'full' }, [alternative('a', 'small', 0)], [power]));
    const seconds: number[] = [];
    for (let s = 1; s < 60 && seconds.length === 0; s += 1) {
      scene.nowMs = s * 1000;
      if (scene.selector.onViolated(fits('small', 'medium'))) seconds.push(s);
    }
    assert.deepEqual(seconds, [30]);
  });

  it('lets the greatest gain go first, priority counted, one tenant per answer', () => {
    const scene = new Scene([tenant('a', fourVariants, { priority: 2 }), tenant('b', fourVariants, { priority: 1 })]);
    const round = violated({ a: 'tiny', b: 'small' }, [alternative('a', 'full', 0), alternative('b', 'full', 0)]);
    scene.selector.onViolated(round);
    scene.nowMs = 20_000;
    assert.deepEqual(scene.chosen(scene.selector.onViolated(round)), { a: 'tiny', b: 'full' });
  });

  /** When the tenant goes up (s), if each step up is answered by a violation after `holdS` under the given caps. */
  function climbs(untilS: number, holdS: number, capWhenDown: number): number[] {
    const scene = new Scene(one, { upAfterS: 3, dwellS: 0 });
    let current = 'small';
    let upAtS = -Infinity;
    const ups: number[] = [];
    for (let s = 0; s < untilS; s += 1) {
      scene.nowMs = s * 1000;
      const breaks = current === 'full' && s - upAtS >= holdS;
      const round = breaks
        ? { ...violated({ a: 'full' }, [alternative('a', 'small', 0)], [power]), capW: capWhenDown }
        : fits(current, current === 'full' ? 'small' : 'full');
      const answer = scene.chosen(scene.selector.onViolated(round));
      if (answer === null) continue;
      current = answer.a ?? current;
      if (current === 'full') ups.push((upAtS = s));
    }
    return ups;
  }

  it('waits twice as long after a step up that had to be taken back, and after two an hour for each, were the wait 20 s', () => {
    const ups = climbs(1200, 2, 10);
    // Down 2 s after each step up, fitting again from the next second on. The wait is 3 s: 180 of them are 540 s.
    assert.deepEqual(ups, [3, 12, 5 + 540, 14 + 540, 547 + 540, 556 + 540]);
  });

  it('holds it against a step up that it was taken back within the hour, even if it had held for long', () => {
    // Down 100 s after each step up: more than 8 waits, after which the next wait is not longer.
    const ups = climbs(1200, 100, 10);
    assert.deepEqual(ups, [3, 107, 103 + 540, 207 + 540]);
  });

  /** Up twice and taken back twice, at a cap of 10 W with a third of the limit free; then what is tried 100 s later. */
  function thirdTry(round: Violated): Record<string, string> | null {
    const scene = new Scene(one, { upAfterS: 3, dwellS: 0 });
    const at = (s: number, next: Violated) => {
      scene.nowMs = s * 1000;
      return scene.chosen(scene.selector.onViolated(next));
    };
    at(0, fits('medium', 'full'));
    for (const s of [10, 20]) {
      assert.deepEqual(at(s, fits('medium', 'full')), { a: 'full' });
      at(s + 2, violated({ a: 'full' }, [alternative('a', 'medium', 0)], [power]));
      at(s + 3, fits('medium', 'full'));
    }
    for (let s = 100; s < 200; s += 1) {
      const answer = at(s, round);
      if (answer !== null) return answer;
    }
    assert.match(scene.selector.rejected[0]?.text ?? '', /a does not run full: it fits, but .* taken back each time/);
    return null;
  }

  it('tries a third time at a higher cap or with clearly more room, not on the same terms', () => {
    assert.equal(thirdTry(fits('medium', 'full')), null);
    assert.equal(thirdTry({ ...fits('medium', 'full'), capW: 10.1 }), null);
    assert.deepEqual(thirdTry({ ...fits('medium', 'full'), capW: 10.5 }), { a: 'full' });
    const roomy = alternative('a', 'full', 0, { latencyMs: { expected: 20, lower: 10, upper: 60 } });
    assert.deepEqual(thirdTry(violated({ a: 'medium' }, [roomy])), { a: 'full' });
  });

  it('asks for the same slack in every limit that the swap brings nearer', () => {
    const nearest = (value: number): Violation => ({ ...power, constraint: 'latency', tenant: 'b', value, limit: 150 });
    const upAt = (value: number): number | undefined => {
      const scene = new Scene([tenant('a'), tenant('b')]);
      const round = violated({ a: 'medium', b: 'full' }, [alternative('a', 'full', 0, { nearest: nearest(value) })]);
      return [0, 20, 60, 120].find((s) => {
        scene.nowMs = s * 1000;
        const answer = scene.selector.onViolated(round);
        if (answer === null && value > 135) {
          assert.match(
            scene.selector.rejected[0]?.text ?? '',
            /a does not run full: b would need up to 149 ms of 150 ms/,
          );
        }
        return answer !== null;
      });
    };
    assert.equal(upAt(100), 20);
    // With nothing to spare it must fit for six times as long.
    assert.equal(upAt(149), 120);
  });

  it('does not hold a falling cap against the variant', () => {
    // Every 6 s: 2 s up, 1 s until it fits again, 3 s of waiting.
    assert.equal(climbs(400, 2, 7).length, 67);
  });

  it('forgets steps that were taken back when nothing happens for long', () => {
    const scene = new Scene(one, { upAfterS: 3, dwellS: 0 });
    const at = (s: number, round: Violated) => {
      scene.nowMs = s * 1000;
      return scene.chosen(scene.selector.onViolated(round));
    };
    at(0, fits('small', 'full'));
    assert.deepEqual(at(3, fits('small', 'full')), { a: 'full' });
    assert.deepEqual(at(4, violated({ a: 'full' }, [alternative('a', 'small', 0)], [power])), { a: 'small' });
    // Nothing heavier fits for a long time; then it does again.
    for (let s = 5; s < 100; s += 1) at(s, violated({ a: 'small' }, []));
    at(100, fits('small', 'full'));
    assert.deepEqual(at(103, fits('small', 'full')), { a: 'full' });
  });
});

describe('VariantSelector: observed', () => {
  const two = [tenant('a', fourVariants, { priority: 1 }), tenant('b', fourVariants, { priority: 2 })];
  const slow = (name: string, variant = 'full') =>
    tenantWindow(name, { variant, latencyMs: { mean: 100, p50: 90, p95: 200, p99: 250, maximum: 300 } });

  it('steps a tenant down one variant after two bad windows in a row', () => {
    const scene = new Scene(two);
    assert.equal(scene.selector.onTelemetry(telemetry([slow('a')])), null);
    assert.equal(scene.selector.onTelemetry(telemetry([tenantWindow('a')])), null);
    assert.equal(scene.selector.onTelemetry(telemetry([slow('a')])), null);
    const answer = scene.selector.onTelemetry(telemetry([slow('a')]));
    assert.deepEqual(scene.chosen(answer), { a: 'medium', b: 'full' });
    assert.match(answer?.reason ?? '', /observed p95 200 ms over the limit of 150 ms/);
  });

  it('counts late and refused requests, but not what the sender did wrong, nor windows with few requests', () => {
    const act = (more: Parameters<typeof tenantWindow>[1]) => {
      const scene = new Scene(two);
      scene.selector.onTelemetry(telemetry([tenantWindow('a', more)]));
      return scene.chosen(scene.selector.onTelemetry(telemetry([tenantWindow('a', more)])));
    };
    const down = { a: 'medium', b: 'full' };
    assert.deepEqual(act({ late: 3 }), down);
    assert.deepEqual(act({ late: 1, rejected: 2, reasons: { QUEUE_FULL: 1, DEADLINE_EXCEEDED: 1 } }), down);
    assert.equal(act({ late: 2 }), null);
    assert.equal(act({ served: 5, rejected: 15, reasons: { INPUT_MISMATCH: 15 } }), null);
    assert.equal(act({ offered: 4, served: 4, late: 4 }), null);
  });

  it('takes one straggler among few requests for an accident', () => {
    const latencyMs = { mean: 20, p50: 10, p95: 400, p99: 400, maximum: 400 };
    const act = (more: Parameters<typeof tenantWindow>[1]) => {
      const scene = new Scene(two);
      const windows = telemetry([tenantWindow('a', { latencyMs, ...more })]);
      scene.selector.onTelemetry(windows);
      return scene.chosen(scene.selector.onTelemetry(windows));
    };
    assert.equal(act({ offered: 16, served: 16, late: 1 }), null);
    assert.equal(act({ offered: 6, served: 6, late: 1 }), null);
    assert.deepEqual(act({ offered: 16, served: 16, late: 2 }), { a: 'medium', b: 'full' });
  });

  it('does not hold it against a variant that its host was being replaced', () => {
    const scene = new Scene(two);
    const restarted = {
      ...telemetry([slow('a')]),
      components: [{ component: 'cpu0', busyFraction: 0.5, cpuSeconds: 1, restarts: 1, recycled: 0 }],
    };
    for (let times = 0; times < 3; times += 1) assert.equal(scene.selector.onTelemetry(restarted), null);
    assert.equal(scene.selector.onTelemetry(telemetry([slow('a')])), null);
    assert.deepEqual(scene.chosen(scene.selector.onTelemetry(telemetry([slow('a')]))), { a: 'medium', b: 'full' });
  });

  it('turns to lower priorities when the tenant is at its lightest, and gives up when there are none', () => {
    const scene = new Scene(two);
    scene.selector.onViolated(violated({ a: 'tiny', b: 'small' }, []));
    const windows = telemetry([slow('a', 'tiny')]);
    scene.selector.onTelemetry(windows);
    assert.deepEqual(scene.chosen(scene.selector.onTelemetry(windows)), { a: 'tiny', b: 'tiny' });
    for (let times = 0; times < 6; times += 1) assert.equal(scene.selector.onTelemetry(windows), null);
  });

  it('does not judge a new variant by windows of the old one', () => {
    const scene = new Scene(two);
    for (let times = 0; times < 2; times += 1) scene.selector.onTelemetry(telemetry([slow('a')]));
    // The executor has not swapped yet.
    for (let times = 0; times < 3; times += 1) assert.equal(scene.selector.onTelemetry(telemetry([slow('a')])), null);
    // The window of the swap holds both.
    assert.equal(scene.selector.onTelemetry(telemetry([slow('a', 'medium')])), null);
    assert.equal(scene.selector.onTelemetry(telemetry([slow('a', 'medium')])), null);
    assert.deepEqual(scene.chosen(scene.selector.onTelemetry(telemetry([slow('a', 'medium')]))), {
      a: 'small',
      b: 'full',
    });
  });

  it('does not step straight back up to what the prediction wrongly says fits', () => {
    const scene = new Scene(two);
    const round = violated({ a: 'medium', b: 'full' }, [alternative('a', 'full', 0)]);
    for (let times = 0; times < 2; times += 1) scene.selector.onTelemetry(telemetry([slow('a')]));
    const ups: number[] = [];
    for (let s = 0; s <= 60 && ups.length === 0; s += 1) {
      scene.nowMs = s * 1000;
      if (scene.selector.onViolated(round)) ups.push(s);
    }
    assert.deepEqual(ups, [40]);
  });
});

describe('VariantSelector: stability', () => {
  it('bounds the swaps of each tenant whatever noise comes in', () => {
    const names = ['a', 'b', 'c'];
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (noise) => {
        const draw = (): number => noise.next().value ?? 0;
        const scene = new Scene(names.map((name) => tenant(name)));
        const order = fourVariants.map(([name]) => name);
        const current: Record<string, string> = Object.fromEntries(names.map((name) => [name, 'full']));
        const swaps = new Map(names.map((name) => [name, 0]));
        const apply = (answer: Variants | null) => {
          for (const { tenant: name, chosen } of answer?.choices ?? []) {
            if (current[name] === chosen) continue;
            swaps.set(name, (swaps.get(name) ?? 0) + 1);
            current[name] = chosen;
          }
          return answer !== null;
        };
        // An hour at the threshold: heavier fits now and then, the present breaks now and then.
        for (let s = 0; s < 3600; s += 5) {
          scene.nowMs = s * 1000;
          for (let chain = 0; chain < 20; chain += 1) {
            const breaks = draw() < 0.05;
            const alternatives = names.flatMap((name) =>
              order
                .filter((variant) => variant !== current[name])
                .map((variant) =>
                  order.indexOf(variant) > order.indexOf(current[name] ?? '')
                    ? alternative(name, variant, breaks ? 0.3 * draw() : 0)
                    : alternative(name, variant, draw() < 0.2 ? 0.1 : 0),
                ),
            );
            if (!apply(scene.selector.onViolated(violated({ ...current }, alternatives, breaks ? [power] : [])))) break;
          }
          const windows = names.map((name) =>
            tenantWindow(name, { variant: current[name] ?? '', late: draw() < 0.05 ? 10 : 0 }),
          );
          apply(scene.selector.onTelemetry(telemetry(windows)));
        }
        // Mostly three. At worst two steps up and no third; each, and the beginning, followed by steps down to the lightest.
        for (const [name, count] of swaps) assert.ok(count <= 12, `${name}: ${count} swaps in an hour`);
      }),
      { numRuns: 15 },
    );
  });
});
