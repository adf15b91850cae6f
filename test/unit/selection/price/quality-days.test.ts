import assert from 'node:assert/strict';
import type { AccountState } from '../../../../src/selection/price/account';
import { Random } from '../../../../src/simulation/random';
import { tenant } from '../../../support/planning-fixtures';
import { playQuality, type Grid, type Played, type Worker } from '../../../support/quality-days';

const steady =
  (ratePerS: number) =>
  (_hour: number): number =>
    ratePerS;

const workers: Worker[] = [
  {
    tenant: tenant('inspect'),
    energyJ: { full: 1, medium: 0.55, small: 0.3, tiny: 0.15 },
    ratePerS: steady(6),
  },
  {
    tenant: tenant('gauge', [
      ['full', 0.95, 30],
      ['small', 0.92, 10],
    ]),
    energyJ: { full: 0.8, small: 0.3 },
    ratePerS: steady(4),
  },
  {
    tenant: tenant('vibration', [
      ['full', 0.99, 30],
      ['small', 0.985, 10],
      ['tiny', 0.9, 5],
    ]),
    energyJ: { full: 0.3, small: 0.2, tiny: 0.05 },
    ratePerS: steady(10),
  },
];

/** Clean at noon, dirty in the evening, and no two days alike. */
const varying = (hour: number): number => {
  const day = Math.floor(hour / 24);
  const level = 320 + 60 * Math.sin(day * 2.1);
  return level + 180 * Math.sin(((hour - 12) / 24) * 2 * Math.PI) + 40 * Math.sin((hour / 5.3) * 2 * Math.PI);
};
const perfect = (hour: number): number => varying(hour);

function check(played: Played, allowancePt = 1): void {
  for (const { lossPt } of played.days) assert.ok(lossPt <= allowancePt * 1.02, `a day lost ${lossPt} points`);
  assert.ok(played.grams <= played.alwaysMaxG, `${played.grams} g, always-max ${played.alwaysMaxG} g`);
  assert.ok(played.swapsPerTenantHour <= 4, `${played.swapsPerTenantHour} swaps per tenant and hour`);
}

/** Grams against the constant mix of the same accuracy, %. */
const againstMix = ({ grams, constantMixG }: Played): number => (grams / constantMixG - 1) * 100;

describe('the price of accuracy over days', () => {
  it('spends the allowance where it saves most: fewer grams than the best constant mix of the same accuracy', () => {
    const played = playQuality(workers, { actual: varying, forecast: perfect }, 6);
    check(played);
    assert.ok(played.lossPt > 0.9, `${played.lossPt} points used`);
    assert.ok(againstMix(played) < -3, `${againstMix(played)} % against the constant mix`);
    assert.ok(played.reasons.some((reason) => /the grid is at \d+ g\/kWh: it saves .* g\/h/.test(reason)));
  });

  it('learns the grid from the day before where there is no forecast', () => {
    const played = playQuality(workers, { actual: varying, forecast: null }, 6);
    check(played);
    assert.ok(againstMix(played) < -1.5, `${againstMix(played)} % against the constant mix`);
  });

  it('counts what was planned where no telemetry comes', () => {
    check(playQuality(workers, { actual: varying, forecast: perfect }, 3, { tellTelemetry: false }));
  });

  it('keeps the allowance also where it is restarted at noon, in the middle of an interval of the grid', () => {
    const morning = (hour: number): number => (hour % 24 < 12 ? 600 : 300);
    const grid = { actual: morning, forecast: morning };
    const after = (hour: number): boolean => Math.round(hour * 60) % (24 * 60) === 12 * 60 + 10;
    const play = (keep: (account: AccountState | null) => AccountState | null): Played =>
      playQuality(workers, grid, 3, { stepMinutes: 10, restarts: { after, keep } });
    check(play((account) => account));
    const worst = Math.max(...play(() => null).days.map(({ lossPt }) => lossPt));
    assert.ok(worst > 1.1, `forgotten, the worst day lost ${worst} points: this test shows nothing`);
  });

  const wrong: [string, Grid][] = [
    ['three times too high', { actual: varying, forecast: (hour) => 3 * varying(hour) }],
    ['three times too low', { actual: varying, forecast: (hour) => varying(hour) / 3 }],
    ['six hours late', { actual: varying, forecast: (hour) => varying(hour - 6) }],
    ['of another zone', { actual: varying, forecast: (hour) => 700 - varying(hour) }],
    ['constant', { actual: varying, forecast: () => 300 }],
  ];
  for (const [what, grid] of wrong) {
    it(`keeps the allowance and emits no more than the constant mix with a forecast that is ${what}`, () => {
      const played = playQuality(workers, grid, 6);
      check(played);
      assert.ok(againstMix(played) < 0.5, `${againstMix(played)} % against the constant mix, ${played.lossPt} points`);
    });
  }

  const random = new Random(3);
  const minutes = Array.from({ length: 24 * 60 * 4 }, () => random.uniform(100, 600));
  const grids: [string, (hour: number) => number | null][] = [
    ['is constant', () => 300],
    ['is zero', () => 0],
    ['steps with every reading', (hour) => minutes[Math.floor(hour * 2)] ?? 300],
    ['is unknown every other hour', (hour) => (Math.floor(hour) % 2 === 0 ? varying(hour) : null)],
    ['is never known', () => null],
  ];
  for (const [what, actual] of grids) {
    it(`stays sane on a grid that ${what}`, () => {
      const played = playQuality(workers, { actual, forecast: null }, 3);
      check(played);
      if (what === 'is zero' || what === 'is never known') assert.deepEqual(played.reasons, []);
      if (what === 'is constant') assert.ok(Math.abs(againstMix(played)) < 1, `${againstMix(played)} %`);
    });
  }

  it('keeps the allowance when most requests come in a few hours, once it has seen a day', () => {
    const shift = (hour: number): number => (hour % 24 >= 7 && hour % 24 < 15 ? 8 : 0.2);
    const inShifts = workers.map((worker) => ({ ...worker, ratePerS: shift }));
    const { days } = playQuality(inShifts, { actual: varying, forecast: perfect }, 6);
    const mean = days.reduce((sum, { lossPt }) => sum + lossPt, 0) / days.length;
    assert.ok(mean <= 1.02, `${mean} points in the mean`);
    for (const { lossPt } of days.slice(2)) assert.ok(lossPt <= 1.1, `a day lost ${lossPt} points`);
  });

  it('gives up nothing with an allowance of zero, and all that saves with a large one', () => {
    const none = playQuality(workers, { actual: varying, forecast: perfect }, 1, { allowancePt: 0 });
    assert.deepEqual([none.lossPt, none.reasons], [0, []]);
    const all = playQuality(workers, { actual: varying, forecast: perfect }, 2, { allowancePt: 50 });
    assert.ok(all.grams < 0.6 * all.alwaysMaxG, `${all.grams} of ${all.alwaysMaxG} g`);
  });
});
