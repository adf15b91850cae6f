/**
 * Half precision (IEEE 754 binary16): 1 sign, 5 exponent and 10 fraction bits. Kept as bits in a Uint16Array, because the
 * oldest Node.js that we support has no type of its own for it.
 */

/** Adding and taking away 2^52 rounds a smaller number to a whole one, halves to even: a double has no bits below 1 there. */
const roundingStep = 2 ** 52;
const least = 2 ** -14;
/** From here on a number rounds to infinity: halfway between the largest half (65504) and what would follow it. */
const overflow = 65520;

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The bits of the nearest half; ties go to the even one. */
export function toFloat16(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (magnitude >= overflow) return sign | 0x7c00;
  if (magnitude < least) return sign | (magnitude * 2 ** 24 + roundingStep - roundingStep);
  if (Number.isNaN(value)) return 0x7e00;
  // The exponent from the single: where rounding to it crosses a power of two, rounding to half does so as well.
  single[0] = magnitude;
  const exponent = ((singleBits[0] ?? 0) >>> 23) - 127;
  const fraction = magnitude * powersOfTwo(10 - exponent) + roundingStep - roundingStep;
  // 1024 is the leading one that is not stored; a fraction that was rounded up to 2048 carries into the exponent.
  return sign | (((exponent + 15) << 10) + fraction - 1024);
}

/** 2^exponent for -5..24, exact. */
function powersOfTwo(exponent: number): number {
  return exponent >= 0 ? 1 << exponent : 1 / (1 << -exponent);
}

function numberOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Of every bit pattern: 256 KB, made on first use. */
let numbers: Float32Array | null = null;

/** The numbers of so many halves, exactly. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  numbers ??= Float32Array.from({ length: 0x10000 }, (_, pattern) => numberOf(pattern));
  const result = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index += 1) result[index] = numbers[bits[index] ?? 0] ?? Number.NaN;
  return result;
}
