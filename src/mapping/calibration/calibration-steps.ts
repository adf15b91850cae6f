import { join } from 'node:path';
import type { CalibrationStatus } from '../../signals/calibration';
import type { CoLocationRunner } from '../../signals/co-location-run';
import type { InferenceDevice } from '../../signals/device';
import { messageOf } from '../../signals/errors';
import { calibrateInProcess } from '../training/training-process';
import type { Calibrated } from './calibrated-store';
import { planCoLocations, type PlannedCoLocation } from './co-location-plan';
import { keyOf, lastOf } from './last-calibration';
import { samplesToLearnFrom, summaryOf, trainingSetInTurns } from './learning';
import { measurePlan } from './measuring';
import type { CalibrationNetwork } from './networks';
import { leastBusyOf, quotaPoints, Quotas, type CappedDevice } from './quotas';
import type { SampleLog } from './sample-log';
import { recordsVersion, type BegunRecord } from './sample-records';
import { checkSteady, type Judged } from './steadiness';
import { TimeLeft } from './time-left';

/** Measures what is missing of each variant alone, and tells what is known of them. */
export type ProfileNetworks = (options: {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number; readonly what: string }) => void;
}) => Promise<readonly CalibrationNetwork[]>;

/** What a calibration learns with. */
export interface CalibrationStepsOptions {
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPointInForce' | 'fingerprint'> & CappedDevice;
  readonly profile: ProfileNetworks;
  readonly openRunner: () => CoLocationRunner;
  readonly shippedEstimator: () => Promise<Uint8Array>;
  /** Whether requests are answered on this device at the moment: they disturb measurements, and are disturbed. */
  readonly isServing?: () => boolean;
  /** Co-locations to measure unless somebody says otherwise. */
  readonly samples?: number;
  readonly seed?: number;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  readonly warn: (message: string) => void;
  /** Replaced in tests. */
  readonly train?: typeof calibrateInProcess;
}

export interface LearnedDevice {
  readonly calibrated: Calibrated;
  /** What it started from. */
  readonly basis: Uint8Array;
}

export const defaultSamples = 160;
/** The longest text of a status. */
export const longestText = 300;

export const nowOf = (clock: () => number): string => new Date(clock()).toISOString();

/** The steps of a calibration, one after the other: profiles, co-locations, training. */
export class CalibrationSteps {
  /**
   * @param directory where the training keeps its state
   * @param tell what the status says from now on
   */
  constructor(
    private readonly options: CalibrationStepsOptions,
    private readonly directory: string,
    private readonly tell: (change: Partial<CalibrationStatus>) => void,
  ) {}

  /**
   * @param onBegun called once the log holds this calibration
   * @throws EcomapError as the step that failed; the signal's reason
   */
  async run(
    log: SampleLog,
    asked: number | undefined,
    signal: AbortSignal,
    onBegun: () => void,
  ): Promise<LearnedDevice> {
    const { options } = this;
    const timeLeft = new TimeLeft();
    const networks = await this.profile(asked ?? options.samples ?? defaultSamples, timeLeft, signal);
    signal.throwIfAborted();
    const plan = await this.begin(networks, log, asked);
    onBegun();
    const judged = await this.measure(networks, plan, log, timeLeft, signal);
    signal.throwIfAborted();
    checkSteady(judged, plan.length);
    const learned = await this.learn(plan, judged, log, timeLeft, signal);
    signal.throwIfAborted();
    return learned;
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
    log: SampleLog,
    asked: number | undefined,
  ): Promise<PlannedCoLocation[]> {
    const { device, seed = 1 } = this.options;
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
        at: nowOf(this.options.clock ?? Date.now),
        plan: key,
        samples: plan.length,
      };
      const tried = log.records.filter(({ kind }) => kind === 'tried');
      await log.replace([...tried, begun]);
    }
    return plan;
  }

  private async measure(
    networks: readonly CalibrationNetwork[],
    plan: readonly PlannedCoLocation[],
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
        records: () => lastOf(log.records).records,
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
    log: SampleLog,
    timeLeft: TimeLeft,
    signal: AbortSignal,
  ): Promise<LearnedDevice> {
    const { shippedEstimator, train = calibrateInProcess, device, seed = 1, clock = Date.now } = this.options;
    const text = 'learning from what was measured';
    this.tell({ phase: 'training', done: 0, total: 0, secondsLeft: timeLeft.ofTraining, text });
    const basis = await shippedEstimator();
    const learned = samplesToLearnFrom(judged, log.records);
    const samples = await trainingSetInTurns(learned.samples);
    const stateFile = join(this.directory, 'training-state');
    const { report, estimator } = await train(
      { estimator: basis, samples, seed, stateFile },
      { signal, onProgress: ({ done, total, secondsLeft }) => this.tell({ done, total, secondsLeft }) },
    );
    const { powerSource } = learned;
    const parts = {
      deviceFingerprint: device.fingerprint,
      finishedAt: nowOf(clock),
      plan,
      judged,
      powerSource,
      report,
    };
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
