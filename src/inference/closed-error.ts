import { EcomapError } from '../signals/errors';

/** What everything ends with that the executor was still to do when it was stopped: NODE_CLOSED. */
export function closedError(): EcomapError {
  return new EcomapError('NODE_CLOSED', 'The executor was stopped.');
}
