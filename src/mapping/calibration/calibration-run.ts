import { join } from 'node:path';
import type { CalibrationStatus, CalibrationSummary, DeviceCalibration } from '../../signals/calibration';
import type { CoLocationSample } from '../../signals/co-location';
import type { CoLocationRunner } from '../../signals/co-location-run';
import type { InferenceDevice } from '../../signals/device';
import { asEcomapError, EcomapError, messageOf } from '../../signals/errors';
import type { Source } from '../../signals/quantities';
import type { Intervals } from '../estimator/intervals/interval-schema';
import { checkJaxInstalled } from '../training/jax-installed';
import { calibrateInProcess } from '../training/training-process';
import { calibrationDirectory, type Calibrated } from './calibrated-store';
import { planCoLocations, type PlannedCoLocation } from './co-location-plan';
import { lockDevice } from './device-lock';
import { EstimatorInUse, type EstimatorInUseOptions } from './estimator-in-use';
import { leastBusyOf, quotaPoints, Quotas, type CappedDevice } from './quotas';
import { samplesToLearnFrom, summaryOf, trainingSetInTurns } from './learning';
import { measurePlan } from './measuring';
import { keyOf, lastOf } from './last-calibration';
import type { CalibrationNetwork } from './networks';
import { SampleLog } from './sample-log';
import { recordsVersion, type BegunRecord, type CalibrationRecord } from './sample-records';
import { checkSteady, type Judged } from './steadiness';
import { TimeLeft } from './time-left';

/** Measures what is missing of each variant alone, and tells what is known of them. */
export type ProfileNetworks = (options: {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number; readonly what: string }) => void;
}) => Promise<readonly CalibrationNetwork[]>;

/** Everything is kept below `ecomap/calibration` in the state directory. */
export interface CalibrationRunOptions extends Omit<EstimatorInUseOptions, 'deviceFingerprint'> {
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPointInForce' | 'fingerprint'> & CappedDevice;
  readonly profile: ProfileNetworks;
  readonly openRunner: () => CoLocationRunner;
  /** Whether requests are answered on this device at the moment: they disturb measurements, and are disturbed. */
  readonly isServing?: () => boolean;
  /** Co-locations to measure unless somebody says otherwise. */
  readonly samples?: number;
  readonly seed?: number;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Replaced in tests. */
  readonly train?: typeof calibrateInProcess;
  readonly checkTrainer?: () => void;
}

