import assert from 'node:assert/strict';
import { MeasuredPlans } from '../../../bench/ecomap/measured-plans';

const spreads = { reading: 0.01, prediction: 0.03 };
const near = (actual: number, expected: number, within: number): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual}, expected ${expected}`);

describe('measured plans', () => {
  it('believes a prediction where nothing was measured, as far as predictions can be believed', () => {
    assert.deepEqual(new MeasuredPlans(spreads).power('a', 'MAXN', 20), { powerW: 20, spread: 0.03 });
  });

  it('comes to the mean of what was measured, of later readings as of earlier ones', () => {
    const plans = new MeasuredPlans(spreads);
    for (let round = 0; round < 10; round += 1) {
      for (const watts of [19.8, 20, 20.2]) plans.note('a', 'MAXN', 20.5, watts);
    }
    const { powerW, spread } = plans.power('a', 'MAXN', 20.5);
    near(powerW, 20, 0.01);
    assert.ok(spread < 0.002, String(spread));
  });

  it('weighs one reading against the prediction by how certain each is', () => {
    const plans = new MeasuredPlans(spreads);
    // What else was measured there was as predicted.
    for (let other = 0; other < 50; other += 1) plans.note(`other ${other}`, 'MAXN', 20, 20);
    plans.note('lucky', 'MAXN', 20, 19);
    const { powerW, spread } = plans.power('lucky', 'MAXN', 20);
    // 1/0.01^2 of the reading and 1/0.03^2 of the prediction, in logarithms.
    near(powerW, Math.exp(0.9 * Math.log(19) + 0.1 * Math.log(20)), 0.02);
    near(spread, 1 / Math.sqrt(1 / 0.01 ** 2 + 1 / 0.03 ** 2), 1e-12);
  });

  it('forgets old readings when a plan has come to draw something else', () => {
    const plans = new MeasuredPlans(spreads);
    for (let reading = 0; reading < 300; reading += 1) plans.note('a', 'MAXN', 14, 10);
    for (let reading = 0; reading < 300; reading += 1) plans.note('a', 'MAXN', 14, 14);
    assert.ok(plans.power('a', 'MAXN', 14).powerW > 13.9);
  });

  it('corrects plans that never ran by those of their operating point, and a little by those of others', () => {
    const plans = new MeasuredPlans(spreads);
    for (const plan of ['a', 'b', 'c', 'd']) plans.note(plan, 'MAXN', 20, 22);
    const here = plans.power('e', 'MAXN', 20).powerW;
    const elsewhere = plans.power('f', '15W', 20).powerW;
    assert.ok(here > elsewhere && here < 22, `${here} and ${elsewhere}`);
    assert.ok(elsewhere > 20);
  });

  it('takes no reading that cannot be', () => {
    const plans = new MeasuredPlans(spreads);
    for (const watts of [0, -1, Number.NaN]) plans.note('a', 'MAXN', 20, watts);
    assert.equal(plans.size, 0);
  });
});
