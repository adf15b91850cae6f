import type { DayFigures } from '../../src/loop/day-watch';
import type { PolicyConfig } from '../../src/power/policies/make-policy';

type Day = Pick<DayFigures, 'energyJ' | 'seconds' | 'capPeriods'>;

/** Mean powers that differ by less than this share are the same. */
const near = 0.003;

/**
 * The constant cap under which a day takes as much energy as under another policy. Where operating points are steps no cap hits it:
 * it begins with the step below the other's mean cap, and goes one step on after each day that took too little or too much.
 */
export class EqualEnergyCap {
  private readonly levelsW: readonly number[];
  private level: number | null = null;
  private wantedW: number | null = null;

  /** @param levelsW caps that make a difference: what the device draws at most at each operating point */
  constructor(levelsW: readonly number[]) {
    this.levelsW = [...levelsW].sort((a, b) => a - b);
  }

  /** A day of the policy whose energy is wanted. */
  follow(day: Day): void {
    this.wantedW = meanPowerW(day) ?? this.wantedW;
    const { meanCapW } = day.capPeriods;
    if (this.level === null && meanCapW !== null)
      this.level = this.within(this.levelsW.findLastIndex((levelW) => levelW <= meanCapW));
  }

  /** A day under the constant cap. */
  tried(day: Day): void {
    const drawnW = meanPowerW(day);
    if (drawnW === null || this.wantedW === null || this.level === null) return;
    if (drawnW > this.wantedW * (1 + near)) this.level = this.within(this.level - 1);
    else if (drawnW < this.wantedW * (1 - near)) this.level = this.within(this.level + 1);
  }

  /** The cap for the next day; the highest before anything is known. */
  get capW(): number {
    const capW = this.levelsW[this.level ?? this.levelsW.length - 1];
    if (capW === undefined) throw new RangeError('the device has no operating point');
    return capW;
  }

  get config(): PolicyConfig {
    return { kind: 'fixed', capW: this.capW };
  }

  private within(level: number): number {
    return Math.min(this.levelsW.length - 1, Math.max(0, level));
  }
}

const meanPowerW = ({ energyJ, seconds }: Day): number | null => (energyJ === null ? null : energyJ / seconds);
