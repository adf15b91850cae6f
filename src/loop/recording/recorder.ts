import type { PlanningRound } from '../../mapping/planner';
import type { CappedDevice } from '../../power/power-cap';
import type { Cap } from '../../signals/cap';
import type { CarbonReading } from '../../signals/carbon';
import type { OperatingPoint } from '../../signals/device';
import { messageOf } from '../../signals/errors';
import type { Variants } from '../../signals/variants';
import type { LoopBoxes, LoopStep } from '../loop';
import { decisionOfCap, decisionOfPlan, decisionOfVariants } from './decisions';
import type { RecordedEvent } from './events';
import type { RecordingSink } from './recording-writer';
import type { StepClock } from './step-clock';

export interface RecorderOptions {
  readonly sink: RecordingSink<RecordedEvent>;
  readonly clock: StepClock;
  /** False: the cap's policy does not look at forecasts, which are most of a reading; they are left out. */
  readonly keepsForecasts: boolean;
}

/** An event without the time that every line gets. */
type Unstamped<Event> = Event extends RecordedEvent ? Omit<Event, 'atMs'> : never;

/** Writes down what goes along the wires of a loop: what came from outside, and what was decided. Changes none of it. */
export class Recorder {
  private readers = 0;

  constructor(private readonly options: RecorderOptions) {}

  /** A step begins; the clock has been advanced for it. */
  onStep(step: LoopStep): void {
    const { policyMs, epochMs } = this.options.clock.now;
    this.note({ kind: 'step', step, policyMs, time: new Date(epochMs).toISOString() });
  }

  /** A plan was worked out without the process that plans. */
  onFallback(planId: string, why: string): void {
    this.note({ kind: 'fallback', planId, why });
  }

  /** The boxes of the loop, listened to. */
  boxes({ source, powerCap, planner, selector, executor, ledger }: LoopBoxes): LoopBoxes {
    return {
      source: { read: () => this.orFailed(async () => this.reading(await source.read())) },
      powerCap: {
        onCarbon: async (reading) => this.cap(await powerCap.onCarbon(reading)),
        onPlan: async (plan) => {
          const cap = await powerCap.onPlan(plan);
          return cap === null ? null : this.cap(cap);
        },
      },
      planner: {
        onCap: async (cap, variants) => this.round(await planner.onCap(cap, variants)),
        onVariants: async (variants) => this.round(await planner.onVariants(variants)),
        replan: async () => this.round(await planner.replan()),
        setRates: (telemetry) => planner.setRates(telemetry),
        keep: (plan) => planner.keep(plan),
        drop: (plan) => planner.drop(plan),
      },
      selector: {
        onViolated: (violated) => this.variants(selector.onViolated(violated)),
        onTelemetry: (telemetry) => this.variants(selector.onTelemetry(telemetry)),
      },
      executor: {
        onCarbon: (reading) => executor.onCarbon(reading),
        applyPlan: (plan) => executor.applyPlan(plan),
        takeTelemetry: () => {
          const telemetry = executor.takeTelemetry();
          this.note({ kind: 'telemetry', telemetry });
          return telemetry;
        },
      },
      ledger,
    };
  }

  /** The device as the power cap sees it, listened to. */
  device(device: CappedDevice): CappedDevice {
    let known = JSON.stringify(device.operatingPoints);
    const changedPoints = (): { operatingPoints?: OperatingPoint[] } => {
      const now = JSON.stringify(device.operatingPoints);
      if (now === known) return {};
      known = now;
      return { operatingPoints: [...device.operatingPoints] };
    };
    return {
      get capRange() {
        return device.capRange;
      },
      get operatingPoints() {
        return device.operatingPoints;
      },
      capRangeFor: (request) => device.capRangeFor(request),
      checkActuator: (choice) => device.checkActuator(choice),
      releaseCap: (holder) => device.releaseCap(holder),
      applyCap: async (askedW, request) => {
        const applied = await device.applyCap(askedW, request);
        const { capW, operatingPoint, enforced, capUnreachable, how, problem } = applied;
        const wrong = problem === null ? null : { code: problem.code, message: problem.message };
        const answer = { capW, operatingPoint, enforced, capUnreachable, how, problem: wrong };
        this.note({ kind: 'applied', askedW, ...answer, ...changedPoints() });
        return applied;
      },
      openReader: () => {
        const reader = this.readers;
        this.readers += 1;
        const own = device.openReader();
        return {
          readPower: () => {
            const power = own.readPower();
            this.note({ kind: 'power', reader, power });
            return power;
          },
        };
      },
    };
  }

  /** The recording is complete. */
  end(): void {
    this.note({ kind: 'end' });
  }

  private note(event: Unstamped<RecordedEvent>): void {
    this.options.sink.append({ atMs: this.atMs, ...event });
  }

  private async orFailed<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.note({ kind: 'failed', message: messageOf(error) });
      throw error;
    }
  }

  private reading(reading: CarbonReading): CarbonReading {
    const kept = this.options.keepsForecasts ? reading : { ...reading, forecast: [] };
    this.note({ kind: 'carbon', reading: kept });
    return reading;
  }

  private cap(cap: Cap): Cap {
    this.options.sink.append(decisionOfCap(cap, this.atMs));
    return cap;
  }

  private round(round: PlanningRound): PlanningRound {
    this.options.sink.append(decisionOfPlan(round.plan, this.atMs));
    return round;
  }

  private variants(variants: Variants | null): Variants | null {
    if (variants !== null) this.options.sink.append(decisionOfVariants(variants, this.atMs));
    return variants;
  }

  private get atMs(): number {
    return this.options.clock.now.monotonicMs;
  }
}
