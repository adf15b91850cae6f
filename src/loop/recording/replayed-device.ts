import type { CappedDevice } from '../../power/power-cap';
import type { AppliedCap } from '../../power/caps/cap-request';
import { chooseOperatingPoint } from '../../power/operating-points';
import type { Component, OperatingPoint } from '../../signals/device';
import { EcomapError } from '../../signals/errors';
import type { PowerReading } from '../../signals/quantities';
import type { RecordingHeader } from './header';
import type { StepInputs } from './step-inputs';

/**
 * The device of a recording: answers caps and readings of power as it did then. To a cap that was not asked for then it gives what its
 * operating points allow; that the cap differs is seen anyway.
 */
export class ReplayedDevice implements CappedDevice {
  readonly components: readonly Component[];
  readonly fingerprint: string;
  readonly capRange: { readonly minimumW: number; readonly maximumW: number };
  private points: readonly [OperatingPoint, ...OperatingPoint[]];
  private inForce: OperatingPoint;
  private readers = 0;

  constructor(
    header: Pick<RecordingHeader, 'device' | 'operatingPoint' | 'capRange'>,
    private readonly inputs: StepInputs,
  ) {
    const { device, operatingPoint, capRange } = header;
    this.components = device.components;
    this.fingerprint = device.fingerprint;
    this.capRange = capRange;
    this.points = someOf(device.operatingPoints);
    this.inForce = operatingPoint;
  }

  get operatingPoints(): readonly [OperatingPoint, ...OperatingPoint[]] {
    return this.points;
  }

  operatingPointInForce(): OperatingPoint {
    return this.inForce;
  }

  capRangeFor(): Promise<ReplayedDevice['capRange']> {
    return Promise.resolve(this.capRange);
  }

  checkActuator(): void {
    // Only what was possible was recorded.
  }

  releaseCap(): Promise<void> {
    return Promise.resolve();
  }

  applyCap(askedW: number): Promise<AppliedCap> {
    const answer = this.inputs.applied(askedW);
    if (answer === null) {
      const { point, fits, capUnreachable } = chooseOperatingPoint(this.points, askedW);
      this.inForce = point;
      const enforced = fits ? 'simulated' : 'none';
      const how = 'not what was asked of the device when it was recorded: by its operating points';
      return Promise.resolve({ capW: askedW, operatingPoint: point, enforced, capUnreachable, how, problem: null });
    }
    const { capW, operatingPoint, enforced, capUnreachable, how, problem, operatingPoints } = answer;
    if (operatingPoints !== undefined) this.points = someOf(operatingPoints);
    this.inForce = operatingPoint;
    return Promise.resolve({
      capW,
      operatingPoint,
      enforced,
      capUnreachable,
      how,
      problem: problem === null ? null : new EcomapError(problem.code, problem.message),
    });
  }

  openReader(): { readPower(): PowerReading } {
    const reader = this.readers;
    this.readers += 1;
    let last: PowerReading = { powerW: null, source: 'modelled', scope: 'package' };
    return { readPower: () => (last = this.inputs.power(reader) ?? last) };
  }
}

/** @throws EcomapError RECORDING_INVALID when there is none */
function someOf([first, ...others]: readonly OperatingPoint[]): readonly [OperatingPoint, ...OperatingPoint[]] {
  if (first === undefined) throw new EcomapError('RECORDING_INVALID', 'The recorded device has no operating point.');
  return [first, ...others];
}
