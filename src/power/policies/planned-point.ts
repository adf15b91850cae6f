import type { OperatingPoint } from '../../signals/device';
import { fullLoadW } from '../../signals/device';
import type { Plan } from '../../signals/plan';
import { formatW } from './policy';

/** A slower point, or less power at the same one, is asked for only after plans have wanted it for so long, ms; more at once. */
const fallAfterMs = 60_000;
/** On a device that holds the cap by measuring, the predicted power gets so much room. */
const measuredRoom = 1.05;

/**
 * The operating point that plans ask for, as the cap that puts it into force: the one that does the work on offer with least
 * energy, idle included. Plans follow the requests, so it rises at once and falls only after a while.
 */
export class PlannedPoint {
  private asked: { readonly name: string; readonly capW: number; readonly speed: number } | null = null;
  private fallingSinceMs: number | null = null;

  /**
   * Takes a plan; true when the cap changes.
   * @param measured the device holds caps by what it measures, not by points
   * @param leastChangeW smaller changes at the same point are ignored, W
   */
  take(plan: Plan, points: readonly OperatingPoint[], measured: boolean, nowMs: number, leastChangeW = 0): boolean {
    const point = points.find(({ name }) => name === plan.operatingPoint.name);
    if (point === undefined) return false;
    const capW = measured ? plan.powerW.upper * measuredRoom : fullLoadW(point);
    const next = { name: point.name, capW, speed: point.speed };
    const before = this.asked;
    const risesW = before === null ? Infinity : next.capW - before.capW;
    const isSame = next.name === before?.name;
    // The load of a point goes up and down, and with it what it draws.
    if (isSame && Math.abs(risesW) <= leastChangeW) {
      this.fallingSinceMs = null;
      return false;
    }
    if (before !== null && risesW <= leastChangeW && (isSame || next.speed < before.speed)) {
      this.fallingSinceMs ??= nowMs;
      if (nowMs - this.fallingSinceMs < fallAfterMs) return false;
    }
    this.fallingSinceMs = null;
    this.asked = next;
    return true;
  }

  /** The cap within an outer limit, and why; the limit itself while no plan has come. */
  within(outerW: number): { readonly capW: number; readonly reason: string | null; readonly follows: boolean } {
    const { asked } = this;
    if (asked === null) return { capW: outerW, reason: null, follows: false };
    if (asked.capW >= outerW) return { capW: outerW, reason: null, follows: true };
    const reason = `the plan asks for ${asked.name}, ${formatW(asked.capW)}: it does the work on offer with least energy`;
    return { capW: asked.capW, reason, follows: true };
  }
}
