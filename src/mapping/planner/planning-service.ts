import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../models/package-root';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { LearnedEstimator, type EstimatorIntervals } from '../estimator/learned/learned-estimator';
import type { NetworkRuns } from '../estimator/learned/network-runs';
import { readEstimator } from '../estimator/learned/read-estimator';
import type { PlanningAnswer } from '../rounds/answer';
import { AnalyticOnly, type Estimators } from '../rounds/estimators';
import type { PlanningQuestion } from '../rounds/question';
import { solveRound } from '../rounds/solve';
import { LearnedOrAnalytic } from './learned-or-analytic';
import { estimatorNames, type EstimatorName, type PlannerProblem, type WantedEstimator } from './protocol';

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

/**
 * Works rounds out with the best estimator there is: what calibration made, else the one that is shipped, else the analytic one.
 * One call after the other.
 */
export class PlanningService {
  private readonly shipped: string;
  private estimators: Estimators = new AnalyticOnly();
  private network: OpenNetwork | null = null;

  constructor(private readonly options: PlanningServiceOptions) {
    this.shipped = options.shipped ?? join(packageRoot(), 'models/estimator/estimator.onnx');
  }

  async setEstimator(wanted: WantedEstimator): Promise<EstimatorInForce> {
    const before = this.network;
    this.network = null;
    const problems: PlannerProblem[] = [];
    let name: EstimatorName | null = null;
    if (wanted.kind === 'calibrated') {
      const { model, intervals } = wanted.source;
      name = await this.tryToUse(model, intervals, 'calibrated', problems);
    }
    if (wanted.kind !== 'analytic') {
      name ??= await this.tryToUse({ path: this.shipped }, withoutIntervals, 'shipped', problems);
    }
    if (name === null) {
      const last = problems.at(-1);
      this.estimators = new AnalyticOnly(
        last === undefined
          ? []
          : [`predicted by the queueing model, as no learned estimator is at hand: ${last.message}`],
      );
    }
    await before?.close();
    return { name: name ?? estimatorNames.analytic, problems };
  }

  solve(question: PlanningQuestion): Promise<PlanningAnswer> {
    return solveRound(question, this.estimators);
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
      this.network = await this.options.open(bytes);
      const name = estimatorNames[kind];
      this.estimators = new LearnedOrAnalytic(new LearnedEstimator(this.network, intervals), name);
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

function unreadable(error: unknown): never {
  throw new EcomapError('MODEL_NOT_FOUND', `it cannot be read (${messageOf(error)}).`, { cause: error });
}