const defaultSamples = 160;
/** The longest text of a status. */
const longestText = 300;

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
    return new Date((this.options.clock ?? Date.now)()).toISOString();
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
    const { options } = this;
    const timeLeft = new TimeLeft();
    const networks = await this.profile(asked ?? options.samples ?? defaultSamples, timeLeft, signal);
    signal.throwIfAborted();
    const { plan, records, log } = await this.begin(networks, asked);
    this.hasBegun = true;
    const judged = await this.measure(networks, plan, records, log, timeLeft, signal);
    signal.throwIfAborted();
    checkSteady(judged, plan.length);
    const { calibrated, basis } = await this.learn(plan, judged, timeLeft, signal);
    signal.throwIfAborted();
    await this.inUse.save(calibrated, basis);
    await log.append({ kind: 'ended', at: this.now(), outcome: 'done' });
    this.inUse.use(calibrated, basis);
    return calibrated.summary;
  }

  private async profile(
    samples: number,
    timeLeft: TimeLeft,
    signal: AbortSignal,
  ): Promise<readonly CalibrationNetwork[]> {
    timeLeft.begin();
    this.tell({
      phase: 'profiling',
      done: 0,
      total: 0,
      secondsLeft: null,
      text: this.words('measuring what each variant costs alone'),
      code: null,
    });
    let known = 0;
    return this.options.profile({
      signal,
      onProgress: ({ done, total, what }) => {
        // What was known already says nothing of how long the rest takes.
        if (known === 0) timeLeft.begin((known = done));
        const secondsLeft = timeLeft.ofProfiling(done, total, samples);
        this.tell({ phase: 'profiling', done, total, secondsLeft, text: this.words(what) });
      },
    });
  }

  /** Goes on with the calibration in the log where it is the same and not done, else begins another. */
  private async begin(
    networks: readonly CalibrationNetwork[],
    asked: number | undefined,
  ): Promise<{ plan: PlannedCoLocation[]; records: () => readonly CalibrationRecord[]; log: SampleLog }> {
    const { log } = this;
    const { device, seed = 1 } = this.options;
    if (log === null) throw new EcomapError('INTERNAL_ERROR', 'There is no log of samples.');
    const last = lastOf(log.records);
    const isOpen = last.begun !== null && last.ended !== 'done';
    const samples = asked ?? (isOpen ? last.begun?.samples : undefined) ?? this.options.samples ?? defaultSamples;
    const quotas = quotaPoints(device).map(({ name }) => name);
    const plan = planCoLocations(networks, device.components.length, samples, seed, quotas);
    const key = keyOf(networks, device, samples, seed, quotas);
    if (!isOpen || last.begun?.plan !== key) {
      const begun: BegunRecord = {
        kind: 'begun',
        version: recordsVersion,
        at: this.now(),
        plan: key,
        samples: plan.length,
      };
      const tried = log.records.filter(({ kind }) => kind === 'tried');
      await log.replace([...tried, begun]);
    }
    return { plan, log, records: () => lastOf(log.records).records };
  }

  private async measure(
    networks: readonly CalibrationNetwork[],
    plan: readonly PlannedCoLocation[],
    records: () => readonly CalibrationRecord[],
    log: SampleLog,
    timeLeft: TimeLeft,
    signal: AbortSignal,
  ): Promise<Judged> {
    const { device, openRunner, warn, clock = Date.now } = this.options;
    timeLeft.begin();
    this.tell({ phase: 'measuring', done: 0, total: plan.length, text: this.words('starting') });
    const runner = openRunner();
    let closing: Promise<void> | null = null;
    const close = (): Promise<void> =>
      (closing ??= runner
        .close()
        .catch((error: unknown) =>
          warn(`The hosts of the calibration did not end as they should: ${messageOf(error)}`),
        ));
    const stop = (): void => void close();
    signal.addEventListener('abort', stop);
    try {
      return await measurePlan({
        plan,
        networks,
        device,
        runner,
        quotas: new Quotas(device),
        log,
        records,
        clock,
        signal,
        warn,
        onProgress: ({ done, total, text }) =>
          this.tell({ done, total, secondsLeft: timeLeft.ofMeasuring(done, total), text: this.words(text) }),
      });
    } finally {
      signal.removeEventListener('abort', stop);
      await close();
    }
  }

  private async learn(
    plan: readonly PlannedCoLocation[],
    judged: Judged,
    timeLeft: TimeLeft,
    signal: AbortSignal,
  ): Promise<{ calibrated: Calibrated; basis: Uint8Array }> {
    const { shippedEstimator, train = calibrateInProcess, device, seed = 1 } = this.options;
    const text = 'learning from what was measured';
    this.tell({ phase: 'training', done: 0, total: 0, secondsLeft: timeLeft.ofTraining, text });
    const basis = await shippedEstimator();
    const learned = samplesToLearnFrom(judged, this.log?.records ?? []);
    const samples = await trainingSetInTurns(learned.samples);
    const stateFile = join(this.directory, 'training-state');
    const { report, estimator } = await train(
      { estimator: basis, samples, seed, stateFile },
      { signal, onProgress: ({ done, total, secondsLeft }) => this.tell({ done, total, secondsLeft }) },
    );
    const { powerSource } = learned;
    const parts = { deviceFingerprint: device.fingerprint, finishedAt: this.now(), plan, judged, powerSource, report };
    const leastBusy = leastBusyOf(plan, judged, quotaPoints(device));
    const intervals = { ...report.intervals, leastBusy };
    return { calibrated: { estimator, intervals, summary: summaryOf(parts) }, basis };
  }

  /** What is done, and what disturbs it. */
  private words(text: string): string {
    const short = text.length > longestText ? `${text.slice(0, longestText)}...` : text;
    const serving = this.options.isServing?.() === true;
    return serving ? `${short} (requests are being answered meanwhile, which disturbs the measurement)` : short;
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
