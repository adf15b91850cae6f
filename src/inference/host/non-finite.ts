import { EcomapError } from '../../signals/errors';
import type { NamedTensors } from '../tensors';

const exponent32 = 0x7f800000;

export interface NonFinite {
  readonly input: string;
  readonly position: number;
  readonly value: number;
}

/** The first NaN or infinity in a floating point input, or null. Compares exponent bits: faster than testing numbers. */
export function firstNonFinite(tensors: NamedTensors): NonFinite | null {
  for (const [input, { data }] of Object.entries(tensors)) {
    let position = -1;
    if (data instanceof Float32Array) {
      const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
      position = words.findIndex((word) => (word & exponent32) === exponent32);
    } else if (data instanceof Float64Array) {
      position = data.findIndex((value) => !Number.isFinite(value));
    }
    if (position >= 0) return { input, position, value: Number(data[position]) };
  }
  return null;
}

export function nonFiniteRefused({ input, position, value }: NonFinite): EcomapError {
  return new EcomapError(
    'INPUT_MISMATCH',
    `The input "${input}" holds ${value} at position ${position}: mend where it comes from, ` +
      'or let the tenant pass such values on to the model.',
  );
}
