import { EventLoopDelay } from './delay';
import { GapLog, type LatenessCauses } from './gap-log';
import { KernelClock } from './kernel-times';

export type ExplainedFigures = ReturnType<EventLoopDelay['stop']> & {
  readonly causes: LatenessCauses;
  /** Why there are no causes; null when there are. */
  readonly causesMissing: string | null;
  /** What asking the kernel took at each timer, which is not part of any lateness. */
  readonly readingUs: number;
};

/**
 * An `EventLoopDelay` that asks the kernel at every timer what held it up. The next timer is set after that, so what holds the process
 * up just while it asks is not seen: some 2 % of the time.
 */
export class ExplainedDelay {
  private readonly clock = new KernelClock();
  private readonly log: GapLog;
  private readonly delay: EventLoopDelay;

  /** Starts at once. `onDelay` says what is going on. */
  constructor(onDelay: (delayMs: number) => string) {
    const log = new GapLog(this.clock.read());
    this.log = log;
    this.delay = new EventLoopDelay((delayMs) => log.add(onDelay(delayMs), delayMs, this.clock.read()));
    this.delay.start();
  }

  stop(): ExplainedFigures {
    const figures = this.delay.stop();
    const causes = this.log.end(this.clock.read());
    const { missing: causesMissing, readingUs } = this.clock;
    this.clock.close();
    return { ...figures, causes, causesMissing, readingUs };
  }
}
