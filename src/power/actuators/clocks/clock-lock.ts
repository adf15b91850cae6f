import { megahertz } from './frequency';
import type { ClockReading, ClockReadings } from './clock-domain';

const isFixed = ({ least, most, table }: ClockReading): boolean => {
  const lowest = table[0];
  // At the lowest clock there is nothing left to fix: that is a cap.
  return least >= most && lowest !== undefined && most > lowest;
};

/**
 * `jetson_clocks` fixes clocks by setting the lower limit to the upper one. A cap would have to break that lock, which is
 * somebody's wish. Power modes fix the CPU in the same way, so it is the GPU that tells, where there is one.
 *
 * @param isOurs tells upper limits that were set from here: at the lower limit they look the same
 * @returns what to tell and to do, or null when nothing is fixed
 */
export function findClockLock({ gpu, cpu }: ClockReadings, isOurs: (reading: ClockReading) => boolean): string | null {
  const fixed = gpu.find((reading) => isFixed(reading) && !isOurs(reading));
  if (fixed !== undefined) {
    return `The GPU clock is fixed at ${Math.round(megahertz(fixed.most))} MHz (its lower limit is its upper one), as jetson_clocks does. Undo it first: sudo jetson_clocks --restore`;
  }
  const highest = (reading: ClockReading): boolean => reading.most >= (reading.table.at(-1) ?? 0);
  if (gpu.length === 0 && cpu.length > 0 && cpu.every((reading) => isFixed(reading) && highest(reading))) {
    return 'The CPU clock is fixed at its highest (its lower limit is its upper one), as jetson_clocks does. Undo it first: sudo jetson_clocks --restore';
  }
  return null;
}
