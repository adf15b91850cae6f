import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fromFloat16, toFloat16 } from '../../../../src/inference/tensors/float16';

const allPatterns = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
const numbers = fromFloat16(allPatterns);
/** What is finite and not negative, in rising order, with the next power of two in the place of infinity. */
const rising = [...numbers.subarray(0, 0x7c00), 65536];

/** The nearest half by looking at all of them: of two equally near ones that with the even bits. */
function nearestByHand(magnitude: number): number {
  let low = 0;
  let high = 0x7c00;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? NaN) <= magnitude) low = middle;
    else high = middle;
  }
  const below = magnitude - (rising[low] ?? NaN);
  const above = (rising[high] ?? NaN) - magnitude;
  if (below === above) return low % 2 === 0 ? low : high;
  return below < above ? low : high;
}

describe('half precision', () => {
  it('reads the numbers of the standard', () => {
    const known: [bits: number, value: number][] = [
      [0x0000, 0],
      [0x8000, -0],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3555, 0.333251953125],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
      [0x7e00, NaN],
    ];
    for (const [bits, value] of known) assert.deepEqual([...fromFloat16(Uint16Array.of(bits))], [value]);
  });

  it('turns every pattern into a number and back into itself; every NaN into one', () => {
    for (const bits of allPatterns) {
      const value = numbers[bits] ?? 0;
      assert.equal(toFloat16(value), Number.isNaN(value) ? 0x7e00 : bits);
    }
  });

  it('rounds any number to the nearest half, ties to even', () => {
    const half = fc.integer({ min: 0, max: 0x7bff }).map((bits) => rising[bits] ?? 0);
    const tie = fc.integer({ min: 0, max: 0x7bff }).map((bits) => ((rising[bits] ?? 0) + (rising[bits + 1] ?? 0)) / 2);
    const near = fc
      .tuple(fc.oneof(half, tie), fc.integer({ min: -3, max: 3 }))
      .map(([value, steps]) => Math.abs(value * (1 + steps * Number.EPSILON)));
    fc.assert(
      fc.property(fc.oneof(tie, near, fc.double({ min: 0, max: 70_000, noNaN: true })), (magnitude) => {
        const expected = magnitude >= 65520 ? 0x7c00 : nearestByHand(magnitude);
        assert.equal(toFloat16(magnitude), expected);
        assert.equal(toFloat16(-magnitude), expected | 0x8000);
      }),
      { numRuns: 3000 },
    );
  });
});
