import { clockSpeed, fullLoadW, mostBusy, type InferenceDevice, type OperatingPoint } from '../../signals/device';
import type { PlannedCoLocation } from './co-location-plan';
import type { Judged } from './steadiness';

/** Fewer measurements under a quota say nothing of it. */
const leastMeasured = 3;

/** A device whose power cap can be held for a while. */
export interface CappedDevice extends Pick<InferenceDevice, 'operatingPoints'> {
  applyCap?(capW: number, request: { readonly holder: object }): Promise<unknown>;
  releaseCap?(holder: object): Promise<void>;
  /** True: its clocks may be changed for measurements, too. Absent: no, that is for the power cap to decide. */
  readonly mayChangeClocks?: boolean;
}

/**
 * The device's operating points at which a quota (or pauses) limits the time that components compute, fastest first; and those of slower
 * clocks where these may be changed.
 */
export function quotaPoints({
  operatingPoints,
  applyCap,
  releaseCap,
  mayChangeClocks = false,
}: CappedDevice): OperatingPoint[] {
  if (applyCap === undefined || releaseCap === undefined) return [];
  return operatingPoints.filter((point) =>
    point.limits === 'clock' ? mayChangeClocks && clockSpeed(point) < 1 : mostBusy(point) < 1,
  );
}

/** Puts quotas into force for measurements. Other holders of a cap may be stricter: what is in force is for the device to say. */
export class Quotas {
  private inForce: string | null = null;

  constructor(private readonly device: CappedDevice) {}

  /** @param name of the operating point to have in force; null: as others want it */
  async take(name: string | null): Promise<void> {
    if (name === this.inForce) return;
    const point = quotaPoints(this.device).find((known) => known.name === name) ?? null;
    // A cap of what it draws at most lets the device choose exactly this point, or a faster one of other clocks that draws no more.
    if (point !== null) await this.device.applyCap?.(fullLoadW(point), { holder: this });
    else if (this.inForce !== null) await this.device.releaseCap?.(this);
    this.inForce = point?.name ?? null;
  }

  release(): Promise<void> {
    return this.take(null);
  }
}

/**
 * Down to which share of the time, as quotas limit it, there are enough measurements that count; 1: none under a quota.
 */
export function leastBusyOf(
  plan: readonly PlannedCoLocation[],
  { good }: Pick<Judged, 'good'>,
  points: readonly OperatingPoint[],
): number {
  const shareOf = new Map(points.map((point) => [point.name, mostBusy(point)]));
  const busyOf = (planned: number): number => shareOf.get(plan[planned]?.quota ?? '') ?? 1;
  const shares = [...good].flatMap(([planned, { sample }]) => (sample === null ? [] : [busyOf(planned)]));
  const measured = shares.filter((share) => share < 1).sort((a, b) => a - b);
  return measured[leastMeasured - 1] ?? 1;
}
