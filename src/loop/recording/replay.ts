import { CarbonLedger } from '../../carbon/accounting/ledger';
import { MappingPlanner } from '../../mapping/planner';
import { PowerCap } from '../../power/power-cap';
import { VariantSelector } from '../../selection/selector';
import { Loop, type LoopBoxes } from '../loop';
import { differenceOf, rewordingOf, type Difference } from './differences';
import { isDecision, type DecisionEvent, type EventOf, type RecordedEvent } from './events';
import { tableOf } from './knowledge';
import type { Recording, RecordedStep } from './read-recording';
import { Recorder } from './recorder';
import { replaySolver } from './replay-solver';
import { ReplayedDevice } from './replayed-device';
import { StepClock, type Instant } from './step-clock';
import { StepInputs } from './step-inputs';

/** One decision as it was recorded and as it was made again; null: there was none. */
export interface ComparedDecision {
  readonly step: EventOf<'step'>;
  readonly recorded: DecisionEvent | null;
  readonly replayed: DecisionEvent | null;
  /** Null: identical. */
  readonly difference: Difference | null;
  /** Identical, but explained in other words; null: in the same. */
  readonly rewording: Difference | null;
}

export interface ReplayOutcome {
  readonly steps: number;
  readonly decisions: number;
  readonly identical: number;
  /** Of the identical ones those that are explained in other words, as by another version of the package. */
  readonly reworded: number;
  /** The first decision that came out differently; those after it may follow from it. */
  readonly first: ComparedDecision | null;
  /** What stood in the way, e.g. an estimator that does not run here. */
  readonly problems: readonly string[];
}

export interface ReplayOptions {
  /** Hears of each decision in order. */
  readonly onDecision?: (decision: ComparedDecision) => void;
}

/**
 * Runs the loop again on what was recorded, on a clock that jumps from step to step, without inference: the cap policy, the planner and
 * the selector decide anew, and each decision is held to the recorded one. For that nothing may enter decisions but what is recorded:
 * - time: each step has one instant, in the recording as here ({@link StepClock});
 * - the search: while a day is recorded it ends after its evaluations, never by time, so it may then take longer than otherwise;
 * - the process that plans: which rounds it did not answer is recorded, here they are answered without it, too;
 * - the estimator: the same file, by its hash; the learned one can still differ in its last digits between processors and versions of
 *   ONNX Runtime;
 * - the device: what it answered to each cap, and each reading of its power;
 * - the grid and the executor: readings, and telemetry with its requests and latencies.
 * @throws EcomapError MODEL_HASH_MISMATCH when the learned estimator that it was planned with is another one now
 */
export async function replay({ header, steps }: Recording, options: ReplayOptions = {}): Promise<ReplayOutcome> {
  const inputs = new StepInputs();
  let instant: Instant = { monotonicMs: 0, policyMs: 0, epochMs: Date.parse(header.startedAt) };
  const clock = new StepClock(() => instant);
  const problems: string[] = [];
  const solver = await replaySolver(header.planning, inputs, (problem) => problems.push(problem));
  let made: RecordedEvent[] = [];
  const recorder = new Recorder({ sink: { append: (event) => made.push(event) }, clock, keepsForecasts: true });
  const device = new ReplayedDevice(header, inputs);
  const { tenants } = header;
  const boxes: LoopBoxes = {
    source: { read: async () => inputs.carbon() },
    powerCap: new PowerCap({ device, ...header.cap, clock: { monotonicMs: clock.policyMs } }),
    planner: new MappingPlanner({ device, tenants, profiles: tableOf(header.knowledge), solver, clock: clock.epochMs }),
    selector: new VariantSelector({ tenants, clock: clock.monotonicMs, settings: header.selector }),
    executor: {
      onCarbon: () => undefined,
      applyPlan: () => Promise.resolve({ applied: true, swaps: 0, why: [] }),
      takeTelemetry: () => inputs.telemetry(),
    },
    ledger: new CarbonLedger({ now: clock.epochMs }),
  };
  // What fails shows as a decision that is missing; what failed then fails again.
  const loop = new Loop(recorder.boxes(boxes), { onStep: () => clock.advance() });
  const tally = new Tally(options.onDecision);
  try {
    for (const step of steps) {
      const { begin, events } = step;
      inputs.begin(events);
      instant = { monotonicMs: begin.atMs, policyMs: begin.policyMs, epochMs: Date.parse(begin.time) };
      made = [];
      await (begin.step === 'control' ? loop.control() : loop.window());
      tally.compare(step, made);
    }
  } finally {
    await solver.close();
  }
  return { steps: steps.length, ...tally.figures, problems };
}

class Tally {
  private decisions = 0;
  private identical = 0;
  private reworded = 0;
  private first: ComparedDecision | null = null;

  constructor(private readonly onDecision: ReplayOptions['onDecision']) {}

  compare({ begin, events }: RecordedStep, made: readonly RecordedEvent[]): void {
    const recorded = events.filter(isDecision);
    const replayed = made.filter(isDecision);
    for (let index = 0; index < Math.max(recorded.length, replayed.length); index += 1) {
      const [then, now] = [recorded[index] ?? null, replayed[index] ?? null];
      this.count({
        ...{ step: begin, recorded: then, replayed: now },
        difference: differenceOf(then, now),
        rewording: rewordingOf(then, now),
      });
    }
  }

  get figures(): Pick<ReplayOutcome, 'decisions' | 'identical' | 'reworded' | 'first'> {
    const { decisions, identical, reworded, first } = this;
    return { decisions, identical, reworded, first };
  }

  private count(decision: ComparedDecision): void {
    this.decisions += 1;
    if (decision.difference === null) this.identical += 1;
    else this.first ??= decision;
    if (decision.rewording !== null) this.reworded += 1;
    this.onDecision?.(decision);
  }
}
