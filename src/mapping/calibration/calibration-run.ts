import { join } from 'node:path';
import type { CalibrationStatus, CalibrationSummary, DeviceCalibration } from '../../signals/calibration';
import type { CoLocationSample } from '../../signals/co-location';
import { asEcomapError, EcomapError, messageOf } from '../../signals/errors';
import type { Source } from '../../signals/quantities';
import type { Intervals } from '../estimator/intervals/interval-schema';
import { checkJaxInstalled } from '../training/jax-installed';
import { calibrationDirectory } from './calibrated-store';
import {
  CalibrationSteps,
  defaultSamples,
  longestText,
  nowOf,
  type CalibrationStepsOptions,
} from './calibration-steps';
import { lockDevice } from './device-lock';
import { EstimatorInUse, type EstimatorInUseOptions } from './estimator-in-use';
import { lastOf } from './last-calibration';
import { SampleLog } from './sample-log';
import { TimeLeft } from './time-left';

/** Everything is kept below `ecomap/calibration` in the state directory. */
export interface CalibrationRunOptions
  extends CalibrationStepsOptions, Omit<EstimatorInUseOptions, 'deviceFingerprint' | 'shippedEstimator' | 'warn'> {
  readonly checkTrainer?: () => void;
}

const idle: CalibrationStatus = {
  phase: 'idle',
  done: 0,
  total: 0,
  secondsLeft: null,
  text: '',
  code: null,
  summary: null,
};

/**
 * Learns one device: profiles its networks, measures co-locations of them, fine-tunes the shipped estimator on these in a process
 * of its own, and keeps the result where it is better on held-out workloads. Whatever was measured is on disk at once, so that
 * nothing but the measurement under way is lost with the process, and another start goes on there.
 */
