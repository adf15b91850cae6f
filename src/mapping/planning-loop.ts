import type { Cap } from '../signals/cap';
import type { Plan } from '../signals/plan';
import type { Telemetry } from '../signals/telemetry';
import type { Variants } from '../signals/variants';
import type { Violated } from '../signals/violated';
import { planEssence } from './plan-change';
import type { Planner, PlanningRound } from './planner';
import type { MeasuredPlan } from './trials/measured-plan';
import type { TrialSettings, TrialStep } from './trials/trial';
import { Trials } from './trials/trials';

/** A plan like the last one is sent again after this time, for whoever missed it. */
const repeatMs = 30_000;
/** Telemetry calls for a round at least this often, so that a steady cap does not keep the selector from seeing slack. */
const roundEveryMs = 2_000;
/** So many answers in a row may be overtaken by something newer; then one goes out all the same. */
const mostOvertaken = 3;

export interface PlanningLoopOptions<Message> {
  /** How long a plan that breaks limits waits for lighter variants, ms. */
  readonly selectorWaitMs: number;
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number;
  /** A timer; the returned function stops it. */
  readonly after: (delayMs: number, action: () => void) => () => void;
  /** Told about every plan that stands, also when it is not sent again because it is like the last one. */
  readonly onPlan?: (plan: Plan) => void;
  /** `message` is what the round answers; null when nothing from outside did. */
  readonly sendPlan: (plan: Plan, message: Message | null) => void;
  /** Null when nobody listens: then no plan waits for an answer. */
  readonly sendViolated: ((violated: Violated, message: Message | null) => void) | null;
  /** How plans that predictions cannot tell apart are tried; absent: the one predicted best is taken. */
  readonly trials?: TrialSettings;
  /** Whether something else is measured on the device: meanwhile no plan is tried or measured. */
  readonly isDisturbed?: () => boolean;
  /** What a plan did while it was in force. */
  readonly onMeasured?: (plan: Plan, measured: MeasuredPlan) => void;
  /** A round that failed; the plan in force stays. */
  readonly onError: (error: unknown, message: Message | null) => void;
}

/** What a round has to answer. */
interface News<Message> {
  cap: Cap | null;
  variants: Variants | null;
  /** The newest message among them; null when nothing from outside came. */
  message: Message | null;
}

interface Held<Message> {
  readonly round: PlanningRound;
  readonly message: Message | null;
  stopTimer: () => void;
}

/**
 * Decides when to plan and when a plan goes out. One round at a time: what comes meanwhile is kept, the latest of each kind, and
 * planned next; the answer it overtakes does not go out. The same holds for what comes before the profiles are there. A plan that
 * breaks limits is held a moment for lighter variants, and the last plan is never lost. Where several plans that keep all limits
 * are too close to tell apart, each is tried for a moment.
 */
export class PlanningLoop<Message> {
  private readonly options: PlanningLoopOptions<Message>;
  private readonly trials: Trials;
  private planner: Planner | null = null;
  /** The latest of each kind, for a planner that comes later. */
  private latest: { cap: Cap | null; variants: Variants | null } = { cap: null, variants: null };
  /** What the next round answers; null when none is due. */
  private due: News<Message> | null = null;
  /** The round that is being worked out. */
  private underWay: News<Message> | null = null;
  private overtaken = 0;
  private held: Held<Message> | null = null;
  /** The newest message that came during a trial. */
  private unanswered: Message | null = null;
  private lastSent: { plan: Plan; atMs: number } | null = null;
  private lastRoundMs = -Infinity;
  private closed = false;

  constructor(options: PlanningLoopOptions<Message>) {
    this.options = options;
    const { clock, after, isDisturbed, onMeasured, trials } = options;
    const onStep = (step: TrialStep): void => this.take(step);
    this.trials = new Trials({
      settings: trials ?? null,
      clock,
      after,
      onStep,
      ...(isDisturbed && { isDisturbed }),
      ...(onMeasured && { onMeasured }),
    });
  }

  /**
   * Profiles are there: plans for the latest cap and variants, or without a cap if none came. May be called again with a planner
   * that knows more: it takes over when the round under way is done.
   */
  start(planner: Planner): void {
    if (this.closed) return;
    this.trials.end();
    this.planner = planner;
    this.due = { ...this.latest, message: this.due?.message ?? null };
    this.next();
  }

  onCap(cap: Cap, message: Message): void {
    this.latest.cap = cap;
    this.trials.onCap(cap);
    this.due = { variants: this.due?.variants ?? null, cap, message };
    this.next();
  }

  onVariants(variants: Variants, message: Message): void {
    this.latest.variants = variants;
    // Before there is a planner only a cap is answered.
    if (this.planner === null) return;
    this.due = { cap: this.due?.cap ?? null, variants, message };
    this.next();
  }

