import type { RailReading } from '../sensor';

/** Which rails make up the whole of a board. */
export interface RailTotal {
  /** All of them are needed. */
  readonly parts: readonly string[];
  /** In words, e.g. `VDD_IN`. */
  readonly method: string;
}

const xavierRails = ['GPU', 'CPU', 'SOC', 'CV', 'VDDRQ', 'SYS5V'] as const;
const agxOrinRails = ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0'] as const;

/** Rails at the input of a module; everything else on such a board lies behind it. */
const inputRails = [
  'VDD_IN', // TX1, TX2, Xavier NX, Orin NX, Orin Nano
  'POM_5V_IN', // Nano
  'VIN', // AGX Thor
] as const;

/**
 * How the rails of a board add up, told from their names. Where there is a rail at the input it is the total and the
 * others are parts of it. AGX Xavier has none: the total is the sum of its six rails (SYS5V is fed beside the others, it is
 * not their parent). AGX Orin: the sum of three; VDDQ_VDD2_1V8AO lies behind VIN_SYS_5V0.
 * @returns null for rails that belong to no known board
 */
export function railTotalOf(names: readonly string[]): RailTotal | null {
  for (const input of inputRails) if (names.includes(input)) return { parts: [input], method: input };
  // A board is known by any two of its rails, so that a missing one is missed.
  for (const parts of [xavierRails, agxOrinRails]) {
    if (parts.filter((part) => names.includes(part)).length >= 2)
      return { parts, method: `sum of ${parts.length} rails (${parts.join(' + ')})` };
  }
  // Thor's rails without the one at its input.
  if (names.includes('VDD_CPU_SOC_MSS')) return { parts: ['VIN'], method: 'VIN' };
  return null;
}

/** The sum of the parts, W; null unless each of them is there exactly once with a number, and together they are more than nothing. */
export function sumOfRails(total: RailTotal, rails: readonly RailReading[]): number | null {
  let sumW = 0;
  for (const part of total.parts) {
    const [rail, ...more] = rails.filter(({ name }) => name === part);
    if (rail === undefined || rail.powerW === null || more.length > 0) return null;
    sumW += rail.powerW;
  }
  // No machine that asks draws nothing: all zeros is a sensor that does not measure.
  return sumW > 0 ? sumW : null;
}
