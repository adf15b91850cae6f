import { z } from 'zod';

/** A number field that may be left empty: the editor stores numbers as strings and an empty field as `''`. */
export function optionalNumber(range: z.ZodNumber) {
  return z.preprocess((value) => {
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string') return value;
    return value.trim() === '' ? null : Number(value);
  }, range.nullable());
}

/** The same with a default for an empty field. */
export function numberOr(range: z.ZodNumber, fallback: number) {
  return optionalNumber(range).transform((value) => value ?? fallback);
}
