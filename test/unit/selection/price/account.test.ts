import assert from 'node:assert/strict';
import { AccuracyAccount, accountStateSchema } from '../../../../src/selection/price/account';

const hourMs = 3_600_000;
const at = (hour: number): number => Date.UTC(2026, 0, 5) + hour * hourMs;
const near = (value: number, wanted: number): void =>
  assert.ok(Math.abs(value - wanted) < 1e-9, `${value} instead of ${wanted}`);

/** From midnight to 10:00 one request a second, of which each lost half a point. */
function tenHours(): AccuracyAccount {
  const account = new AccuracyAccount();
  account.advance(at(0), 1, 0.5, 1);
  account.advance(at(10), 1, 0.5, 1);
  return account;
}

/** As after a restart: through what is written to a file. */
function restarted(account: AccuracyAccount): AccuracyAccount {
  const next = new AccuracyAccount();
  next.restore(accountStateSchema.parse(JSON.parse(JSON.stringify(account.state))));
  return next;
}

describe('account of accuracy', () => {
  it('has nothing to keep before it has begun', () => {
    assert.equal(new AccuracyAccount().state, null);
  });

  it('goes on after a restart, and does not count what came in between', () => {
    const account = restarted(tenHours());
    near(account.meanLossPt, 0.5);
    account.advance(at(12), 1, 0.5, 1);
    // 10 h of requests at half a point are known, so of one point in the mean of 20 h there are 15 h left.
    near(account.allowedPt(1, 10 * 3600), 1.5);
    account.advance(at(13), 1, 2, 1);
    near(account.meanLossPt, (10 * 0.5 + 2) / 11);
  });

  it('counts no time twice where the grid is a little behind after a restart of who tells its time', () => {
    for (const account of [tenHours(), restarted(tenHours())]) {
      assert.equal(account.advance(at(9.5), 1, 2, 1), false);
      assert.equal(account.advance(at(9.75), 1, 2, 1), false);
      near(account.meanLossPt, 0.5);
      assert.equal(account.advance(at(11), 1, 2, 1), true);
      near(account.meanLossPt, (10 * 0.5 + 2) / 11);
    }
  });

  it('begins a new day with the restart where one has begun meanwhile, and what was overspent counts against it', () => {
    const thrifty = restarted(tenHours());
    thrifty.advance(at(26), 0, 0, 1);
    near(thrifty.meanLossPt, 0);
    near(thrifty.allowedPt(1, 3600), 1);
    // The hours of the day before are known.
    near(thrifty.expectedRequests(at(27), at(28), 7), 3600);
    near(thrifty.expectedRequests(at(35), at(36), 7), 7 * 3600);
    const spent = new AccuracyAccount();
    spent.advance(at(0), 1, 2, 1);
    spent.advance(at(1), 1, 2, 1);
    const next = restarted(spent);
    next.advance(at(26), 0, 0, 1);
    near(next.allowedPt(1, 7200), 0.5);
  });

  it('begins anew with a recording that does', () => {
    const account = restarted(tenHours());
    account.advance(at(2), 1, 2, 1);
    near(account.meanLossPt, 0);
  });
});
