import { hourRecords, type HourRecord, type LedgerReport } from './hour-records';

const columns: readonly (keyof HourRecord)[] = [
  'hour',
  'account',
  'tenant',
  'variant',
  'energyJ',
  'carbonG',
  'unknownCarbonJ',
  'served',
  'durationS',
  'intensityGPerKwh',
  'signal',
  'basis',
  'quality',
  'provisional',
];

/**
 * One line per hour and account (RFC 4180, UTF-8, lines end with CR LF). What is unknown is an empty field, never 0. Names come
 * from outside: one that a spreadsheet would take for a formula gets an apostrophe in front.
 */
export async function csvOf({ hours }: LedgerReport): Promise<string> {
  const lines = [columns.join(',')];
  for await (const record of hourRecords(hours)) {
    lines.push(columns.map((column) => fieldOf(record[column])).join(','));
  }
  return [...lines, ''].join('\r\n');
}

export function fieldOf(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  // Spreadsheets skip blanks and control characters before they look for a formula; some read the full-width signs, too.
  const harmless = /^[\s\p{Cc}\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]/u.test(value)
    ? `'${value}`
    : value;
  return /[",\r\n;\t]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
