import assert from 'node:assert/strict';
import { changeOf, type Circumstances } from '../../../src/mapping/plan-change';
import type { Plan } from '../../../src/signals/plan';
import type { Variants } from '../../../src/signals/variants';
import { cap, components, operatingPoint } from '../../support/planning-fixtures';
import { reading } from '../power/fakes';

const parts = components(2);
const full = operatingPoint(parts);

function plan(chosen: Readonly<Record<string, string>>, more: Partial<Plan> = {}): Plan {
  return {
    planId: 'p',
    createdAt: '2026-01-05T00:00:00Z',
    tenants: Object.entries(chosen).map(([tenant, placed]) => {
      const [variant = '', component = 'cpu0'] = placed.split('@');
      return {
        tenant,
        variant,
        accuracy: 0.9,
        stages: [{ stage: 0, component, firstNode: 0 }],
        latencyMs: null,
        latencyLimitMs: 100,
        meetsLimit: true,
        energyJ: null,
        alwaysMax: { variant: 'full', accuracy: 0.9, energyJ: null },
      };
    }),
    operatingPoint: full,
    capW: 17,
    powerW: { expected: 10, lower: 9, upper: 11 },
    powerSource: 'modelled',
    feasible: true,
    why: [],
    search: { estimator: 'analytic', candidates: 1, evaluated: 1, elapsedMs: 1 },
    ...more,
  };
}

const at = (capW: number | null, rates: Readonly<Record<string, number>> = { a: 5 }): Circumstances => ({
  cap: capW === null ? null : cap(capW, full, { carbon: reading(412) }),
  ratePerS: new Map(Object.entries(rates)),
});
const said = (reason: string, cause: NonNullable<Variants['cause']>): Variants => ({ choices: [], reason, cause });

describe('why a plan changes', () => {
  it('is not said where it does not', () => {
    const same = { plan: plan({ a: 'full' }), at: at(17) };
    assert.equal(
      changeOf(same, { plan: plan({ a: 'full' }, { planId: 'q', why: ['other words'] }), at: at(9) }, []),
      null,
    );
  });

  it('is the cap, with both watts and the grid, and what it led to', () => {
    const down = changeOf({ plan: plan({ a: 'full' }), at: at(17) }, { plan: plan({ a: 'small' }), at: at(10) }, [
      said('a from full to small (5.0 points of accuracy): the device would draw up to 15.0 W', 'limit'),
    ]);
    assert.deepEqual(down, {
      cause: 'cap',
      text:
        'the cap fell from 17.0 W to 10.0 W (the grid is at 412 g/kWh); ' +
        'a from full to small (5.0 points of accuracy): the device would draw up to 15.0 W',
    });
    const first = changeOf(null, { plan: plan({ a: 'full' }), at: at(null) }, []);
    assert.deepEqual(first, { cause: 'start', text: 'the first plan' });
    const arrived = changeOf(
      { plan: plan({ a: 'full' }), at: at(null) },
      { plan: plan({ a: 'small' }), at: at(10) },
      [],
    );
    assert.match(arrived?.text ?? '', /^the first cap has arrived, 10\.0 W/);
  });

  it('is a limit, room, the price or an observation in the words of the selector, the last three swaps of many', () => {
    for (const cause of ['limit', 'room', 'price', 'observed'] as const) {
      const change = changeOf(
        { plan: plan({ a: 'full' }), at: at(17) },
        { plan: plan({ a: 'small' }), at: at(17) },
        [1, 2, 3, 4, 5].map((number) => said(`reason ${number}`, cause)),
      );
      assert.deepEqual(change, { cause, text: 'after 2 other swaps, reason 3; reason 4; reason 5' });
    }
  });

  it('is the requests, or a better place, where the selector said nothing', () => {
    const why = ['a moved from cpu0 to cpu1 because that saves 1.2 W'];
    const before = { plan: plan({ a: 'full@cpu0' }), at: at(17) };
    const after = plan({ a: 'full@cpu1' }, { why });
    assert.deepEqual(changeOf(before, { plan: after, at: at(17) }, []), { cause: 'gain', text: why[0] });
    assert.deepEqual(changeOf(before, { plan: after, at: at(17, { a: 8.2 }) }, []), {
      cause: 'load',
      text: `requests of a rose from 5.0 to 8.2 a second; ${why[0]}`,
    });
  });

  it('is the limit that cannot hold any more, and that all hold again', () => {
    const broken = plan(
      { a: 'full' },
      { feasible: false, why: ['NO_FEASIBLE_PLAN: best effort, because a is too slow'] },
    );
    const fine = plan({ a: 'full' });
    assert.deepEqual(changeOf({ plan: fine, at: at(17) }, { plan: broken, at: at(17) }, []), {
      cause: 'limit',
      text: 'NO_FEASIBLE_PLAN: best effort, because a is too slow',
    });
    assert.deepEqual(changeOf({ plan: broken, at: at(17) }, { plan: fine, at: at(17) }, []), {
      cause: 'room',
      text: 'all limits hold again',
    });
  });

  it('is never silent: tenants that come, swaps that nobody explains, another operating point', () => {
    const change = (after: Plan) =>
      changeOf({ plan: plan({ a: 'full' }), at: at(17) }, { plan: after, at: at(17) }, []);
    assert.match(change(plan({ a: 'full', b: 'tiny' }))?.text ?? '', /b is served from now on, with tiny/);
    assert.match(change(plan({ a: 'tiny' }))?.text ?? '', /a runs tiny instead of full/);
    const slower = operatingPoint(parts, 0.5);
    assert.match(change(plan({ a: 'full' }, { operatingPoint: slower }))?.text ?? '', /speed-50 instead of speed-100/);
    assert.ok((change(plan({}))?.text ?? '').length > 0);
  });
});
