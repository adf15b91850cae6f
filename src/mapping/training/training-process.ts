import { fork } from 'node:child_process';
import { constants } from 'node:os';
import { childProgram, type ChildProgram } from '../../models/child-program';
import { lowerPriority } from '../../models/lower-priority';
import { EcomapError } from '../../signals/errors';
import type { CalibrationProgress } from './calibration';
import { trainingMessageSchema, type CalibrationJob, type CalibrationReport } from './protocol';

/** dist/training/estimator-trainer.js of this package; from source the same, bundled on demand. */
export function defaultTrainingProgram(file: string = __filename): ChildProgram {
  return childProgram('src/mapping/training/main.ts', 'dist/training/estimator-trainer.js', file);
}

export interface CalibrationOutcome {
  readonly report: CalibrationReport;
  /** The calibrated estimator as an ONNX file; null where the one in force stays. */
  readonly estimator: Uint8Array | null;
}

export interface TrainingProcessOptions {
  readonly onProgress?: (progress: CalibrationProgress) => void;
  /** Ends the process at once; with a state file a later calibration of the same samples goes on where it stopped. */
  readonly signal?: AbortSignal;
  readonly program?: ChildProgram;
}

/** Of what the process says on stderr, this much is kept for its obituary. */
const keptCharacters = 2000;

/**
 * Calibrates in a process of its own, at low priority: serving goes first.
 * @throws EcomapError RUNTIME_UNAVAILABLE where the training library is missing, INVALID_CONFIG with too few workloads,
 * MODEL_INVALID for an estimator that cannot be read, HOST_CRASHED when the process dies; the signal's reason when aborted
 */
export function calibrateInProcess(
  job: Omit<CalibrationJob, 'kind'>,
  { onProgress, signal, program = defaultTrainingProgram() }: TrainingProcessOptions = {},
): Promise<CalibrationOutcome> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = fork(program.script, [], {
      execArgv: [...program.execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    if (child.pid !== undefined) lowerPriority(child.pid, constants.priority.PRIORITY_LOW);
    let said = '';
    let settled = false;
    const settle = (action: () => void): void => {
      if (settled) return;
      settled = true;
      signal?.removeEventListener('abort', abort);
      action();
    };
    const abort = (): void => {
      child.kill('SIGKILL');
      settle(() => reject(signal?.reason));
    };
    signal?.addEventListener('abort', abort);
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-keptCharacters);
    });
    child.on('message', (message) => {
      const parsed = trainingMessageSchema.safeParse(message);
      if (!parsed.success) return;
      const told = parsed.data;
      if (told.kind === 'progress') onProgress?.(told);
      else if (told.kind === 'done') settle(() => resolve({ report: told.report, estimator: told.estimator }));
      else settle(() => reject(new EcomapError(told.code, told.message)));
    });
    const died = (how: string): void =>
      settle(() =>
        reject(
          new EcomapError(
            'HOST_CRASHED',
            `The training process ${how}; the estimator in force stays. ${said.trim().split('\n').at(-1) ?? ''}`.trim(),
          ),
        ),
      );
    child.on('error', (error) => died(`could not be started (${error.message})`));
    child.on('exit', (code, ending) => {
      const how = ending === null ? `ended with exit code ${code}` : `was ended by ${ending}`;
      // What it said last may still be on its way.
      if (child.connected) child.once('disconnect', () => died(how));
      else setImmediate(() => died(how));
    });
    // To start a process and to hand it a job of some hundred kilobytes each stop this process for some milliseconds: one at a time.
    child.once('spawn', () => {
      setImmediate(() => {
        if (settled) return;
        child.send({ kind: 'calibrate', ...job }, (error) => {
          if (error !== null) died(`did not take the job (${error.message})`);
        });
      });
    });
  });
}
