import type { Cap } from '../../signals/cap';
import type { Plan } from '../../signals/plan';
import type { Telemetry } from '../../signals/telemetry';
import { PlanMeter, type MeasuredPlan } from './measured-plan';
import { TrialMemory } from './memory';
import { Trial, type TrialSettings, type TrialStep } from './trial';

/** Without telemetry for this long nothing can be measured, ms. */
const silenceMs = 60_000;
/** What loading the models of a plan may take, ms, on top of the windows. */
const loadingMs = 20_000;
/** A plan that stays in force is measured again after this time, ms. */
const measureEveryMs = 5 * 60_000;
/** Windows that count as a measurement where trials do not say. */
const usualWindows = 2;

export interface TrialsOptions {
  /** Null: no plan is tried, but those in force are measured all the same. */
  readonly settings: TrialSettings | null;
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number;
  /** A timer; the returned function stops it. */
  readonly after: (delayMs: number, action: () => void) => () => void;
  /** The trial has gone on without being asked: nothing was heard of the plan that was tried. */
  readonly onStep: (step: TrialStep) => void;
  /** Whether something else is measured on the device, so that neither result would hold. */
  readonly isDisturbed?: () => boolean;
  /** What a plan did while it was in force. */
  readonly onMeasured?: (plan: Plan, measured: MeasuredPlan) => void;
}

/** Measures the plans in force, and decides when rivals of a plan are tried. */
export class Trials {
  private readonly memory: TrialMemory;
  private trial: Trial | null = null;
  private stopTimer: () => void = () => undefined;
  private inForce: { readonly plan: Plan; readonly meter: PlanMeter } | null = null;
  private measuredMs = -Infinity;
  private heard: { readonly atMs: number; readonly windowMs: number } | null = null;

  constructor(private readonly options: TrialsOptions) {
    this.memory = new TrialMemory(options.clock);
  }

  get isUnderWay(): boolean {
    return this.trial !== null;
  }

  /**
   * A plan that keeps all limits and moves tenants.
   * @returns the plan to put in force in its place; null where there is nothing to try
   */
  consider(plan: Plan, rivals: readonly Plan[]): TrialStep | null {
    const { settings, clock } = this.options;
    const isMeasured = this.heard !== null && clock() - this.heard.atMs < silenceMs;
    if (settings === null || rivals.length === 0 || !isMeasured) return null;
    const { trial, step } = Trial.begin(plan, rivals, this.memory, settings);
    // What was measured before holds all the same.
    if (trial !== null && this.isDisturbed()) return null;
    this.trial = trial;
    if (trial !== null) this.watch(trial);
    return step;
  }

  /** Whether the trial goes on beside a plan that was made meanwhile and keeps all limits. */
  standsBeside(plan: Plan): boolean {
    return this.trial?.isAbout(plan) === true;
  }

  /** A cap that the tried plans do not keep ends the trial at once. */
  onCap(cap: Cap): void {
    if (this.trial?.allows(cap) === false) this.end();
  }

  /** @param goOn false while something newer is being planned: then nothing is put in force */
  onTelemetry(telemetry: Telemetry, goOn: boolean): TrialStep | null {
    this.heard = { atMs: this.options.clock(), windowMs: telemetry.durationS * 1000 };
    this.memory.observe(telemetry);
    if (this.isDisturbed()) {
      this.onDisturbance();
      return null;
    }
    this.measure(telemetry);
    const { trial } = this;
    const step = goOn ? (trial?.onTelemetry(telemetry) ?? null) : null;
    if (step === null || trial === null) return null;
    if (step.over) this.end();
    else this.watch(trial);
    return step;
  }

  /** A disturbance has begun or ended: what is being measured does not count, nor does the window in which it happened. */
  onDisturbance(): void {
    if (this.inForce !== null) this.meterAnew(this.inForce.plan);
    const { trial } = this;
    if (trial === null) return;
    this.end();
    this.options.onStep(trial.giveUp());
  }

  /** This plan was sent: telemetry will name it. */
  sent(plan: Plan): void {
    this.meterAnew(plan);
    this.measuredMs = -Infinity;
  }

  end(): void {
    this.stopTimer();
    this.trial = null;
  }

  private measure(telemetry: Telemetry): void {
    const { inForce } = this;
    if (inForce === null || this.options.clock() - this.measuredMs < measureEveryMs) return;
    inForce.meter.add(telemetry);
    const measured = inForce.meter.result();
    if (measured === null || measured.windows < (this.options.settings?.windows ?? usualWindows)) return;
    this.memory.keep(inForce.plan, measured);
    this.measuredMs = this.options.clock();
    this.meterAnew(inForce.plan);
    this.options.onMeasured?.(inForce.plan, measured);
  }

  private isDisturbed(): boolean {
    return this.options.isDisturbed?.() === true;
  }

  private meterAnew(plan: Plan): void {
    this.inForce = { plan, meter: new PlanMeter(plan.planId) };
  }

  private watch(trial: Trial): void {
    this.stopTimer();
    const windows = (this.options.settings?.windows ?? usualWindows) + 2;
    const delayMs = loadingMs + windows * (this.heard?.windowMs ?? 0);
    this.stopTimer = this.options.after(delayMs, () => {
      if (this.trial !== trial) return;
      this.end();
      this.options.onStep(trial.giveUp());
    });
  }
}
