import assert from 'node:assert/strict';
import { BudgetPolicy } from '../../../../src/power/policies/budget';
import type { CapRange } from '../../../../src/power/policies/policy';
import { reading } from '../fakes';

const limits = { minimumW: 10, maximumW: 30 };
const hourMs = 3_600_000;
const beginMs = Date.UTC(2026, 0, 5);
const dirty = (hour: number): number => 300 + 200 * Math.sin((hour / 24) * 2 * Math.PI);
const time = (hour: number): string => new Date(beginMs + hour * hourMs).toISOString();

interface Day {
  readonly grams: number;
  readonly caps: readonly number[];
}

/** Plays days in steps of half an hour; the device draws what `drawn` says of the cap. */
function play(
  gramsPerDay: number,
  days: number,
  options: {
    actual?: (hour: number) => number | null;
    forecast?: ((hour: number) => number) | null;
    drawn?: (capW: number, hour: number) => number;
    measured?: boolean;
    range?: CapRange;
  } = {},
): { days: Day[]; reasons: string[] } {
  const { actual = dirty, forecast = dirty, drawn = (capW) => capW, measured = true } = options;
  const { range = limits } = options;
  const policy = new BudgetPolicy({ gramsPerDay });
  const results: { grams: number; caps: number[] }[] = [];
  const reasons: string[] = [];
  let meanPowerW: number | null = null;
  for (let hour = 0; hour < days * 24; hour += 0.5) {
    const ahead =
      forecast === null
        ? []
        : Array.from({ length: 48 }, (_, at) => ({
            validFrom: time(hour + at / 2),
            validTo: time(hour + (at + 1) / 2),
            intensityGPerKwh: forecast(hour + at / 2),
          }));
    const now = reading(actual(hour), { validFrom: time(hour), validTo: time(hour + 0.5), forecast: ahead });
    const surroundings = { meanPowerW: measured ? meanPowerW : null, deviceRange: range };
    const { capW, reason } = policy.decide(now, range, hour * hourMs, surroundings);
    reasons.push(reason);
    meanPowerW = drawn(capW, hour);
    const day = (results[Math.floor(hour / 24)] ??= { grams: 0, caps: [] });
    day.caps.push(capW);
    day.grams += ((meanPowerW * 0.5) / 1000) * (actual(hour) ?? 0);
  }
  return { days: results, reasons };
}

/** The most that half an hour can use. */
const onePeriodG = (30 * 0.5 * 500) / 1000;

describe('budget power cap', () => {
  it('uses up the budget, not more than one period over it, with higher caps in cleaner hours', () => {
    const { days, reasons } = play(120, 3);
    for (const { grams, caps } of days) {
      assert.ok(Math.abs(grams - 120) < onePeriodG, `${grams} g`);
      // 06:00 is the dirtiest hour, 18:00 the cleanest.
      assert.ok((caps[12] ?? 0) < (caps[0] ?? 0) && (caps[0] ?? 0) < (caps[36] ?? 0), `${caps.join(' ')}`);
    }
    assert.match(reasons[0] ?? '', /120 g left of 120 g a day at 300 g\/kWh in GB, to last for 24\.0 h: \d+\.\d W/);
  });

  for (const [what, forecast] of [
    ['three times too high', (hour: number) => 3 * dirty(hour)],
    ['three times too low', (hour: number) => dirty(hour) / 3],
    ['twelve hours late', (hour: number) => dirty(hour - 12)],
    ['missing', null],
  ] as const) {
    it(`never overspends by more than the last period with a forecast that is ${what}`, () => {
      // The lowest cap is drawn whatever the budget says: a low one, so that it does not hide what the policy does.
      const range = { minimumW: 1, maximumW: 30 };
      for (const { grams } of play(120, 3, { forecast, range }).days) assert.ok(grams < 120 + onePeriodG, `${grams} g`);
    });
  }

  it('carries what was not used over to the next hours and to the next day, at most a day of it', () => {
    const idle = (capW: number, hour: number): number => (hour < 24 ? 5 : capW);
    const { days } = play(120, 3, { drawn: idle });
    const [first, second, third] = days;
    assert.ok((first?.caps.at(-1) ?? 0) === 30 && (first?.caps[0] ?? 0) < 30);
    assert.ok(Math.abs((second?.grams ?? 0) - (240 - (first?.grams ?? 0))) < onePeriodG, `${second?.grams} g`);
    assert.ok((third?.grams ?? 0) < 120 + onePeriodG);
    const never = play(120, 4, { drawn: (capW, hour) => (hour < 72 ? 0 : capW) });
    assert.ok((never.days[3]?.grams ?? 0) <= 240 + onePeriodG, `${never.days[3]?.grams} g`);
  });

  it('counts the cap where nobody knows what was drawn', () => {
    for (const { grams } of play(120, 2, { measured: false }).days)
      assert.ok(Math.abs(grams - 120) < onePeriodG, `${grams} g`);
  });

  it('says that a budget cannot hold when even the lowest cap uses more, and when it is spent', () => {
    const { days, reasons } = play(20, 1);
    assert.ok(days[0]?.caps.every((capW) => capW === 10));
    assert.match(reasons[0] ?? '', /even the lowest cap would use .* g until midnight UTC: 10\.0 W/);
    assert.match(reasons.at(-1) ?? '', /it is spent, lowest cap, 10\.0 W/);
  });

  it('gives the highest cap where the budget is ample or the grid emits nothing', () => {
    assert.ok(play(1000, 1).days[0]?.caps.every((capW) => capW === 30));
    assert.ok(play(1, 1, { actual: () => 0, forecast: () => 0 }).days[0]?.caps.every((capW) => capW === 30));
  });

  it('gives the first day the share of its hours that are left', () => {
    const policy = new BudgetPolicy({ gramsPerDay: 240 });
    assert.match(policy.decide(reading(300, { validFrom: time(18) }), limits, 0).reason, /60\.0 g left of 240 g a day/);
  });

  it('says that it cannot count while nothing is known of the grid', () => {
    const policy = new BudgetPolicy({ gramsPerDay: 100 });
    assert.match(policy.decide(null, limits, 0).reason, /safe middle of 20\.0 W/);
    const { capW, reason } = policy.decide(reading(null), limits, 0);
    assert.equal(capW, 20);
    assert.match(reason, /unknown and cannot be counted/);
    policy.decide(reading(null), limits, 2 * hourMs);
    const known = policy.decide(reading(300, { validFrom: '2025-01-01T03:00:00Z' }), limits, 3 * hourMs);
    assert.match(known.reason, /3\.0 h were not counted/);
  });
});
