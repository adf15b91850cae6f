/** The stable error codes of the package. A flow may match on them in a Catch node, so none is ever renamed. */
export const errorCodes = [
  'INVALID_MESSAGE',
  'INVALID_CONFIG',
  'PROVIDER_UNREACHABLE',
  'PROVIDER_UNAUTHORIZED',
  'CARBON_UNKNOWN',
  'CAP_NOT_ENFORCEABLE',
  'POWER_DENIED',
  'MODEL_NOT_FOUND',
  'MODEL_INVALID',
  'MODEL_HASH_MISMATCH',
  'INPUT_MISMATCH',
  'QUEUE_FULL',
  'DEADLINE_EXCEEDED',
  'HOST_CRASHED',
  // A model or its host needs more memory than it may have.
  'MEMORY_EXCEEDED',
  // The same input ended its host twice and is not tried again.
  'INPUT_QUARANTINED',
  // The caller took the request back.
  'CANCELLED',
  'NO_FEASIBLE_PLAN',
  'RUNTIME_UNAVAILABLE',
  'REMOTE_UNAVAILABLE',
  // A recorded day that cannot be replayed: damaged or contradictory, or made by a later version of this package.
  'RECORDING_INVALID',
  'RECORDING_TOO_NEW',
  // From the adapter: the node was stopped before it had answered, or failed in a way that nobody foresaw.
  'NODE_CLOSED',
  'INTERNAL_ERROR',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * Every error this package raises on purpose. `message` says what was wrong and what to do about it; `code` is stable.
 * Test for it with {@link isEcomapError}: each node is a bundle of its own, so `instanceof` does not hold across nodes.
 */
export class EcomapError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EcomapError';
    this.code = code;
  }
}

export function isEcomapError(error: unknown): error is EcomapError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    (errorCodes as readonly string[]).includes(error.code)
  );
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error itself where it has a code of ours; anything else becomes an INTERNAL_ERROR with it as the cause. */
export function asEcomapError(error: unknown): EcomapError {
  return isEcomapError(error) ? error : new EcomapError('INTERNAL_ERROR', messageOf(error), { cause: error });
}
