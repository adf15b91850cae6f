import type { NamedTensors } from '../tensors';

const exponent32 = 0x7f800000;

/** True when any floating point input holds NaN or infinity. Compares exponent bits: faster than testing numbers. */
export function holdsNonFinite(tensors: NamedTensors): boolean {
  return Object.values(tensors).some(({ data }) => {
    if (data instanceof Float32Array) {
      const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
      return words.some((word) => (word & exponent32) === exponent32);
    }
    if (data instanceof Float64Array) {
      return data.some((value) => !Number.isFinite(value));
    }
    return false;
  });
}
