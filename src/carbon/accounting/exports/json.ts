import { hourRecords, type LedgerReport } from './hour-records';

/** The receipt and the hours as one JSON object. What is unknown is null. */
export async function jsonOf({ name, receipt, hours }: LedgerReport): Promise<string> {
  const records: string[] = [];
  for await (const record of hourRecords(hours)) records.push(`    ${JSON.stringify(record)}`);
  const whole = JSON.stringify({ format: 'ecomap-ledger', version: 1, ledger: name, receipt }, null, 2);
  return `${whole.slice(0, -'\n}'.length)},\n  "hours": [\n${records.join(',\n')}\n  ]\n}\n`;
}
