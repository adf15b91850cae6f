import type { CalibrationSummary } from '../../signals/calibration';
import type { Intervals } from '../estimator/intervals/interval-schema';
import { calibrationDirectory, loadCalibrated, saveCalibrated, sha256Of, type Calibrated } from './calibrated-store';
import { RefreshedIntervals, type IntervalsOf } from './refreshed-intervals';

export interface EstimatorInUseOptions {
  /** Node-RED's user directory. */
  readonly stateDirectory: string;
  readonly deviceFingerprint: string;
  /** The estimator that every calibration begins with, an ONNX file. */
  readonly shippedEstimator: () => Promise<Uint8Array>;
  readonly warn: (text: string) => void;
  /** Told when an estimator (or intervals of the shipped one) is to be used from now on; at the start, what was learned before. */
  readonly onCalibrated?: (calibrated: Calibrated) => void;
  /** Told at the start where nothing was calibrated, but the intervals of the shipped estimator were made anew in service. */
  readonly onRefreshed?: (intervals: Intervals) => void;
}

/** What predicts on a device by what was learned of it: on disk, and as whoever plans with it is told. */
export class EstimatorInUse {
  private readonly refreshed: RefreshedIntervals;
  /** Null as long as nobody knows. */
  private current: IntervalsOf | null = null;
  private keeping: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: EstimatorInUseOptions) {
    const { stateDirectory, deviceFingerprint, warn } = options;
    this.refreshed = new RefreshedIntervals(calibrationDirectory(stateDirectory, deviceFingerprint), warn);
  }

  /**
   * Tells what was learned last, by whatever node or process, where it is not in use already. Never rejects.
   * @param warn hears why what is there cannot be used
   * @returns what its calibration found; null without one
   */
  async recall(warn: (text: string) => void): Promise<CalibrationSummary | null> {
    const { stateDirectory, deviceFingerprint, shippedEstimator } = this.options;
    // Without it a calibration would fail and say so; what was learned before still serves.
    const shipped = await shippedEstimator().catch(() => undefined);
    const calibrated = await loadCalibrated(stateDirectory, deviceFingerprint, { warn, ...(shipped && { shipped }) });
    const summary = calibrated?.summary ?? null;
    const estimator = calibrated?.estimator ?? shipped;
    const found = estimator === undefined ? null : intervalsOf(estimator, summary);
    const refreshed = found === null ? null : await this.refreshed.load(found);
    const isKnown =
      found?.estimatorSha256 === this.current?.estimatorSha256 && found?.calibratedAt === this.current?.calibratedAt;
    this.current = found;
    if (isKnown || this.closed) return summary;
    if (calibrated !== null)
      this.options.onCalibrated?.({ ...calibrated, intervals: refreshed ?? calibrated.intervals });
    else if (refreshed !== null) this.options.onRefreshed?.(refreshed);
    return summary;
  }

  /**
   * Keeps what a calibration has learned; intervals that were made anew before say nothing any more.
   * @param basis the estimator that it began with
   * @throws the file system's error; what was kept before then stays
   */
  async save(calibrated: Calibrated, basis: Uint8Array): Promise<void> {
    await saveCalibrated(this.options.stateDirectory, { ...calibrated, basis });
    await this.refreshed.forget();
  }

  /** Tells that it is to be used from now on. */
  use(calibrated: Calibrated, basis: Uint8Array): void {
    this.current = intervalsOf(calibrated.estimator ?? basis, calibrated.summary);
    this.options.onCalibrated?.(calibrated);
  }

  /** Intervals of what predicts here that were made anew in service: the next start goes on with them. */
  keepIntervals(intervals: Intervals): void {
    if (this.current === null || this.closed) return;
    this.keeping = this.refreshed.save(this.current, intervals);
  }

  /** Tells nothing more, and ends what it is writing. */
  async close(): Promise<void> {
    this.closed = true;
    await this.keeping;
  }
}

const intervalsOf = (estimator: Uint8Array, summary: CalibrationSummary | null): IntervalsOf => ({
  estimatorSha256: sha256Of(estimator),
  calibratedAt: summary?.finishedAt ?? null,
});
