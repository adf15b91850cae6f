import { fork } from 'node:child_process';
import { defaultHostEntry } from '../../inference/hosting/host-entry';
import { CostModelStore } from '../../mapping/operators/cost-model-store';
import { checkModelFile } from '../../models/onnx-file';
import { childProgram, type ChildProgram } from '../../models/child-program';
import { EcomapError } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import type { CostQuestion } from '../predicted-cost';
import { predictionAnswerSchema, type ModelledCost, type PredictionAnswer, type PredictionQuestion } from './protocol';

/** A model that takes longer is given up, ms. */
const limitMs = 60_000;

/** dist/prediction/cost-predictor.js of this package; from source the same, bundled on demand. */
const defaultProgram = (): ChildProgram =>
  childProgram('src/loop/prediction/main.ts', 'dist/prediction/cost-predictor.js', __filename);

export interface PredictedCosts {
  /** One per class of components; empty where nothing is known of this machine's operators. */
  readonly costs: readonly ModelledCost[];
  readonly warnings: readonly string[];
}

/**
 * Predicts what models cost on this machine by its operator costs, one at a time, each in a process of its own that is gone
 * afterwards. Where nothing was measured no process is started.
 */
export class CostPredictor {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly options: {
      /** Node-RED's user directory. */
      readonly stateDirectory: string;
      readonly deviceFingerprint: string;
      readonly program?: () => ChildProgram;
      readonly limitMs?: number;
    },
  ) {}

  /**
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, INPUT_MISMATCH, RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  predict(question: CostQuestion): Promise<PredictedCosts> {
    const predicted = this.tail.then(() => this.predictNow(question));
    this.tail = predicted.catch(() => undefined);
    return predicted;
  }

  private async predictNow({ path, sha256, dims }: CostQuestion): Promise<PredictedCosts> {
    const { stateDirectory, deviceFingerprint, program = defaultProgram } = this.options;
    await checkModelFile(path, sha256);
    const warnings: string[] = [];
    const known = await new CostModelStore(stateDirectory, (text) => warnings.push(text)).summariesOf(
      deviceFingerprint,
    );
    if (known.length === 0) return { costs: [], warnings };
    const { script, execArgv } = defaultHostEntry();
    const hostEntry = { script, execArgv: [...execArgv] };
    const question = { path, sha256, dims: dims && [...dims], deviceFingerprint, stateDirectory, hostEntry };
    const answer = await ask(program(), question, this.options.limitMs ?? limitMs);
    if (answer.kind === 'failed') throw new EcomapError(answer.code, answer.message);
    return { costs: answer.costs, warnings: answer.warnings };
  }
}

/** @throws EcomapError HOST_CRASHED when the process ends without an answer, or takes too long */
function ask(program: ChildProgram, question: PredictionQuestion, withinMs: number): Promise<PredictionAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(program.script, [], {
      execArgv: [...program.execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const end = (): void => {
      clearTimeout(watchdog);
      child.kill('SIGKILL');
    };
    const fail = (how: string): void => {
      end();
      reject(new EcomapError('HOST_CRASHED', `The process that predicts the cost of a model ${how}.`));
    };
    const watchdog = setTimeout(() => fail(`did not answer within ${withinMs / 1000} s`), withinMs);
    child.once('message', (message) => {
      end();
      const parsed = predictionAnswerSchema.safeParse(message);
      if (parsed.success) resolve(parsed.data);
      else fail(`answered what is no answer (${describeIssues(parsed.error)})`);
    });
    child.once('error', ({ message }) => fail(`could not be started or told anything (${message})`));
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
    // A channel that is closed already says so by the events above.
    child.send(question, () => undefined);
  });
}
