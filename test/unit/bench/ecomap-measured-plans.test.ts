import assert from 'node:assert/strict';
import { MeasuredPlans } from '../../../bench/ecomap/measured-plans';

describe('measured plans', () => {
  it('believes a prediction where nothing was measured', () => {
    assert.equal(new MeasuredPlans().powerW('a', 'MAXN', 20), 20);
  });

  it('takes the mean of what was measured, of later readings as of earlier ones', () => {
    const plans = new MeasuredPlans();
    for (const watts of [10, 11, 12]) plans.note('a', 'MAXN', 20, watts);
    assert.ok(Math.abs(plans.powerW('a', 'MAXN', 20) - 11) < 1e-9);
  });

  it('forgets old readings when a plan has come to draw something else', () => {
    const plans = new MeasuredPlans();
    for (let reading = 0; reading < 100; reading += 1) plans.note('a', 'MAXN', 20, 10);
    for (let reading = 0; reading < 100; reading += 1) plans.note('a', 'MAXN', 20, 14);
    assert.ok(plans.powerW('a', 'MAXN', 20) > 13.9);
  });

  it('corrects plans that never ran by those of their operating point, and a little by those of others', () => {
    const plans = new MeasuredPlans();
    for (const plan of ['a', 'b', 'c', 'd']) plans.note(plan, 'MAXN', 20, 22);
    const here = plans.powerW('e', 'MAXN', 20);
    const elsewhere = plans.powerW('f', '15W', 20);
    assert.ok(here > elsewhere && here < 22, `${here} and ${elsewhere}`);
    assert.ok(elsewhere > 20);
  });

  it('takes no reading that cannot be', () => {
    const plans = new MeasuredPlans();
    for (const watts of [0, -1, Number.NaN]) plans.note('a', 'MAXN', 20, watts);
    assert.equal(plans.size, 0);
  });
});
