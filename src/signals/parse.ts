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
