import assert from 'node:assert/strict';
import { pairedOf, signTest, spreadOf } from '../../../src/loop/paired-differences';

describe('the statistics over rounds', () => {
  it('tells the median and how far the values go', () => {
    assert.deepEqual(spreadOf([3, 1, 2, 10]), { median: 2.5, lowest: 1, highest: 10 });
  });

  it('knows nothing where there is nothing, or where one value is unknown', () => {
    assert.equal(spreadOf([]), null);
    assert.equal(spreadOf([1, null, 2]), null);
    assert.equal(pairedOf([1, null], 1), null);
  });

  it('counts how uneven the signs are', () => {
    // Of five coins all fall on one side, either way: 2 of 32.
    assert.equal(signTest([-1, -2, -3, -1, -9]), 2 / 32);
    assert.equal(signTest([-1, 2, -3, 1]), 1);
    // At most one of four on the rarer side, either way: (1 + 4) of 16, twice.
    assert.equal(signTest([1, 2, 3, -1, 0]), 10 / 16);
    assert.equal(signTest([0, 0]), 1);
    assert.equal(signTest([]), 1);
  });

  it('puts the mean between the bounds of its interval, which narrows where the pairs agree', () => {
    const wide = pairedOf([-8, -1, -3, -2, -9, -4], 1);
    const narrow = pairedOf([-4.6, -4.4, -4.5, -4.5, -4.4, -4.6], 1);
    assert.ok(wide && narrow);
    assert.equal(wide.pairs, 6);
    assert.ok(Math.abs(wide.mean + 4.5) < 1e-9 && Math.abs(narrow.mean + 4.5) < 1e-9);
    for (const { low, mean, high } of [wide, narrow]) assert.ok(low < mean && mean < high);
    assert.ok(narrow.high - narrow.low < 0.2 && wide.high - wide.low > 3);
    assert.ok(wide.high < 0);
    assert.deepEqual(wide, pairedOf([-8, -1, -3, -2, -9, -4], 1));
  });
});
