import assert from 'node:assert/strict';
import fc from 'fast-check';
import { quantile } from '../../../src/signals/statistics';

describe('quantile', () => {
  it('interpolates between order statistics', () => {
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
    assert.equal(quantile([10, 20, 30], 0.05), 11);
    assert.equal(quantile([5], 0.95), 5);
    assert.equal(quantile([1, 2], 0.5), 1.5);
    assert.equal(quantile([7], 0.95), 7);
    assert.equal(quantile([], 0.5), null);
  });

  it('lies between the extremes and never falls with the share', () => {
    const values = fc.array(fc.double({ min: 0, max: 1500, noNaN: true }), { minLength: 1 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(values, share, share, (list, a, b) => {
        const low = quantile(list, Math.min(a, b)) ?? NaN;
        const high = quantile(list, Math.max(a, b)) ?? NaN;
        assert.ok(Math.min(...list) <= low + 1e-9 && low <= high + 1e-9 && high <= Math.max(...list) + 1e-9);
      }),
    );
  });
});
