import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chooseOperatingPoint, quotaOperatingPoints, quotaShares } from '../../../src/power/operating-points';
import { fullLoadW, type OperatingPoint } from '../../../src/signals/device';
import { twoCoreMachine } from './fakes';

const anyPoint: fc.Arbitrary<OperatingPoint> = fc.record({
  name: fc.string({ minLength: 1 }),
  speed: fc.double({ min: 0.01, max: 1, noNaN: true }),
  idleW: fc.double({ min: 0, max: 10, noNaN: true }),
  activeW: fc.dictionary(fc.constantFrom('cpu0', 'cpu1'), fc.double({ min: 0, max: 20, noNaN: true })),
});

describe('operating points', () => {
  it('never chooses a point above the cap if one fits, and the fastest of those that fit', () => {
    fc.assert(
      fc.property(
        fc.array(anyPoint, { minLength: 1 }),
        fc.double({ min: 0.1, max: 60, noNaN: true }),
        (points, capW) => {
          const [first, ...others] = points;
          if (first === undefined) return;
          const { point, fits } = chooseOperatingPoint([first, ...others], capW);
          const fitting = points.filter((candidate) => fullLoadW(candidate) <= capW);
          assert.equal(fits, fitting.length > 0);
          if (fits) {
            assert.ok(fullLoadW(point) <= capW);
            assert.equal(point.speed, Math.max(...fitting.map(({ speed }) => speed)));
          } else {
            assert.equal(fullLoadW(point), Math.min(...points.map(fullLoadW)));
          }
        },
      ),
    );
  });

  it('says that a cap is unreachable only when idle alone exceeds it', () => {
    const [first, ...others] = twoCoreMachine().operatingPoints;
    assert.ok(first);
    const points: [OperatingPoint, ...OperatingPoint[]] = [first, ...others];
    assert.deepEqual(
      [9, 11, 30].map((capW) => {
        const { point, fits, capUnreachable } = chooseOperatingPoint(points, capW);
        return [point.speed, fits, capUnreachable];
      }),
      [
        [0.2, false, true],
        [0.2, false, false],
        [1, true, false],
      ],
    );
  });

  it('of a CPU quota fall from full load towards idle in proportion to the quota', () => {
    const points = quotaOperatingPoints(twoCoreMachine().components, { idleW: 10, fullLoadW: 30 });
    assert.deepEqual(
      points.map((point) => Math.round(fullLoadW(point) * 1000) / 1000),
      quotaShares.map((share) => Math.round((10 + 20 * share) * 1000) / 1000),
    );
  });
});
