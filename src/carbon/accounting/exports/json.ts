import { hourRecords, type LedgerReport } from './hour-records';

/** The receipt and the hours as one JSON object. What is unknown is null. */
export function jsonOf({ name, receipt, hours }: LedgerReport): string {
  return `${JSON.stringify({ format: 'ecomap-ledger', version: 1, ledger: name, receipt, hours: hourRecords(hours) }, null, 2)}\n`;
}
