import { exportFormats, type ExportFormat, type LedgerExport } from '../../src/carbon/accounting/exports';
import type { AdminRequest, AdminRoute, TextAnswer } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import { z } from 'zod';
import { parseAtTheDoor } from '../../src/signals/parse';

export const exportFormatSchema = z.enum(exportFormats);

/** What a deployed ledger provides (kind `ledger`). */
export interface LedgerResource {
  export(format: ExportFormat): LedgerExport | Promise<LedgerExport>;
}

async function answer(request: AdminRequest, format: ExportFormat): Promise<TextAnswer> {
  const ledger = request.resource<LedgerResource>(request.params['id'] ?? '', 'ledger');
  if (ledger === null) {
    throw new EcomapError('INVALID_CONFIG', 'This ledger is not deployed: deploy the flow to export its account.');
  }
  return { kind: 'text-answer', ...(await ledger.export(format)) };
}

/** The account of a deployed ledger as a file, and for Prometheus to scrape. */
export const exportRoutes: readonly AdminRoute[] = [
  {
    method: 'get',
    path: '/ecomap/carbon-ledger/:id/export/:format',
    permission: 'ecomap-carbon-ledger.read',
    handle: (request) =>
      answer(request, parseAtTheDoor(exportFormatSchema, request.params['format'], 'INVALID_MESSAGE', 'The format')),
  },
  {
    method: 'get',
    path: '/ecomap/carbon-ledger/:id/metrics',
    permission: 'ecomap-carbon-ledger.read',
    handle: (request) => answer(request, 'prometheus'),
  },
];
