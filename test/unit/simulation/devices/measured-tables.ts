import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(__dirname, '../../../../../shared/data');

/** The measured files beside this checkout; null where they are not there. */
export function measuredRows(name: string): Record<string, string>[] | null {
  const path = join(folder, name);
  if (!existsSync(path)) return null;
  const [header = [], ...rows] = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(','));
  return rows.map((cells) => Object.fromEntries(header.map((column, index) => [column, cells[index] ?? ''])));
}

export interface Comparison {
  readonly what: string;
  readonly quantity: 'ms' | 'W' | 'J';
  readonly measured: number;
  readonly simulated: number;
  /** Least and largest relative error that is stated for the law. */
  readonly stated: readonly [number, number];
  /** Why the bounds are wider than for its like. */
  readonly exception?: string;
}

export const errorOf = ({ measured, simulated }: Comparison): number => simulated / measured - 1;

export function isWithin(comparison: Comparison): boolean {
  const error = errorOf(comparison);
  return error >= comparison.stated[0] && error <= comparison.stated[1];
}

const percent = (share: number): string => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;

/** One line of the printed table. */
export function lineOf(comparison: Comparison): string {
  const { what, quantity, measured, simulated, stated, exception } = comparison;
  return [
    what.padEnd(58),
    `${measured.toPrecision(4)} ${quantity}`.padStart(10),
    `${simulated.toPrecision(4)} ${quantity}`.padStart(10),
    percent(errorOf(comparison)).padStart(9),
    ` stated ${percent(stated[0])} .. ${percent(stated[1])}`,
    isWithin(comparison) ? '' : '  OUTSIDE',
    exception === undefined ? '' : `  (${exception})`,
  ].join(' ');
}
