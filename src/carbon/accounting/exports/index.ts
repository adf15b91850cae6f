import type { CarbonReading } from '../../../signals/carbon';
import type { Telemetry } from '../../../signals/telemetry';
import type { CarbonLedger } from '../ledger';
import { csvOf } from './csv';
import { impactManifestText } from './impact-manifest';
import { jsonOf } from './json';
import { prometheusOf } from './prometheus';

export const exportFormats = ['csv', 'json', 'impact-framework', 'prometheus'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface LedgerExport {
  readonly text: string;
  readonly contentType: string;
  readonly fileName: string;
}

export interface ExportInput {
  /** The user's name for the ledger. */
  readonly name: string;
  readonly ledger: CarbonLedger;
  readonly reading: CarbonReading | null;
  readonly telemetry: Telemetry | null;
  readonly nowMs: number;
}

const kinds: Record<ExportFormat, { readonly contentType: string; readonly ending: string }> = {
  csv: { contentType: 'text/csv; charset=utf-8', ending: 'csv' },
  json: { contentType: 'application/json', ending: 'json' },
  'impact-framework': { contentType: 'application/yaml', ending: 'yaml' },
  prometheus: { contentType: 'text/plain; version=0.0.4; charset=utf-8', ending: 'prom' },
};

/**
 * The account in a format for others; a long one is written in small pieces, so that nothing else has to wait.
 * Rejects with CARBON_UNKNOWN for an Impact Framework manifest while no grams are known
 */
export async function exportLedger(
  format: ExportFormat,
  { name, ledger, reading, telemetry, nowMs }: ExportInput,
): Promise<LedgerExport> {
  const { contentType, ending } = kinds[format];
  const day = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '-');
  return { text: await textOf(), contentType, fileName: `ecomap-ledger-${day}.${ending}` };

  function textOf(): string | Promise<string> {
    const receipt = ledger.receipt();
    switch (format) {
      case 'csv':
        return csvOf({ name, receipt, hours: ledger.hours() });
      case 'json':
        return jsonOf({ name, receipt, hours: ledger.hours() });
      case 'impact-framework':
        return impactManifestText({ name, receipt, rows: ledger.rows() });
      case 'prometheus':
        return prometheusOf({ name, receipt, reading, telemetry, nowMs });
    }
  }
}
