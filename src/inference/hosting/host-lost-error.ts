import { EcomapError } from '../../signals/errors';

/** A run ended because its process did. */
export class HostLostError extends EcomapError {
  /** @param wasRunning true for the one run that the process was working on: its input may be to blame */
  constructor(
    message: string,
    readonly wasRunning: boolean,
  ) {
    super('HOST_CRASHED', message);
  }
}
