import assert from 'node:assert/strict';
import { Random } from '../../../src/simulation/random';
import { playLoop, sunny, threeTenants, xavierTenant, type DayOptions, type PlayedDay } from '../../support/loop-days';

interface Expected {
  /** Most swaps of a tenant in any hour: what the grid and its cap call for; four where neither moves much. */
  readonly swapsPerHour?: number;
}

/** What holds whatever comes in. Returns every text of the day that a user could read. */
function check(
  { grams, alwaysMaxG, swaps, changes, caps, errors, selector }: PlayedDay,
  expected: Expected = {},
): string {
  assert.deepEqual(errors, []);
  assert.ok(grams <= alwaysMaxG * (1 + 1e-9), `${grams} g, always-max ${alwaysMaxG} g`);
  for (const [name, byHour] of swaps) {
    const most = Math.max(...byHour);
    assert.ok(most <= (expected.swapsPerHour ?? 4), `${name}: ${most} swaps in an hour (${byHour})`);
  }
  for (const { plan, hour } of changes) {
    const { change, why } = plan;
    assert.ok(change !== undefined, `hour ${hour}: nobody says why the plan changed: ${why.join('; ')}`);
    assert.ok(why.includes(change.text), `${change.text} is not among ${why.join('; ')}`);
  }
  const texts = [
    ...caps.map(({ reason }) => reason),
    ...changes.flatMap(({ plan, said }) => [...plan.why, ...said.map(({ reason }) => reason)]),
    ...selector.rejected.map(({ text }) => text),
  ];
  for (const text of texts) assert.doesNotMatch(text, /NaN|undefined|null|Infinity|\[object/);
  return texts.join('\n');
}

/** Of the whole day. */
const swapsOf = ({ swaps }: PlayedDay): number => [...swaps.values()].flat().reduce((sum, count) => sum + count, 0);

const linear = { kind: 'linear' } as const;
const quality = { kind: 'quality', allowancePt: 1 } as const;
const byHand = { lowGPerKwh: 150, highGPerKwh: 500 };

describe('the loop over a day of bad input, on a simulated board', () => {
  for (const policy of [linear, quality]) {
    it(`takes less than always-max on a day without any (${policy.kind})`, async () => {
      const day = await playLoop({ policy });
      check(day);
      assert.ok(day.grams < 0.95 * day.alwaysMaxG, `${day.grams} of ${day.alwaysMaxG} g`);
      assert.ok(swapsOf(day) > 0);
    });
  }

  for (const [capW, rate] of [
    [25, 0.8],
    [18, 0.8],
    [15.5, 1],
    [11, 0.8],
  ] as const) {
    it(`swaps no tenant more than four times in any hour under a steady cap of ${capW} W`, async () => {
      // Windows of 20 s: rates that are counted in them go up and down by a tenth.
      const day = await playLoop({ policy: { kind: 'fixed', capW }, rateFactor: () => rate, stepS: 20, hours: 2 });
      check(day);
      assert.ok(swapsOf(day) > 0, 'nothing was near its limit');
    });
  }

  const tenantsWith = (more: object) => threeTenants.map((one) => ({ ...one, ...more }));
  const cases: readonly (readonly [what: string, day: DayOptions, says: RegExp, expected?: Expected])[] = [
    [
      'limits that no variant can meet',
      { tenants: tenantsWith({ latencyLimitMs: 0.5 }) },
      /NO_FEASIBLE_PLAN: best effort, because .*inspect would need up to [\d.]+ ms, its limit is 0\.5 ms/,
    ],
    [
      'a limit of one tenant that none of its variants can meet',
      { tenants: threeTenants.map((one) => (one.name === 'gauge' ? { ...one, latencyLimitMs: 5 } : one)) },
      /NO_FEASIBLE_PLAN.*gauge would need up to .* its limit is 5\.0 ms/,
    ],
    [
      'a cap below idle',
      { policy: { kind: 'fixed', capW: 2 } },
      /cap 2\.0 W cannot be kept: the device draws [\d.]+ W with nothing to do/,
    ],
    [
      'accuracy floors above the best variant',
      { tenants: tenantsWith({ leastAccuracy: 0.999 }) },
      /inspect asks for 99\.9 % right or more, its best variant resnet152 is 78\.3 % right: that one runs always/,
      { swapsPerHour: 0 },
    ],
    [
      'two tenants with the same name',
      { tenants: [...threeTenants, xavierTenant('inspect', 'resnet', { arrivalRatePerS: 20 })] },
      /a second tenant named inspect is left out: give it a name of its own/,
    ],
    ['rates of zero', { rateFactor: () => 0 }, /requests of inspect fell from 20 to [\d.]+ a second|cap [\d.]+ W/],
    [
      'rates of 100 times the capacity',
      { rateFactor: () => 100 },
      /NO_FEASIBLE_PLAN: best effort, because .*(gpu|dla0) would be asked for \d+ % of its time \(at most 90 % is sound\)/,
    ],
    [
      'rates that come and go, from nothing to 100 times the capacity',
      { rateFactor: (hour) => (Math.floor(hour / 2) % 2 === 0 ? 100 : 0) },
      /NO_FEASIBLE_PLAN/,
    ],
  ];
  for (const [what, day, says, expected] of cases) {
    for (const policy of day.policy === undefined ? [linear, quality] : [day.policy]) {
      it(`stays stable with ${what}, says so, and emits no more than always-max (${policy.kind})`, async () => {
        assert.match(check(await playLoop({ ...day, policy }), expected), says);
      });
    }
  }

  const forecasts: readonly (readonly [string, (hour: number, nowHour: number) => number])[] = [
    ['three times too high', (hour) => 3 * sunny(hour)],
    ['three times too low', (hour) => sunny(hour) / 3],
    ['six hours late', (hour) => sunny(hour - 6)],
    ['of another zone', (hour) => 700 - sunny(hour)],
    ['made yesterday and never since', (hour, nowHour) => sunny(hour) + 20 * nowHour],
  ];
  for (const [what, forecast] of forecasts) {
    for (const policy of [quality, { kind: 'budget', gramsPerDay: 60 } as const]) {
      it(`stays stable with a forecast that is ${what}, and emits no more than always-max (${policy.kind})`, async () => {
        const text = check(await playLoop({ policy, grid: { actual: sunny, forecast } }));
        assert.match(
          text,
          policy.kind === 'budget' ? /g left of 60 g a day/ : /expected of the grid: \d+ to \d+ g\/kWh/,
        );
      });
    }
  }

  const random = new Random(3);
  const byMinute = Array.from({ length: 24 * 60 }, () => random.uniform(100, 600));
  const policies = {
    linear,
    'linear by hand': { ...linear, bounds: byHand },
    'two-level': { kind: 'two-level', bounds: byHand },
    quality,
  } as const;

  for (const [what, actual] of [
    ['is constant', () => 300],
    ['is zero', () => 0],
    ['is never known', () => null],
    ['is unknown every other hour', (hour: number) => (Math.floor(hour) % 2 === 0 ? sunny(hour) : null)],
  ] as const) {
    for (const [name, policy] of Object.entries(policies)) {
      it(`stays stable on a grid that ${what}, and emits no more than always-max (${name})`, async () => {
        const day = await playLoop({ policy, grid: { actual }, stepS: 1200 });
        const text = check(day);
        if (what === 'is zero') assert.equal(day.grams, 0);
        if (what === 'is never known') assert.match(text, /intensity of GB is unknown|not yet known/);
      });
    }
  }

  for (const [what, actual] of [
    ['steps at random every minute', (hour: number) => byMinute[Math.round(hour * 60)] ?? 300],
    ['jumps between clean and dirty every minute', (hour: number) => (Math.round(hour * 60) % 2 === 0 ? 100 : 600)],
  ] as const) {
    for (const [name, policy] of Object.entries(policies)) {
      it(`does not flap on a grid that ${what}, and emits no more than always-max (${name})`, async () => {
        // The cap is held for longer and longer: what is left of 30 to and fro an hour.
        check(await playLoop({ policy, grid: { actual, slotS: 60 }, stepS: 60, hours: 2 }), { swapsPerHour: 16 });
      });
    }
  }

  it('plans for one tenant', async () => {
    check(await playLoop({ tenants: threeTenants.slice(0, 1) }));
  });

  it('plans for twelve tenants', async () => {
    const families = ['image-classes', 'densenet', 'vgg', 'resnet'];
    const twelve = Array.from({ length: 12 }, (_, index) =>
      xavierTenant(`t${index}`, families[index % 4] ?? '', {
        priority: 1 + (index % 3),
        arrivalRatePerS: 4,
        latencyLimitMs: 300,
      }),
    );
    const day = await playLoop({ tenants: twelve, stepS: 3600 });
    check(day);
    assert.equal(day.last.plan.tenants.length, 12);
  });

  it('goes on with what is left when a component vanishes, and uses it again when it is back', async () => {
    const day = await playLoop({
      componentsAt: (hour) => (hour >= 8 && hour < 16 ? ['gpu'] : ['gpu', 'dla0']),
    });
    check(day);
    const usedFrom = (from: number, to: number) =>
      new Set(
        day.changes
          .filter(({ hour }) => hour >= from && hour < to)
          .flatMap(({ plan }) => plan.tenants.flatMap(({ stages }) => stages.map(({ component }) => component))),
      );
    assert.ok(usedFrom(0, 8).has('dla0'));
    assert.deepEqual([...usedFrom(8, 16)], ['gpu']);
    assert.ok(usedFrom(16, 24).has('dla0'));
  });
});
