import { EcomapError } from '../../signals/errors';
import type { CarbonReading } from '../../signals/carbon';
import type { PowerReading } from '../../signals/quantities';
import type { Telemetry } from '../../signals/telemetry';
import { isSame } from './differences';
import type { EventOf, RecordedEvent } from './events';

/** What came from outside in one recorded step, handed out again in the order in which it came. */
export class StepInputs {
  private left: RecordedEvent[] = [];

  /** The next step. */
  begin(events: readonly RecordedEvent[]): void {
    this.left = [...events];
  }

  /** @throws EcomapError with what the source failed with then */
  carbon(): CarbonReading {
    const event = this.take((one): one is EventOf<'carbon' | 'failed'> => ['carbon', 'failed'].includes(one.kind));
    if (event?.kind === 'carbon') return event.reading;
    throw new EcomapError('CARBON_UNKNOWN', event?.message ?? 'no reading was recorded in this step');
  }

  /** @throws EcomapError RECORDING_INVALID where the step has none */
  telemetry(): Telemetry {
    const event = this.take((one) => one.kind === 'telemetry');
    if (event === null) throw new EcomapError('RECORDING_INVALID', 'no telemetry was recorded in this step');
    return event.telemetry;
  }

  /** The next reading of this reader; null where there was none. */
  power(reader: number): PowerReading | null {
    return this.take((one): one is EventOf<'power'> => one.kind === 'power' && one.reader === reader)?.power ?? null;
  }

  /** The answer to this cap; null where it was not asked for. */
  applied(askedW: number): EventOf<'applied'> | null {
    return this.take((one): one is EventOf<'applied'> => one.kind === 'applied' && isSame(one.askedW, askedW));
  }

  /** Why a plan was worked out without the process that plans; null where it was not. */
  fallback(planId: string): string | null {
    return (
      this.take((one): one is EventOf<'fallback'> => one.kind === 'fallback' && one.planId === planId)?.why ?? null
    );
  }

  private take<Event extends RecordedEvent>(isWanted: (event: RecordedEvent) => event is Event): Event | null {
    const at = this.left.findIndex(isWanted);
    if (at < 0) return null;
    const [event] = this.left.splice(at, 1);
    return event !== undefined && isWanted(event) ? event : null;
  }
}
