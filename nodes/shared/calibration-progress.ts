import type { CalibrationStatus } from '../../src/signals/calibration';

/** The phases in which a calibration is at work, in their order. */
export const activePhases = ['profiling', 'measuring', 'training'] as const;

export function isUnderWay({ phase }: Pick<CalibrationStatus, 'phase'>): boolean {
  return (activePhases as readonly string[]).includes(phase);
}

/** A time in the unit that people would say it in; above a minute and a half that is minutes, rounded. */
export function roughly(seconds: number): { readonly unit: 'seconds' | 'minutes'; readonly count: number } {
  return seconds > 90
    ? { unit: 'minutes', count: Math.round(seconds / 60) }
    : { unit: 'seconds', count: Math.ceil(seconds) };
}
