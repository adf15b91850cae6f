import { crc32 } from 'node:zlib';
import { ledgerEntrySchema, type LedgerEntry } from './ledger-entries';

export const ledgerFormat = 2;

/**
 * One line of a ledger's file: format, CRC-32 of what follows it (8 hexadecimal digits), JSON. A line that was cut off or changed
 * is known by its sum; the lines around it stay good, because JSON holds no line break.
 */
export function lineOf(entry: LedgerEntry): string {
  const json = JSON.stringify(entry);
  return `${ledgerFormat} ${sumOf(json)} ${json}\n`;
}

export type ReadLine =
  | { readonly kind: 'entry'; readonly entry: LedgerEntry }
  | { readonly kind: 'newer'; readonly format: number }
  | { readonly kind: 'bad' };

/** The format that a sound line says it is of; null for a line that is damaged. */
export function formatOf(line: Buffer): number | null {
  const head = /^(\d{1,6}) ([0-9a-f]{8}) /.exec(line.toString('latin1', 0, 32));
  return head !== null && sumOf(line.subarray(head[0].length)) === head[2] ? Number(head[1]) : null;
}

/**
 * @param line without its line break
 * @returns null for a line that is damaged or not of this format
 */
export function readLine(line: Buffer): LedgerEntry | null {
  if (formatOf(line) !== ledgerFormat) return null;
  try {
    const json = line.subarray(line.indexOf(' ', line.indexOf(' ') + 1) + 1).toString('utf8');
    return ledgerEntrySchema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}

const sumOf = (content: string | Buffer): string => crc32(content).toString(16).padStart(8, '0');
