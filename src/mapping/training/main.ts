import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { estimatorOnnx } from '../estimator/learned/estimator-onnx';
import { readEstimator } from '../estimator/learned/read-estimator';
import { calibrate } from './calibration';
import { CalibrationState } from './calibration-state';
import { loadJax } from './jax';
import { calibrationJobSchema, type CalibrationJob, type TrainingMessage } from './protocol';
import { Trainer } from './trainer';

/**
 * Entry of the process that trains, for a training step blocks its thread. It gets one job over its channel, tells how it gets on,
 * and ends. It is cancelled by ending it: what is finished lies in the state file.
 */
function main(): void {
  if (process.send === undefined) {
    process.stderr.write('This is the training process of Ecomap: it is started by Node-RED, not by hand.\n');
    process.exit(2);
  }
  process.title = 'ecomap-training';
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.once('message', (message) => {
    run(message)
      .catch((error: unknown) =>
        tell({
          kind: 'failed',
          code: isEcomapError(error) ? error.code : 'INTERNAL_ERROR',
          message: messageOf(error),
        }),
      )
      .finally(() => process.disconnect());
  });
}

function tell(message: TrainingMessage): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}

async function run(message: unknown): Promise<void> {
  const parsed = calibrationJobSchema.safeParse(message);
  if (!parsed.success) throw new EcomapError('INVALID_MESSAGE', `No training job: ${describeIssues(parsed.error)}`);
  const job: CalibrationJob = parsed.data;
  const network = readEstimator(job.estimator);
  const state = job.stateFile === null ? null : new CalibrationState(job.stateFile, job);
  const { network: tuned, ...report } = await calibrate({
    network,
    tuner: new Trainer(await loadJax(), network),
    samples: job.samples,
    seed: job.seed,
    finished: (await state?.load()) ?? [],
    onFold: (finished) => state?.save(finished),
    onProgress: (progress) => void tell({ kind: 'progress', ...progress }),
  });
  await state?.clear();
  await tell({
    kind: 'done',
    report: { ...report, points: [...report.points] },
    estimator: report.kept ? estimatorOnnx(tuned) : null,
  });
}

main();