  onTelemetry(telemetry: Telemetry): void {
    if (this.planner === null) return;
    const moved = this.planner.setRates(telemetry);
    const wasTrying = this.trials.isUnderWay;
    const step = this.trials.onTelemetry(telemetry, this.underWay === null);
    if (step !== null) this.take(step);
    // Other plans would disturb the measurement.
    if (wasTrying) return;
    const isTime = this.options.clock() - this.lastRoundMs >= roundEveryMs;
    if (this.held !== null || !(moved || (isTime && this.underWay === null))) return;
    this.replan();
  }

  /** What `isDisturbed` says has changed: whatever was being measured does not count. */
  onDisturbance(): void {
    if (!this.closed) this.trials.onDisturbance();
  }

  /** Plans again: what is known of the costs, or how they are predicted, has changed. */
  replan(): void {
    if (this.planner === null) return;
    this.due ??= { cap: null, variants: null, message: null };
    this.next();
  }

  /** Sends nothing more. */
  close(): void {
    this.closed = true;
    this.trials.end();
    this.held?.stopTimer();
    this.held = null;
    this.due = null;
    this.underWay = null;
    this.planner = null;
  }

  /** Begins the round that is due, unless one is under way. */
  private next(): void {
    const { planner, due } = this;
    if (planner === null || due === null || this.underWay !== null) return;
    this.due = null;
    this.underWay = due;
    // What is held must not go out while its answer is being worked out.
    this.held?.stopTimer();
    this.answer(planner, due).then(
      (round) => this.finish(due, () => this.conclude(planner, round, due.message)),
      (error: unknown) =>
        this.finish(due, () => {
          this.release();
          this.options.onError(error, due.message);
        }),
    );
  }

  private async answer(planner: Planner, { cap, variants }: News<Message>): Promise<PlanningRound> {
    if (cap !== null) return planner.onCap(cap, variants ?? undefined);
    return variants === null ? planner.replan() : planner.onVariants(variants);
  }

  private finish(round: News<Message>, conclude: () => void): void {
    // Not so after a close.
    if (this.underWay !== round) return;
    this.underWay = null;
    conclude();
    this.next();
  }

  private conclude(planner: Planner, round: PlanningRound, message: Message | null): void {
    this.lastRoundMs = this.options.clock();
    if (this.due !== null && this.due.message !== null && this.overtaken < mostOvertaken) {
      this.overtaken += 1;
      planner.drop(round.plan);
      return;
    }
    this.overtaken = 0;
    this.held = null;
    const { sendViolated, selectorWaitMs } = this.options;
    const breaks = round.violated.violations.length > 0;
    if (!breaks && this.trials.standsBeside(round.plan)) {
      this.unanswered = message ?? this.unanswered;
      planner.drop(round.plan);
      sendViolated?.(round.violated, message);
      return;
    }
    this.trials.end();
    const step = breaks ? null : this.trials.consider(round.plan, round.rivals ?? []);
    // A verdict from memory is a plan like any other.
    if (step !== null) this.send(step.plan, message, this.trials.isUnderWay);
    else if (breaks && sendViolated !== null && selectorWaitMs > 0) {
      const stopTimer = this.options.after(selectorWaitMs, () => this.release());
      // Before the question goes out: the answer may come back before `sendViolated` returns.
      this.held = { round, message, stopTimer };
    } else this.send(round.plan, message);
    sendViolated?.(round.violated, message);
  }

  /** Nobody answered in time: the best effort goes out. */
  private release(): void {
    const { held } = this;
    if (held === null) return;
    this.held = null;
    this.send(held.round.plan, held.message);
  }

  /** The next plan of a trial, or the one that stays after it. */
  private take({ plan }: TrialStep): void {
    // Sent even where it is like the last one: telemetry has to name the plan that is tried.
    this.send(plan, this.unanswered, true);
  }

  private send(planned: Plan, message: Message | null, always = false): void {
    this.unanswered = null;
    const last = this.lastSent;
    const isSame = last !== null && planEssence(planned) === planEssence(last.plan);
    const plan = withChangeFrom(last?.plan ?? null, planned, isSame);
    this.planner?.keep(plan);
    this.options.onPlan?.(plan);
    const atMs = this.options.clock();
    if (!always && isSame && last !== null && atMs - last.atMs < repeatMs) return;
    this.lastSent = { plan, atMs };
    this.trials.sent(plan);
    this.options.sendPlan(plan, message);
  }
}

/** The planner tells what changed against its own last plan; what counts here is the one that went out before. */
function withChangeFrom(last: Plan | null, plan: Plan, isSame: boolean): Plan {
  const { change, ...rest } = plan;
  if (isSame) return { ...rest, why: rest.why.filter((sentence) => sentence !== change?.text) };
  if (change === undefined)
    return { ...plan, change: { cause: 'measured', text: plan.why.at(-1) ?? 'plans were tried' } };
  if (change.cause !== 'start' || last === null) return plan;
  const text = 'planned anew, with what is known by now of the costs';
  const why = plan.why.map((sentence) => (sentence === change.text ? text : sentence));
  return { ...plan, why, change: { cause: 'known', text } };
}
