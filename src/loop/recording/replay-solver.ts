import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answerWithoutProcess, PlannerProcess } from '../../mapping/planner/planner-process';
import type { RoundSolver } from '../../mapping/rounds/answer';
import { AnalyticOnly } from '../../mapping/rounds/estimators';
import { solveRound } from '../../mapping/rounds/solve';
import { packageRoot } from '../../models/package-root';
import { EcomapError, messageOf } from '../../signals/errors';
import type { RecordedEstimator, RecordingHeader } from './header';
import type { StepInputs } from './step-inputs';

/** Nothing hurries a replay, and an answer that did not wait for the process would be another one. */
const patienceMs = 600_000;

/** SHA-256 of the estimator that is shipped, hex. @throws EcomapError MODEL_NOT_FOUND */
export async function shippedEstimatorSha256(): Promise<string> {
  const path = join(packageRoot(), 'models', 'estimator', 'estimator.onnx');
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new EcomapError('MODEL_NOT_FOUND', `The shipped estimator cannot be read: ${messageOf(error)}.`);
  });
  return createHash('sha256').update(bytes).digest('hex');
}

/** Options of the planner's process that make its answers depend on nothing but the questions. */
export function repeatable(evaluations: number): { effort: { evaluations: number }; roundLimitMs: number } & {
  startPatienceMs: number;
} {
  return { effort: { evaluations }, roundLimitMs: patienceMs, startPatienceMs: patienceMs };
}

export interface ClosableSolver extends RoundSolver {
  close(): Promise<void>;
}

/**
 * Works rounds out as they were when they were recorded: by the same estimator, with the same number of evaluations, and without the
 * process that plans where it was not there.
 * @throws EcomapError MODEL_HASH_MISMATCH when the estimator that is shipped is another one by now
 */
export async function replaySolver(
  { estimator, evaluations }: RecordingHeader['planning'],
  inputs: StepInputs,
  onProblem: (problem: string) => void,
): Promise<ClosableSolver> {
  await checkEstimator(estimator);
  const process =
    estimator.kind === 'shipped'
      ? new PlannerProcess({ ...repeatable(evaluations), onProblem: ({ message }) => onProblem(message) })
      : null;
  const analytic = new AnalyticOnly();
  return {
    solve: (question) => {
      const why = inputs.fallback(question.planId);
      if (why !== null) return answerWithoutProcess(question, why);
      return process?.solve(question) ?? solveRound(question, analytic, { evaluations });
    },
    close: () => process?.close() ?? Promise.resolve(),
  };
}

async function checkEstimator(estimator: RecordedEstimator): Promise<void> {
  if (estimator.kind !== 'shipped') return;
  const sha256 = await shippedEstimatorSha256();
  if (sha256 === estimator.sha256) return;
  throw new EcomapError(
    'MODEL_HASH_MISMATCH',
    `The day was planned with another learned estimator (sha256 ${estimator.sha256}) than the one of this package (${sha256}): ` +
      'replay it with the version of the package that recorded it.',
  );
}
