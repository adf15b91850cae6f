import type { z } from 'zod';
import { EcomapError, type ErrorCode } from './errors';

/** "field.path: what is wrong" for the first few problems of a failed parse. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 4)
    .map((issue) => `${issue.path.length > 0 ? issue.path.join('.') : 'value'}: ${issue.message}`)
    .join('; ');
}

/**
 * Parses something from outside once, at the door.
 * @throws EcomapError with `code` and the path of the first wrong fields.
 */
export function parseAtTheDoor<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new EcomapError(code, `${what} is not valid: ${describeIssues(result.error)}`);
}

/** The longest text from outside that is quoted in a message, characters. */
const longestQuote = 80;

/** A value from outside for a message to people: text in quotes and cut short, anything else by its kind; never fails. */
export function quoted(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length <= longestQuote
        ? JSON.stringify(value)
        : `${JSON.stringify(`${value.slice(0, longestQuote)}...`)} (${value.length} characters)`;
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'undefined':
      return 'missing';
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}
