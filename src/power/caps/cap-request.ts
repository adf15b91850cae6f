import type { Enforcement, OperatingPoint } from '../../signals/device';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { hardwareActuatorNames, type HardwareActuatorName } from '../actuators/hardware-actuator';

/**
 * `auto` is what suits the device: quotas or pacing on this machine, the simulator on a simulated one; with `apply` the best
 * hardware there is. `none` only computes.
 */
export const actuatorChoices = ['auto', 'software', 'simulated', 'none', ...hardwareActuatorNames] as const;
export type ActuatorChoice = (typeof actuatorChoices)[number];

export const isHardware = (choice: ActuatorChoice): choice is HardwareActuatorName =>
  (hardwareActuatorNames as readonly string[]).includes(choice);

export interface CapRequest {
  readonly actuator?: ActuatorChoice;
  /** True: hardware may really be changed. Otherwise a hardware actuator only tells what it would do. */
  readonly apply?: boolean;
  /** Share of the cap that is kept free as long as only the model speaks, 0 to 0.5. */
  readonly guardBand?: number;
  /** Who asks. Each holder has one cap on the device, the strictest of all is in force, and only its holder can release it. */
  readonly holder?: object;
}

export interface AppliedCap {
  /**
   * The cap in force: that of the call, or a stricter one that another holder has set. Of calls of one holder that wait for
   * each other the last one counts, and all get its answer.
   */
  readonly capW: number;
  /** In force after read-back. */
  readonly operatingPoint: OperatingPoint;
  /** `none` also when even the lowest operating point can draw more than the cap. */
  readonly enforced: Enforcement;
  /** True when idle alone exceeds the cap. */
  readonly capUnreachable: boolean;
  /** In words: by which means, or why not. */
  readonly how: string;
  /** CAP_NOT_ENFORCEABLE or POWER_DENIED when something stood in the way; the hosts then run at full speed. */
  readonly problem: EcomapError | null;
}

/** What one holder asks for. */
export interface HeldCap {
  readonly capW: number;
  readonly actuator: Exclude<ActuatorChoice, 'none'>;
  readonly apply: boolean;
  readonly guardBand: number | null;
}

export type HeldCaps = ReadonlyMap<object, HeldCap>;

/** The lowest cap of all holders; the first of equals. */
export function strictestOf(caps: HeldCaps): HeldCap | null {
  let strictest: HeldCap | null = null;
  for (const cap of caps.values()) if (strictest === null || cap.capW < strictest.capW) strictest = cap;
  return strictest;
}

/** What stood in the way, as CAP_NOT_ENFORCEABLE or POWER_DENIED. */
export function asNotEnforceable(error: unknown): EcomapError {
  if (isEcomapError(error) && (error.code === 'CAP_NOT_ENFORCEABLE' || error.code === 'POWER_DENIED')) return error;
  return new EcomapError('CAP_NOT_ENFORCEABLE', `the power cap could not be put into force: ${messageOf(error)}`, {
    cause: error,
  });
}
