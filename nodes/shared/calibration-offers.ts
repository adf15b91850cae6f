import type { DeviceCalibration } from '../../src/signals/calibration';
import { EcomapError } from '../../src/signals/errors';
import { isUnderWay } from './calibration-progress';

/** What a mapping-estimator, which knows the tenants, can do for its device. */
export interface CalibrationOffer {
  /** The mapping-estimator, as its user calls it. */
  readonly by: string;
  readonly tenants: readonly string[];
  /** Co-locations that it measures unless told otherwise. */
  readonly samples: number;
  readonly calibration: DeviceCalibration;
}

/** The calibrations that are on offer at a device, of which one runs at a time. */
export class CalibrationOffers {
  readonly #offers: CalibrationOffer[] = [];
  readonly #watchers = new Set<() => void>();

  /** Call the returned function when it can no longer be had. */
  announce(offer: CalibrationOffer): () => void {
    this.#offers.push(offer);
    let wasUnderWay = isUnderWay(offer.calibration.status());
    const deafen = offer.calibration.onChange((status) => {
      if (isUnderWay(status) === wasUnderWay) return;
      wasUnderWay = !wasUnderWay;
      this.#tell();
      if (status.phase === 'done') this.#spread(offer);
    });
    return () => {
      deafen();
      const at = this.#offers.indexOf(offer);
      if (at < 0) return;
      this.#offers.splice(at, 1);
      if (wasUnderWay) this.#tell();
    };
  }

  /** Whether any of them measures this device: whatever else is measured on it meanwhile is disturbed. */
  get isUnderWay(): boolean {
    return this.#offers.some(({ calibration }) => isUnderWay(calibration.status()));
  }

  /** Told when a calibration of this device has begun or ended; call the returned function to hear no more. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The one that runs, else one that waits to go on, else the first; null when no mapping-estimator uses the device. */
  current(): CalibrationOffer | null {
    const inPhase = (fits: (offer: CalibrationOffer) => boolean) => this.#offers.find(fits);
    return (
      inPhase(({ calibration }) => isUnderWay(calibration.status())) ??
      inPhase(({ calibration }) => calibration.status().phase === 'interrupted') ??
      this.#offers[0] ??
      null
    );
  }

  /**
   * @param samples absent: those of the offer, or of what was interrupted
   * @throws EcomapError INVALID_MESSAGE when another one runs: the two would disturb each other
   */
  start(offer: CalibrationOffer, samples?: number): void {
    const other = this.#offers.find((each) => each !== offer && isUnderWay(each.calibration.status()));
    if (other !== undefined) {
      throw new EcomapError(
        'INVALID_MESSAGE',
        `"${other.by}" is calibrating this device already: wait until it is done, or cancel it there`,
      );
    }
    offer.calibration.start(samples);
  }

  /** What one of them has learned of the device, all of them use. */
  #spread(from: CalibrationOffer): void {
    for (const { calibration } of this.#offers) if (calibration !== from.calibration) void calibration.catchUp();
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
