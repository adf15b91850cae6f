import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../models/package-root';
import type { CoLocationSample } from '../../signals/co-location';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import type { Intervals } from '../estimator/intervals/interval-schema';
import { LearnedEstimator, type EstimatorIntervals } from '../estimator/learned/learned-estimator';
import type { NetworkRuns } from '../estimator/learned/network-runs';
import { readEstimator } from '../estimator/learned/read-estimator';
import type { PlanningAnswer } from '../rounds/answer';
import { AnalyticOnly, type Estimators } from '../rounds/estimators';
import type { PlanningQuestion } from '../rounds/question';
import { ownThreadEffort, solveRound, type Effort } from '../rounds/solve';
import { LearnedOrAnalytic } from './learned-or-analytic';
import {
  estimatorNames,
  type Coverage,
  type EstimatorName,
  type PlannerProblem,
  type WantedEstimator,
} from './protocol';
import { WatchedIntervals } from './watched-intervals';

/** A network that runs and can be given back. */
export interface OpenNetwork extends NetworkRuns {
  close(): Promise<void>;
}

export interface PlanningServiceOptions {
  /** @throws EcomapError RUNTIME_UNAVAILABLE, MODEL_INVALID */
  readonly open: (model: Uint8Array) => Promise<OpenNetwork>;
  /** File of the estimator that is shipped. */
  readonly shipped?: string;
}

export interface EstimatorInForce {
  readonly name: EstimatorName;
  /** Why it is not the one that was wanted; empty when it is. */
  readonly problems: readonly PlannerProblem[];
}

const withoutIntervals: EstimatorIntervals = { latency: null, lnPowerMargin: null };

/** A learned estimator that rounds are worked out with. */
interface InForce {
  readonly network: OpenNetwork;
  readonly name: EstimatorName;
  readonly watched: WatchedIntervals;
}

/**
 * Works rounds out with the best estimator there is: what calibration made, else the one that is shipped, else the analytic one.
 * One call after the other.
 */
export class PlanningService {
  private readonly shipped: string;
  private estimators: Estimators = new AnalyticOnly();
  private inForce: InForce | null = null;

  constructor(private readonly options: PlanningServiceOptions) {
    this.shipped = options.shipped ?? join(packageRoot(), 'models/estimator/estimator.onnx');
  }

  async setEstimator(wanted: WantedEstimator): Promise<EstimatorInForce> {
    const before = this.inForce;
    this.inForce = null;
    const problems: PlannerProblem[] = [];
    let name: EstimatorName | null = null;
    if (wanted.kind === 'calibrated') {
      const { model, intervals } = wanted.source;
      name = await this.tryToUse(model, intervals, 'calibrated', problems);
    }
    if (wanted.kind !== 'analytic') {
      name ??= await this.tryToUse({ path: this.shipped }, intervalsOfShipped(wanted), 'shipped', problems);
    }
    if (name === null) {
      const last = problems.at(-1);
      this.estimators = new AnalyticOnly(
        last === undefined
          ? []
          : [`predicted by the queueing model, as no learned estimator is at hand: ${last.message}`],
      );
    }
    await before?.network.close();
    return { name: name ?? estimatorNames.analytic, problems };
  }

  solve(question: PlanningQuestion, effort: Effort = ownThreadEffort): Promise<PlanningAnswer> {
    return solveRound(question, this.estimators, effort);
  }

  /**
   * Holds the intervals to what a plan did.
   * @param powerCounts the power is known in the same way as when its bound was calibrated
   * @returns how they fare; null while no learned estimator is in force, or where it cannot judge what was measured
   */
  async observe(
    sample: CoLocationSample,
    powerCounts: boolean,
  ): Promise<{ coverage: Coverage; intervals: Intervals | null } | null> {
    const { inForce } = this;
    if (inForce === null) return null;
    const outcome = await inForce.watched.observe(sample, powerCounts);
    if (outcome?.refreshed === true) this.use(inForce);
    return outcome === null
      ? null
      : { coverage: outcome.coverage, intervals: outcome.refreshed ? inForce.watched.intervals : null };
  }

  private use({ network, name, watched }: InForce): void {
    this.estimators = new LearnedOrAnalytic(new LearnedEstimator(network, watched.intervals), name);
  }

  private async tryToUse(
    model: { readonly path: string } | { readonly bytes: Uint8Array },
    intervals: EstimatorIntervals,
    kind: 'calibrated' | 'shipped',
    problems: PlannerProblem[],
  ): Promise<EstimatorName | null> {
    try {
      const bytes = 'bytes' in model ? model.bytes : await readFile(model.path).catch(unreadable);
      // The runtime would take a network that was trained with other features, too.
      readEstimator(bytes);
      const network = await this.options.open(bytes);
      const name = estimatorNames[kind];
      this.inForce = { network, name, watched: new WatchedIntervals(network, intervals) };
      this.use(this.inForce);
      return name;
    } catch (error) {
      const what = kind === 'calibrated' ? 'The calibrated estimator is not used' : 'The shipped estimator is not used';
      problems.push({
        code: isEcomapError(error) ? error.code : 'MODEL_INVALID',
        message: `${what}: ${messageOf(error)}`,
      });
      return null;
    }
  }
}

const intervalsOfShipped = (wanted: WantedEstimator): EstimatorIntervals =>
  (wanted.kind === 'shipped' ? wanted.intervals : undefined) ?? withoutIntervals;

function unreadable(error: unknown): never {
  throw new EcomapError('MODEL_NOT_FOUND', `it cannot be read (${messageOf(error)}).`, { cause: error });
}
