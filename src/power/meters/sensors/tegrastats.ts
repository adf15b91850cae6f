import { systemClock, type Clock } from '../../clock';
import type { Programs } from '../../machine/programs';
import { jetsonRailBounds, judgePower } from '../rails/quantity';
import { railTotalOf, sumOfRails, type RailTotal } from '../rails/totals';
import type { RailReading } from '../sensor';
import type { BackOff } from './background-program';
import { StreamedSensor, type StreamedReading } from './streamed-sensor';

/**
 * `NAME now/mean` with or without the unit (JetPack 4 prints bare milliwatts), and `NAME now/mean/max` since JetPack 7. Not
 * behind `@` (temperatures, clocks) and not before `(` (`RAM 1903/15692MB (lfb ...)`).
 */
const railPattern = /(?<![\w@])([A-Za-z_]\w*) (\d+)(?:mW)?\/\d+(?:mW)?(?:\/\d+mW)?(?![\w(/])/g;
const memory = ['RAM', 'SWAP', 'IRAM'];

/** The rails of one line of tegrastats: the power now, W. Empty for any other line. */
export function parseTegrastats(line: string): { readonly name: string; readonly powerW: number }[] {
  return [...line.matchAll(railPattern)].flatMap(([, name, milliwatts]) =>
    name === undefined || memory.includes(name) ? [] : [{ name, powerW: Number(milliwatts) / 1000 }],
  );
}

const intervalMs = 500;

/** @returns a sensor that has already started the program; `settle` tells when its first line is there */
export function openTegrastats(programs: Programs, clock: Clock = systemClock, backOff?: BackOff): StreamedSensor {
  // What belongs to the total is decided by the first line of a known board, so that a rail that vanishes later is missed.
  let total: RailTotal | null = null;
  let expected: readonly string[] = [];
  const parse = (line: string): StreamedReading | null => {
    const found = parseTegrastats(line);
    if (found.length === 0) return null;
    const names = found.map(({ name }) => name);
    if (total === null) {
      total = railTotalOf(names);
      expected = [...new Set([...names, ...(total?.parts ?? [])])];
    }
    const parts = total?.parts ?? [];
    const rails: RailReading[] = found.map(({ name, powerW }) => ({
      name,
      inTotal: parts.includes(name),
      ...judgePower(powerW, jetsonRailBounds),
    }));
    for (const name of expected) {
      if (names.includes(name)) continue;
      rails.push({ name, inTotal: parts.includes(name), powerW: null, problem: 'is not in the line' });
    }
    return { powerW: total === null ? null : sumOfRails(total, rails), rails };
  };
  return new StreamedSensor({
    name: 'tegrastats',
    scope: 'module',
    accuracy: 0.05,
    program: 'tegrastats',
    args: ['--interval', String(intervalMs)],
    intervalMs,
    parse,
    methodOf: () => `tegrastats, ${total?.method ?? 'rails of an unknown board'}`,
    programs,
    clock,
    patienceMs: 5000,
    ...(backOff === undefined ? {} : { backOff }),
  });
}
