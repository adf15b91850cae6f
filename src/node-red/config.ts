import type { z } from 'zod';
import { EcomapError, messageOf } from '../signals/errors';
import { parseAtTheDoor } from '../signals/parse';

/** Freezes plain objects and arrays all the way down; whatever else they hold (dates, buffers) stays as it is. */
export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}

/**
 * Parses what a flow says about a node into the frozen object that the node trusts. The flow's own object stays untouched.
 * @throws EcomapError INVALID_CONFIG with the path of the first wrong fields.
 */
export function parseConfig<Config>(schema: z.ZodType<Config>, raw: object, label: string): Readonly<Config> {
  let copy: object;
  try {
    copy = structuredClone({ ...raw });
  } catch (error) {
    throw new EcomapError('INVALID_CONFIG', `The configuration of ${label} is not plain data: ${messageOf(error)}`);
  }
  return deepFreeze(parseAtTheDoor(schema, copy, 'INVALID_CONFIG', `The configuration of ${label}`));
}