export class CalibrationRun implements DeviceCalibration {
  /** Resolves when what earlier processes left is known; never rejects. */
  readonly ready: Promise<void>;
  private current: CalibrationStatus = idle;
  private readonly listeners = new Set<(status: CalibrationStatus) => void>();
  private readonly directory: string;
  private readonly inUse: EstimatorInUse;
  private readonly steps: CalibrationSteps;
  private log: SampleLog | null = null;
  private cancelling: AbortController | null = null;
  private running: Promise<void> | null = null;
  /** Whether the run under way has begun, or gone on with, the calibration in the log. */
  private hasBegun = false;
  private compacting: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly options: CalibrationRunOptions) {
    this.directory = calibrationDirectory(options.stateDirectory, options.device.fingerprint);
    this.inUse = new EstimatorInUse({ ...options, deviceFingerprint: options.device.fingerprint });
    this.steps = new CalibrationSteps(options, this.directory, (change) => this.tell(change));
    this.ready = this.recall();
  }

  start(samples?: number): void {
    if (this.running !== null || this.closed) return;
    const cancelling = new AbortController();
    this.cancelling = cancelling;
    this.running = this.ready
      .then(() => this.run(samples, cancelling.signal))
      .then((conclusion) => {
        // Whoever hears of the end may start again at once.
        this.running = null;
        this.cancelling = null;
        this.tell(conclusion);
      });
  }

  cancel(): void {
    this.cancelling?.abort(new EcomapError('CANCELLED', 'The calibration was cancelled.'));
  }

  status(): CalibrationStatus {
    return this.current;
  }

  onChange(listener: (status: CalibrationStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async catchUp(): Promise<void> {
    await this.ready;
    if (this.running !== null || this.closed) return;
    try {
      await this.log?.reload();
      // What is wrong with it was said by who wrote it, or when it was read first.
      const summary = await this.inUse.recall(() => undefined);
      if (this.running === null && !this.closed) this.tell(this.stateWith(summary));
    } catch (error) {
      this.options.warn(`What another calibration of this device has learned is not used: ${messageOf(error)}`);
    }
  }

  /** Intervals of what predicts here that were made anew in service: after a restart they are used again. */
  keepIntervals(intervals: Intervals): void {
    this.inUse.keepIntervals(intervals);
  }

  /** A plan that was tried for a moment, as it ran: the next calibration learns from it, too. Never rejects. */
  async learnFrom(sample: CoLocationSample, powerSource: Source): Promise<void> {
    await this.ready;
    try {
      await this.log?.append({ kind: 'tried', at: this.now(), sample, powerSource });
      await this.compact();
    } catch (error) {
      this.options.warn(`What a tried plan did could not be kept: ${messageOf(error)}`);
    }
  }

  /** Stops what is under way; another process can go on with it. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelling?.abort(new EcomapError('NODE_CLOSED', 'The calibration was stopped with its node.'));
    this.listeners.clear();
    await this.inUse.close();
    await this.ready;
    await this.running;
    await this.compacting?.catch(() => undefined);
  }

  private now(): string {
    return nowOf(this.options.clock ?? Date.now);
  }

  private async recall(): Promise<void> {
    const { warn } = this.options;
    const summary = await this.inUse.recall(warn);
    this.log = await SampleLog.open(join(this.directory, 'samples.jsonl'), warn);
    await this.compact().catch((error: unknown) => warn(messageOf(error)));
    this.tell(this.stateWith(summary));
  }

  /** What the log says of the last calibration, while none runs here. */
  private stateWith(summary: CalibrationSummary | null): Partial<CalibrationStatus> {
    const { begun, records, ended } = lastOf(this.log?.records ?? []);
    if (begun === null || ended !== null) {
      const secondsLeft = new TimeLeft().ofAll(this.options.samples ?? defaultSamples);
      return { ...idle, secondsLeft, summary };
    }
    const done = new Set(records.flatMap((record) => (record.kind === 'sample' ? [record.planned] : []))).size;
    const text = 'A calibration was interrupted: start it again to go on where it was.';
    return { ...idle, phase: 'interrupted', done, total: begun.samples, text, summary };
  }

  /** Writes the log anew where it has grown too long, unless a calibration is writing it. */
  private async compact(): Promise<void> {
    const { log } = this;
    if (log?.isOvergrown !== true || this.running !== null || this.closed) return;
    this.compacting ??= this.compactAlone(log).finally(() => (this.compacting = null));
    await this.compacting;
  }

  private async compactAlone(log: SampleLog): Promise<void> {
    const unlock = await lockDevice(this.directory);
    if (unlock === null) return;
    try {
      await log.reload();
      if (log.isOvergrown) await log.replace(log.records);
    } finally {
      await unlock();
    }
  }

  private tell(change: Partial<CalibrationStatus>): void {
    this.current = { ...this.current, ...change };
    for (const listener of [...this.listeners]) {
      try {
        listener(this.current);
      } catch (error) {
        this.options.warn(`Who listens to the calibration failed: ${messageOf(error)}`);
      }
    }
  }

  /** Never rejects. @returns how it ended */
  private async run(samples: number | undefined, signal: AbortSignal): Promise<Partial<CalibrationStatus>> {
    let unlock: (() => Promise<void>) | null = null;
    this.hasBegun = false;
    try {
      await this.compacting?.catch(() => undefined);
      signal.throwIfAborted();
      (this.options.checkTrainer ?? checkJaxInstalled)();
      unlock = await lockDevice(this.directory);
      if (unlock === null) {
        throw new EcomapError(
          'INVALID_CONFIG',
          'Another calibration of this device is under way: wait for it, or cancel it there.',
        );
      }
      // Another node or process may have calibrated this device since its log was opened here.
      await this.log?.reload();
      this.current = { ...this.current, summary: await this.inUse.recall(() => undefined) };
      const summary = await this.calibrate(samples, signal);
      return { phase: 'done', secondsLeft: 0, text: wordsOf(summary), code: null, summary };
    } catch (error) {
      return signal.aborted ? await this.concludeStopped(signal.reason) : concludeFailed(error);
    } finally {
      await unlock?.().catch((error: unknown) => this.options.warn(messageOf(error)));
    }
  }

  private async concludeStopped(reason: unknown): Promise<Partial<CalibrationStatus>> {
    const { code, message } = asEcomapError(reason);
    // Closed with its node it counts as interrupted; a person who cancels does not want to be asked again.
    if (code !== 'CANCELLED') return { phase: 'interrupted', secondsLeft: null, text: message, code: null };
    try {
      // Cancelled before that, the calibration in the log is an earlier one, which stays as it was.
      if (this.hasBegun && this.log !== null && lastOf(this.log.records).ended === null) {
        await this.log.append({ kind: 'ended', at: this.now(), outcome: 'cancelled' });
      }
    } catch (failure) {
      this.options.warn(`That the calibration was cancelled could not be kept: ${messageOf(failure)}`);
    }
    const text = 'Cancelled. What was measured is kept: start again to go on there.';
    return { phase: 'cancelled', secondsLeft: null, text, code: null };
  }

  private async calibrate(asked: number | undefined, signal: AbortSignal): Promise<CalibrationSummary> {
    const { log } = this;
    if (log === null) throw new EcomapError('INTERNAL_ERROR', 'There is no log of samples.');
    const { calibrated, basis } = await this.steps.run(log, asked, signal, () => {
      this.hasBegun = true;
    });
    await this.inUse.save(calibrated, basis);
    await log.append({ kind: 'ended', at: this.now(), outcome: 'done' });
    this.inUse.use(calibrated, basis);
    return calibrated.summary;
  }
}

function concludeFailed(error: unknown): Partial<CalibrationStatus> {
  const { code, message } = asEcomapError(error);
  return { phase: 'failed', secondsLeft: null, text: message.slice(0, 2 * longestText), code };
}

function wordsOf({ kept, reason, before, after }: CalibrationSummary): string {
  if (!kept) return reason ?? '';
  const [from, to] = [before.latencyMapePct.toFixed(1), after.latencyMapePct.toFixed(1)];
  return `The error of predicted latencies fell from ${from} % to ${to} % on workloads that were held out.`;
}
