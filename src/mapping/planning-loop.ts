import type { Cap } from '../signals/cap';
import type { Plan } from '../signals/plan';
import type { Telemetry } from '../signals/telemetry';
import type { Variants } from '../signals/variants';
import type { Violated } from '../signals/violated';
import type { MappingPlanner, PlanningRound } from './planner';

/** A plan like the last one is sent again after this time, for whoever missed it. */
const repeatMs = 30_000;
/** Telemetry calls for a round at least this often, so that a steady cap does not keep the selector from seeing slack. */
const roundEveryMs = 2_000;

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
}

/**
 * Decides when to plan and when a plan goes out: signals that come before the profiles are there are kept (the latest of each
 * kind), a plan that breaks limits is held a moment for lighter variants, and the last plan is never lost.
 */
export class PlanningLoop<Message> {
  private readonly options: PlanningLoopOptions<Message>;
  private planner: MappingPlanner | null = null;
  /** The latest of each kind, for a planner that comes later. */
  private latest: { cap: Cap | null; variants: Variants | null } = { cap: null, variants: null };
  /** What the first plan answers. */
  private waiting: Message | null = null;
  private held: { round: PlanningRound; message: Message | null; stopTimer: () => void } | null = null;
  private lastSent: { plan: Plan; atMs: number } | null = null;
  private lastRoundMs = -Infinity;

  constructor(options: PlanningLoopOptions<Message>) {
    this.options = options;
  }

  /**
   * Profiles are there: plans for the latest cap and variants, or without a cap if none came. May be called again with a planner
   * that knows more.
   */
  start(planner: MappingPlanner): void {
    this.planner = planner;
    const { cap, variants } = this.latest;
    const message = this.waiting;
    let round = cap === null ? planner.replan() : planner.onCap(cap);
    if (variants !== null) round = planner.onVariants(variants);
    this.waiting = null;
    this.conclude(round, message);
  }

  onCap(cap: Cap, message: Message): void {
    this.latest.cap = cap;
    if (this.planner === null) this.waiting = message;
    else this.conclude(this.planner.onCap(cap), message);
  }

  onVariants(variants: Variants, message: Message): void {
    this.latest.variants = variants;
    if (this.planner !== null) this.conclude(this.planner.onVariants(variants), message);
  }

  onTelemetry(telemetry: Telemetry): void {
    if (this.planner === null) return;
    const moved = this.planner.setRates(telemetry);
    const due = this.options.clock() - this.lastRoundMs >= roundEveryMs;
    if (this.held === null && (moved || due)) this.conclude(this.planner.replan(), null);
  }

  /** Sends nothing more. */
  close(): void {
    this.held?.stopTimer();
    this.held = null;
    this.planner = null;
  }

  private conclude(round: PlanningRound, message: Message | null): void {
    this.lastRoundMs = this.options.clock();
    this.held?.stopTimer();
    this.held = null;
    const { sendViolated, selectorWaitMs } = this.options;
    if (round.violated.violations.length > 0 && sendViolated !== null && selectorWaitMs > 0) {
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

  private send(plan: Plan, message: Message | null): void {
    this.planner?.keep(plan);
    this.options.onPlan?.(plan);
    const atMs = this.options.clock();
    const last = this.lastSent;
    if (last !== null && atMs - last.atMs < repeatMs && essence(plan) === essence(last.plan)) return;
    this.lastSent = { plan, atMs };
    this.options.sendPlan(plan, message);
  }
}

/** What the executor acts on: plans that agree in it are the same plan. */
function essence(plan: Plan): string {
  return JSON.stringify([
    plan.tenants.map(({ tenant, variant, stages }) => [tenant, variant, stages]),
    plan.operatingPoint.name,
    plan.operatingPoint.speed,
    plan.feasible,
  ]);
}
