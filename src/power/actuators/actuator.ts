import type { Enforcement, OperatingPoint, ThrottleTarget } from '../../signals/device';

/** Puts an operating point into force, and proves it by reading back. */
export interface Actuator {
  readonly kind: 'software' | 'simulated';
  /** What its caps are worth. */
  readonly enforced: Enforcement;
  /** In words: by which means, e.g. `CPU quota (cgroup v1, 20 ms period)`. */
  how(): string;
  /**
   * Applies the point to all hosts.
   * @returns the point in force after read-back
   * @throws EcomapError CAP_NOT_ENFORCEABLE with what to do
   */
  apply(point: OperatingPoint): Promise<OperatingPoint>;
  /** The point in force; null when none was applied. @throws EcomapError CAP_NOT_ENFORCEABLE when it is no longer so. */
  readBack(): Promise<OperatingPoint | null>;
  /** Brings a host that came later under the point in force. @throws EcomapError CAP_NOT_ENFORCEABLE */
  admit(target: ThrottleTarget): Promise<void>;
  /** Back to full speed; leaves nothing behind. */
  release(): Promise<void>;
}

/** The hosts that are there right now; the device keeps it. */
export type Targets = ReadonlySet<ThrottleTarget>;

/** Read back within this of what was asked counts as the same share. */
export const shareTolerance = 0.02;
