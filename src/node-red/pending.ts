import { reportedError } from './reported-error';
import type { Done } from './runtime-types';
import type { ReportedError } from './types';

/** Settles one message: without an argument it is done, with a thrown value it has failed. Later calls do nothing. */
export type Settle = (failure?: { thrown: unknown }) => void;

/** The messages that a node has received and not settled yet. Each of them is settled exactly once. */
export class PendingMessages {
  readonly #open = new Set<Settle>();

  /** @param onDoneThrew `done` itself may throw (a message that cannot be cloned for Catch): this must not kill the process. */
  constructor(private readonly onDoneThrew: (error: ReportedError) => void) {}

  get count(): number {
    return this.#open.size;
  }

  begin(done: Done): Settle {
    const settle: Settle = (failure) => {
      if (!this.#open.delete(settle)) return;
      try {
        if (failure === undefined) done();
        else done(reportedError(failure.thrown));
      } catch (error) {
        this.onDoneThrew(reportedError(error));
      }
    };
    this.#open.add(settle);
    return settle;
  }

  failAll(thrown: unknown): void {
    for (const settle of [...this.#open]) settle({ thrown });
  }
}
