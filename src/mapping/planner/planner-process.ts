import { childProgram, type ChildProgram } from '../../models/child-program';
import type { CoLocationSample } from '../../signals/co-location';
import { EcomapError, messageOf } from '../../signals/errors';
import type { Intervals } from '../estimator/intervals/interval-schema';
import type { PlanningAnswer, RoundSolver } from '../rounds/answer';
import { AnalyticOnly } from '../rounds/estimators';
import type { PlanningQuestion } from '../rounds/question';
import { solveRound, type Effort } from '../rounds/solve';
import { PlannerChild } from './planner-child';
import {
  estimatorNames,
  type Coverage,
  type EstimatorName,
  type PlannerMessage,
  type WantedEstimator,
} from './protocol';
import { RestartDelays } from './restart-delays';

/** dist/planner/planner.js of this package; from source the same, bundled on demand. */
export function defaultPlannerProgram(file: string = __filename): ChildProgram {
  return childProgram('src/mapping/planner/main.ts', 'dist/planner/planner.js', file);
}

export interface PlannerProcessOptions {
  /** By default the estimator that is shipped. */
  readonly estimator?: WantedEstimator;
  /** What the user should hear once: an estimator that is not used, a process that died or cannot be started. */
  readonly onProblem?: (error: EcomapError) => void;
  /** Which estimator predicts from now on. */
  readonly onEstimator?: (name: EstimatorName) => void;
  /** How the intervals of the learned estimator fare in service; `refreshed` when they were made anew. */
  readonly onCoverage?: (coverage: Coverage, refreshed: boolean) => void;
  /** The intervals of the estimator that is wanted, where they were made anew: to be kept for the next start. */
  readonly onIntervals?: (intervals: Intervals) => void;
  /** A round that takes longer ends the process, ms; three times as long while the process starts. */
  readonly roundLimitMs?: number;
  /** While the process starts, a round waits so long before it is answered here, ms. */
  readonly startPatienceMs?: number;
  /** What a round may cost in the process; without a limit of time the same question always gets the same answer. */
  readonly effort?: Effort;
  /** Hears which round was not worked out in the process, and why. */
  readonly onFallback?: (planId: string, why: string) => void;
  readonly program?: () => ChildProgram;
}

/** What a round comes to where the process that plans cannot be asked: the analytic estimator with little effort, and it says why. */
export function answerWithoutProcess(question: PlanningQuestion, why: string): Promise<PlanningAnswer> {
  return solveRound(question, new AnalyticOnly([`predicted by the queueing model: ${why}`]));
}

interface OpenRound {
  readonly question: PlanningQuestion;
  readonly resolve: (answer: PlanningAnswer) => void;
  readonly reject: (error: EcomapError) => void;
  readonly watchdog: NodeJS.Timeout;
}

const defaultRoundLimitMs = 10_000;
const defaultStartPatienceMs = 2_000;

/**
 * Works rounds out in a process of its own, at lower priority, started with the first round at the latest. A round is never lost: when the
 * process dies, hangs or cannot be started, the analytic estimator answers here, and the plan says so. The process is started
 * again with growing delays.
 */
export class PlannerProcess implements RoundSolver {
  private readonly options: PlannerProcessOptions;
  private readonly delays = new RestartDelays();
  private readonly rounds = new Map<number, OpenRound>();
  private readonly told = new Set<string>();
  private readonly patiences = new Set<NodeJS.Timeout>();
  private wanted: WantedEstimator;
  private child: PlannerChild | null = null;
  private restart: NodeJS.Timeout | null = null;
  private readonly ending = new Set<Promise<void>>();
  /** The process has said which estimator it uses. */
  private isReady = false;
  private inForce: EstimatorName | null = null;
  /** Why there is no process at the moment. */
  private why = '';
  private lastId = 0;
  private changes = 0;
  private closed = false;

  constructor(options: PlannerProcessOptions = {}) {
    this.options = options;
    this.wanted = options.estimator ?? { kind: 'shipped' };
  }

  /** Predicts with another estimator from the next round on, e.g. with what a calibration has made. */
  setEstimator(wanted: WantedEstimator): void {
    this.wanted = wanted;
    this.changes += 1;
    this.isReady = false;
    this.child?.send({ kind: 'estimator', wanted });
  }

  /**
   * Holds the intervals to what a plan did. Nothing happens while there is no process or no learned estimator.
   * @param powerCounts the power is known in the same way (measured or modelled) as when its bound was calibrated
   */
  observe(sample: CoLocationSample, powerCounts: boolean): void {
    this.child?.send({ kind: 'observe', sample, powerCounts });
  }

  /** Changes with the estimator, its intervals, and whether there is a process at all. */
  get revision(): number {
    return this.changes;
  }

  /** The process that plans now; null where there is none. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** Starts the process already, so that the first round finds it ready. */
  prepare(): void {
    if (!this.closed && this.child === null && this.restart === null) this.start();
  }

