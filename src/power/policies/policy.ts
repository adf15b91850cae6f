import type { CarbonReading } from '../../signals/carbon';
import type { Quality } from '../../signals/quality';

/** Lowest and highest cap that a policy may choose, W. */
export interface CapRange {
  readonly minimumW: number;
  readonly maximumW: number;
}

/** What a policy wants, before hysteresis and dwell time. */
export interface CapDecision {
  readonly capW: number;
  /** In plain words: why this cap. */
  readonly reason: string;
  /** Only from a policy that lets accuracy vary. */
  readonly quality?: Quality;
}

/** What a policy may want to know of the device. */
export interface CapSurroundings {
  /** Mean power since the last decision, measured or modelled, W; null when unknown. */
  readonly meanPowerW: number | null;
  /** What the device can do, whatever limits are stated. */
  readonly deviceRange: CapRange;
}

/**
 * Turns carbon readings into a wanted cap. Touches neither device nor clock: time comes in.
 * An implementation may remember what it has seen.
 */
export interface CapPolicy {
  readonly name: string;
  /** True when the carbon reading decides; such a policy has nothing to say before the first one. */
  readonly needsCarbon: boolean;
  /** True when the planner may choose the operating point within the cap. */
  readonly followsPlan?: boolean;
  /**
   * @param reading the newest reading; null when there is none
   * @param nowMs monotonic time
   */
  decide(reading: CarbonReading | null, range: CapRange, nowMs: number, surroundings?: CapSurroundings): CapDecision;
}

/** Half-way between the limits: what applies when nobody knows better. */
export function safeMiddleW(range: CapRange): number {
  return (range.minimumW + range.maximumW) / 2;
}

export function clampW(capW: number, range: CapRange): number {
  return Math.min(range.maximumW, Math.max(range.minimumW, capW));
}

/** Watts as people read them, e.g. `18.4 W`. */
export function formatW(powerW: number): string {
  return `${powerW.toFixed(1)} W`;
}
