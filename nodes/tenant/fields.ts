import { z } from 'zod';

/** A form keeps every field as text; surrounding blanks never mean anything. */
export const text = z.preprocess((value) => (typeof value === 'string' ? value.trim() : (value ?? '')), z.string());

export const optionalText = text.transform((value) => (value === '' ? null : value));

const parts = (value: string, separator: RegExp): string[] => value.split(separator).filter((part) => part !== '');

/** "1, 1, 96, 96" as a list of numbers; empty takes the shape from the model. */
export const dims = text.transform((value, context): number[] | null => {
  if (value === '') return null;
  const numbers = parts(value, /[\s,x]+/).map(Number);
  if (numbers.every((dim) => Number.isInteger(dim) && dim > 0)) return numbers;
  context.addIssue({ code: 'custom', message: 'not a shape: write whole numbers above 0, such as 1, 3, 224, 224' });
  return z.NEVER;
});

/** One label per line, or separated by commas. */
export const labels = text.transform((value) =>
  value
    .split(/[\n,]/)
    .map((label) => label.trim())
    .filter((label) => label !== ''),
);

/** "0.485 0.456 0.406" as numbers, one for all channels or one for each; an empty field takes the default. */
export function channelNumbers(fallback: readonly number[]) {
  return text.transform((value, context): number[] => {
    const numbers = parts(value, /[\s,;]+/).map(Number);
    if (numbers.length === 0) return [...fallback];
    if (numbers.every(Number.isFinite)) return numbers;
    context.addIssue({
      code: 'custom',
      message: 'not numbers: write one, or one per channel, such as 0.485 0.456 0.406',
    });
    return z.NEVER;
  });
}

/** "1/255" or "0.0039" as a number; an empty field takes the default. */
export function fraction(fallback: number) {
  return text.transform((value, context): number => {
    if (value === '') return fallback;
    const numbers = value.split('/').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    const [numerator = Number.NaN, denominator = 1] = numbers;
    const result = numbers.length <= 2 ? numerator / denominator : Number.NaN;
    if (Number.isFinite(result) && result > 0) return result;
    context.addIssue({ code: 'custom', message: 'not a factor above 0: write a number or a fraction, such as 1/255' });
    return z.NEVER;
  });
}
