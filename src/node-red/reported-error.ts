import { messageOf } from '../signals/errors';
import type { ReportedError } from './types';

function codeOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown) {
    if (typeof thrown.code === 'string' && thrown.code !== '') return thrown.code;
  }
  return 'INTERNAL_ERROR';
}

function textOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return thrown.message || thrown.name;
    if (typeof thrown === 'string' && thrown !== '') return thrown;
    if (typeof thrown === 'object' && thrown !== null && 'message' in thrown && typeof thrown.message === 'string') {
      return thrown.message;
    }
    return `${JSON.stringify(thrown) ?? String(thrown)} was thrown`;
  } catch {
    return 'a value that cannot be shown was thrown';
  }
}

function causeOf(thrown: Error): string | undefined {
  try {
    return thrown.cause === undefined ? undefined : messageOf(thrown.cause);
  } catch {
    return undefined;
  }
}

/**
 * Turns whatever was thrown into the error that Node-RED passes on to Catch: `code` is its own property (Node-RED copies no
 * inherited one), and the cause is reduced to its text, because Node-RED clones it into the message and the cause of a failed
 * HTTP request holds sockets and keys.
 */
export function reportedError(thrown: unknown): ReportedError {
  const text = textOf(thrown);
  const cause = thrown instanceof Error ? causeOf(thrown) : undefined;
  const error = new Error(text, cause === undefined ? undefined : { cause });
  if (thrown instanceof Error && typeof thrown.stack === 'string') error.stack = thrown.stack;
  // Node-RED shows toString(): the message alone, without the name of a class in front.
  Object.defineProperty(error, 'toString', { value: () => text, enumerable: false });
  return Object.assign(error, { code: codeOf(thrown) });
}
