import type { Enforcement, OperatingPoint, ThrottleTarget } from '../../signals/device';

export interface MeansOutcome {
  /** In force after read-back. */
  readonly operatingPoint: OperatingPoint;
  readonly enforced: Enforcement;
  readonly how: string;
  /** False when the device can draw more than the cap all the same. */
  readonly fits: boolean;
  readonly capUnreachable: boolean;
}

/** A way to hold a cap in watts. */
export interface CapMeans {
  /** What it offers, fastest first. */
  readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  readonly enforced: Enforcement;
  /** In words. */
  how(): string;
  /** @throws EcomapError CAP_NOT_ENFORCEABLE, POWER_DENIED: then `release` has to follow */
  hold(capW: number): Promise<MeansOutcome>;
  /** Brings a host that came later under the cap. @throws EcomapError CAP_NOT_ENFORCEABLE */
  admit(target: ThrottleTarget): Promise<void>;
  /** Back to what was before. */
  release(): Promise<void>;
}
