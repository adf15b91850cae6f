/** Clocks of the kernel come in Hz (devfreq, EMC) or kHz (cpufreq); no clock of a Jetson is above 20 GHz or under 20 kHz. */
const smallestHz = 20_000_000;

/** How many raw units make a MHz. @param raw any clock of the table that the units are wanted of, best the highest */
export function unitsPerMhz(raw: number): number {
  return raw >= smallestHz ? 1e6 : 1e3;
}

/** A raw clock of the kernel in MHz. */
export function megahertz(raw: number): number {
  return raw / unitsPerMhz(raw);
}

/** A number of `/sys`; null when the text is none. Masks may be written as 0x... */
export function parseWhole(text: string | null | undefined): number | null {
  if (text === null || text === undefined || !/^-?(\d+|0x[0-9a-f]+)$/i.test(text.trim())) return null;
  return Number(text);
}

/** The entries of `available_frequencies`, ascending and once each; empty when there are none. */
export function parseTable(text: string | null): number[] {
  const entries = (text ?? '')
    .split(/\s+/)
    .map(parseWhole)
    .filter((entry): entry is number => entry !== null && entry > 0);
  return [...new Set(entries)].sort((a, b) => a - b);
}

/** Where there is no table to round to, clocks this close (a share) are the same. */
const toleranceWithoutTable = 0.03;

/**
 * Does a clock read back stand for the one that was asked for? The hardware rounds to the neighbouring entry of its table, up
 * or down, and to its ends.
 * @param table ascending; empty when unknown
 */
export function isSameClock(wanted: number, found: number, table: readonly number[]): boolean {
  if (wanted === found) return true;
  const lowest = table[0];
  const highest = table.at(-1);
  if (lowest === undefined || highest === undefined) return Math.abs(found - wanted) <= wanted * toleranceWithoutTable;
  if (table.includes(wanted)) {
    // An entry is taken as it is; what differs by less than the way to its neighbours was only rounded.
    const at = table.indexOf(wanted);
    const below = table[at - 1] ?? Number.NEGATIVE_INFINITY;
    const above = table[at + 1] ?? Number.POSITIVE_INFINITY;
    return found > (wanted + below) / 2 && found < (wanted + above) / 2;
  }
  const below = table.findLast((entry) => entry <= wanted) ?? lowest;
  const above = table.find((entry) => entry >= wanted) ?? highest;
  return found >= below && found <= above;
}

/**
 * The entry in force when a limit between two entries is asked for. A GPU goes to the next one up (670 MHz runs as 675.75: latencies
 * measured on an AGX Xavier), a CPU stays below (1200 MHz runs as 1190.4).
 */
export function roundToTable(wanted: number, table: readonly number[], direction: 'up' | 'down'): number {
  const entry =
    direction === 'up'
      ? (table.find((at) => at >= wanted) ?? table.at(-1))
      : (table.findLast((at) => at <= wanted) ?? table[0]);
  return entry ?? wanted;
}
