import { z } from 'zod';
import { EcomapError } from '../../signals/errors';
import type { ImportedProfile } from '../../signals/imported-profile';
import { describeIssues, quoted } from '../../signals/parse';
import { csvLines, type CsvLine } from './csv-lines';

const requiredColumns = ['family', 'variant', 'accuracy', 'operating_point', 'latency_ms', 'power_w'] as const;
const optionalColumns = ['component', 'idle_w'] as const;
type Column = (typeof requiredColumns)[number] | (typeof optionalColumns)[number];
const knownColumns: readonly string[] = [...requiredColumns, ...optionalColumns];

/** Where a row does not say which. */
export const defaultComponent = 'device';
/** More than this is no table that somebody measured. */
const mostRows = 100_000;
/** So many bad rows are spelt out. */
const spelledOut = 20;

const number = (what: string) =>
  z.string().transform((text, context): number => {
    const value = Number(text);
    if (text !== '' && Number.isFinite(value)) return value;
    context.addIssue({
      code: 'custom',
      message: `${what} must be a number, not ${text === '' ? 'blank' : quoted(text)}`,
    });
    return z.NEVER;
  });
const named = z.string().min(1, 'must not be blank').max(200);
const fraction = number('a fraction').refine((value) => value >= 0 && value <= 1, {
  message: 'must be a fraction from 0 to 1 (0.753, not 75.3)',
});
const above0 = (what: string) => number(what).refine((value) => value > 0, { message: 'must be above 0' });

const rowSchema = z
  .object({
    family: named,
    variant: named,
    accuracy: fraction,
    operating_point: named,
    latency_ms: above0('a latency'),
    power_w: above0('a power'),
    component: z.string().default(''),
    idle_w: z.string().default(''),
  })
  .transform((row, context): ImportedProfile => {
    const idleW = row.idle_w === '' ? null : Number(row.idle_w);
    if (idleW !== null && !(Number.isFinite(idleW) && idleW >= 0 && idleW <= row.power_w)) {
      const message = `must be a number of watts from 0 to power_w, or blank, not ${quoted(row.idle_w)}`;
      context.addIssue({ code: 'custom', path: ['idle_w'], message });
      return z.NEVER;
    }
    return {
      family: row.family,
      variant: row.variant,
      accuracy: row.accuracy,
      operatingPoint: row.operating_point,
      latencyMs: row.latency_ms,
      powerW: row.power_w,
      component: row.component === '' ? defaultComponent : row.component,
      idleW,
    };
  });

/** A row that was left out. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

export interface ProfileFile {
  /** In the order of the file. */
  readonly profiles: readonly ImportedProfile[];
  readonly badRows: readonly BadRow[];
  readonly ignoredColumns: readonly string[];
}

/**
 * Reads a measured profile from CSV: a header row and one row per measurement with the columns `family`, `variant`, `accuracy` (a
 * fraction), `operating_point`, `latency_ms` and `power_w`, optionally `component` and `idle_w`, in any order. Other columns are
 * ignored; a row that cannot be used is left out and named with its line; of two rows for the same measurement the first counts.
 *
 * @param name what to call the file in messages
 * @throws EcomapError INVALID_CONFIG when a column is missing, or when no row can be used
 */
export function parseProfileFile(text: string, name: string): ProfileFile {
  const [header, ...lines] = csvLines(text);
  if (header === undefined) throw invalid(name, `is empty: it needs a header row with ${requiredColumns.join(', ')}`);
  if (lines.length > mostRows) throw invalid(name, `has more than ${mostRows} rows`);
  const titles = header.cells.map((cell) => cell.toLowerCase());
  const missing = requiredColumns.filter((column) => !titles.includes(column));
  if (missing.length > 0)
    throw invalid(name, `has no column ${missing.join(', ')} in line ${header.line}: ${describeHeader(header)}`);
  const twice = titles.find((title, at) => knownColumns.includes(title) && titles.indexOf(title) !== at);
  if (twice !== undefined) throw invalid(name, `has the column ${twice} twice in line ${header.line}`);

  const profiles: ImportedProfile[] = [];
  const badRows: BadRow[] = [];
  const firstLine = new Map<string, number>();
  for (const line of lines) {
    const parsed = rowSchema.safeParse(cellsByColumn(line, titles));
    if (!parsed.success) {
      badRows.push({ line: line.line, reason: describeIssues(parsed.error) });
      continue;
    }
    const key = JSON.stringify([
      parsed.data.family,
      parsed.data.variant,
      parsed.data.operatingPoint,
      parsed.data.component,
    ]);
    const earlier = firstLine.get(key);
    if (earlier === undefined) {
      firstLine.set(key, line.line);
      profiles.push(parsed.data);
    } else {
      badRows.push({ line: line.line, reason: `the same variant, operating point and component as line ${earlier}` });
    }
  }
  if (profiles.length === 0) {
    const why = badRows.length > 0 ? `: ${describeBadRows(badRows)}` : ' below its header';
    throw invalid(name, `has no row that can be used${why}`);
  }
  return {
    profiles,
    badRows,
    ignoredColumns: header.cells.filter((cell) => !knownColumns.includes(cell.toLowerCase())),
  };
}

/** "line 7: what is wrong", for the first of them. */
export function describeBadRows(badRows: readonly BadRow[]): string {
  const some = badRows.slice(0, spelledOut).map(({ line, reason }) => `line ${line}: ${reason}`);
  const more = badRows.length - some.length;
  return more > 0 ? `${some.join('; ')}; and ${more} more` : some.join('; ');
}

function cellsByColumn({ cells }: CsvLine, titles: readonly string[]): Partial<Record<Column, string>> {
  return Object.fromEntries(
    titles.flatMap((title, at) => (knownColumns.includes(title) ? [[title, cells[at] ?? '']] : [])),
  );
}

const describeHeader = ({ cells }: CsvLine): string => `it has ${cells.map((cell) => quoted(cell)).join(', ')}`;

const invalid = (name: string, what: string): EcomapError =>
  new EcomapError('INVALID_CONFIG', `The profile ${name} ${what}.`);