  /** @throws EcomapError NODE_CLOSED after a close */
  solve(question: PlanningQuestion): Promise<PlanningAnswer> {
    if (this.closed) return Promise.reject(closedError());
    this.prepare();
    const { child } = this;
    if (child === null) return this.solveHere(question);
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      const limitMs = (this.isReady ? 1 : 3) * (this.options.roundLimitMs ?? defaultRoundLimitMs);
      const late = `did not answer within ${limitMs / 1000} s and was ended`;
      const watchdog = setTimeout(() => child.kill(late), limitMs);
      this.rounds.set(id, { question, resolve, reject, watchdog });
      child.send({ kind: 'solve', id, question, ...(this.options.effort && { effort: this.options.effort }) });
      if (!this.isReady) this.hurry(id);
    });
  }

  /** Ends the process; rounds that are open are rejected with NODE_CLOSED. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.restart !== null) clearTimeout(this.restart);
    this.restart = null;
    for (const id of [...this.rounds.keys()]) this.take(id)?.reject(closedError());
    this.endPatience();
    await this.child?.close();
    this.child = null;
    await Promise.all(this.ending);
  }

  private start(): void {
    this.restart = null;
    this.isReady = false;
    this.delays.started(performance.now());
    try {
      const program = (this.options.program ?? defaultPlannerProgram)();
      const child: PlannerChild = new PlannerChild(program, {
        onMessage: (message) => this.hear(message),
        onGone: (how) => this.replace(child, how),
      });
      this.child = child;
      child.send({ kind: 'estimator', wanted: this.wanted });
    } catch (error) {
      this.failed(`could not be started (${messageOf(error)})`);
    }
  }

  private hear(message: PlannerMessage): void {
    if (message.kind === 'estimator') {
      this.isReady = true;
      this.inForce = message.inForce;
      this.changes += 1;
      this.endPatience();
      this.child?.yieldToOthers();
      for (const { code, message: text } of message.problems) this.report(new EcomapError(code, text));
      this.options.onEstimator?.(message.inForce);
      return;
    }
    if (message.kind === 'coverage') {
      // Until it says otherwise, it still speaks of the estimator before.
      if (!this.isReady) return;
      if (message.intervals !== null) {
        this.follow(message.intervals);
        this.changes += 1;
      }
      this.options.onCoverage?.(message.coverage, message.intervals !== null);
      return;
    }
    const round = this.take(message.id);
    if (round === undefined) return;
    if (message.kind === 'answer') round.resolve(message.answer);
    else {
      // The process works, and may well answer the same question the next time.
      this.changes += 1;
      this.report(new EcomapError(message.problem.code, `A round of planning failed: ${message.problem.message}`));
      this.solveHere(round.question, message.problem.message).then(round.resolve, round.reject);
    }
  }

  /** What the intervals have become, for a process that follows and for whoever keeps them. */
  private follow(intervals: Intervals): void {
    const { wanted, inForce } = this;
    // Those of another one, which stands in for it, are not its own.
    if (wanted.kind === 'analytic' || estimatorNames[wanted.kind] !== inForce) return;
    this.wanted =
      wanted.kind === 'shipped' ? { ...wanted, intervals } : { ...wanted, source: { ...wanted.source, intervals } };
    this.options.onIntervals?.(intervals);
  }

  private replace(child: PlannerChild, how: string): void {
    if (this.child !== child) return;
    this.child = null;
    const end = child.close().finally(() => this.ending.delete(end));
    this.ending.add(end);
    this.failed(how);
  }

  /** There is no process: what is open is answered here, and the next one is started after a while. */
  private failed(how: string): void {
    this.endPatience();
    this.changes += 1;
    this.why = `the process that plans ${how}`;
    this.report(
      new EcomapError(
        'HOST_CRASHED',
        `The process that plans ${how}. Until it runs again, plans are predicted by the queueing model.`,
      ),
    );
    this.options.onEstimator?.(estimatorNames.analytic);
    const delayMs = this.delays.died(performance.now());
    this.restart = setTimeout(() => this.start(), delayMs);
    for (const id of [...this.rounds.keys()]) {
      const round = this.take(id);
      if (round !== undefined) this.solveHere(round.question).then(round.resolve, round.reject);
    }
  }

  private solveHere(question: PlanningQuestion, why = this.why): Promise<PlanningAnswer> {
    this.options.onFallback?.(question.planId, why);
    return answerWithoutProcess(question, why);
  }

  private endPatience(): void {
    for (const patience of this.patiences) clearTimeout(patience);
    this.patiences.clear();
  }

  /** On a busy machine a start takes long: then the first round does not wait for it. */
  private hurry(id: number): void {
    const patience = setTimeout(() => {
      const round = this.isReady ? undefined : this.take(id);
      if (round === undefined) return;
      this.solveHere(round.question, 'the process that plans is still starting').then(round.resolve, round.reject);
    }, this.options.startPatienceMs ?? defaultStartPatienceMs);
    this.patiences.add(patience);
  }

  private take(id: number): OpenRound | undefined {
    const round = this.rounds.get(id);
    this.rounds.delete(id);
    if (round !== undefined) clearTimeout(round.watchdog);
    return round;
  }

  /** Each problem is told once. */
  private report(error: EcomapError): void {
    if (this.told.has(error.message)) return;
    this.told.add(error.message);
    this.options.onProblem?.(error);
  }
}

const closedError = (): EcomapError => new EcomapError('NODE_CLOSED', 'The planner was stopped.');
