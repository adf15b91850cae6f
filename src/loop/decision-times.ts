import type { RoundSolver } from '../mapping/rounds/answer';
import { quantile } from '../signals/statistics';
import type { LoopBoxes } from './loop';

export interface DecisionFigures {
  /** Control periods, each with all that was planned in it. */
  readonly decisions: number;
  /** From the questions to the plans, which are worked out in another process, ms. */
  readonly elapsedMs: { readonly p50: number; readonly p95: number } | null;
  /** In this thread: asking, and choosing variants, ms. What it takes to read the answers is not in it. */
  readonly mainThreadMs: { readonly p50: number; readonly p95: number } | null;
}

/** Times the deciding boxes of a loop. */
export class DecisionTimes {
  private readonly elapsedMs: number[] = [];
  private readonly mainThreadMs: number[] = [];
  private sinceLast = { elapsedMs: 0, mainThreadMs: 0 };

  solver(solver: RoundSolver): RoundSolver {
    return {
      solve: async (question) => {
        const beganMs = performance.now();
        try {
          return await solver.solve(question);
        } finally {
          this.sinceLast.elapsedMs += performance.now() - beganMs;
        }
      },
    };
  }

  planner(planner: LoopBoxes['planner']): LoopBoxes['planner'] {
    return {
      onCap: (cap, variants) => this.here(() => planner.onCap(cap, variants)),
      onVariants: (variants) => this.here(() => planner.onVariants(variants)),
      setRates: (telemetry) => this.here(() => planner.setRates(telemetry)),
      replan: () => this.here(() => planner.replan()),
      keep: (plan) => this.here(() => planner.keep(plan)),
      drop: (plan) => this.here(() => planner.drop(plan)),
    };
  }

  selector(selector: LoopBoxes['selector']): LoopBoxes['selector'] {
    return {
      onViolated: (violated) => this.here(() => selector.onViolated(violated)),
      onTelemetry: (telemetry) => this.here(() => selector.onTelemetry(telemetry)),
    };
  }

  /** A control period has its plan. */
  decided(): void {
    this.elapsedMs.push(this.sinceLast.elapsedMs);
    this.mainThreadMs.push(this.sinceLast.mainThreadMs);
    this.sinceLast = { elapsedMs: 0, mainThreadMs: 0 };
  }

  /** Forgets what was timed so far. */
  restart(): void {
    this.elapsedMs.length = this.mainThreadMs.length = 0;
    this.sinceLast = { elapsedMs: 0, mainThreadMs: 0 };
  }

  get figures(): DecisionFigures {
    return {
      decisions: this.elapsedMs.length,
      elapsedMs: quantilesOf(this.elapsedMs),
      mainThreadMs: quantilesOf(this.mainThreadMs),
    };
  }

  /** What a call takes until it answers or begins to wait. */
  private here<Result>(call: () => Result): Result {
    const beganMs = performance.now();
    try {
      return call();
    } finally {
      this.sinceLast.mainThreadMs += performance.now() - beganMs;
    }
  }
}

function quantilesOf(values: readonly number[]): { p50: number; p95: number } | null {
  const [p50, p95] = [quantile(values, 0.5), quantile(values, 0.95)];
  return p50 === null || p95 === null ? null : { p50, p95 };
}
