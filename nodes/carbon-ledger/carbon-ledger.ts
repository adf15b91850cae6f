import { z } from 'zod';
import { carbonMessages, receiptMessages } from '../../src/carbon/accounting/dashboard';
import { exportLedger, type ExportFormat, type LedgerExport } from '../../src/carbon/accounting/exports';
import { KeptLedger } from '../../src/carbon/accounting/kept-ledger';
import { LedgerFile } from '../../src/carbon/accounting/ledger-file';
import { summaryLine } from '../../src/carbon/accounting/summary-line';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeStatus } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import { parseControlMessage, topicOf } from '../../src/signals/message';
import { parseAtTheDoor } from '../../src/signals/parse';
import type { Receipt } from '../../src/signals/receipt';
import type { Telemetry } from '../../src/signals/telemetry';
import { leaveReading, takeReading } from '../shared/reading-handover';
import { carbonLedgerConfig } from './config';
import { exportFormatSchema, exportRoutes, type LedgerResource } from './export-routes';

const resetTopic = 'ecomap/reset';
const exportTopic = 'ecomap/export';
const exportRequest = z.preprocess(
  (payload) => (typeof payload === 'string' ? { format: payload } : payload),
  z.object({ format: exportFormatSchema }),
);

/** Files of the ledgers that are deployed: two that write one file would destroy it. */
const occupied = new Set<string>();

function occupy(path: string): () => void {
  if (occupied.has(path)) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `Another ledger keeps its account in ${path}: give this one a file name of its own.`,
    );
  }
  occupied.add(path);
  return () => void occupied.delete(path);
}

function statusOf({ total, energySource, carbon }: Receipt): NodeStatus {
  if (total.energyJ === null) return { fill: 'yellow', shape: 'dot', key: 'status.energyUnknown' };
  if (total.carbonG === null) return { fill: 'yellow', shape: 'dot', key: 'status.carbonUnknown' };
  const inMilligrams = total.carbonG < 1;
  const amount = inMilligrams ? total.carbonG * 1000 : total.carbonG;
  const digits = amount >= 100 ? 0 : amount >= 10 ? 1 : 3;
  const values = { amount: amount.toFixed(digits), source: energySource ?? '' };
  if (carbon.mixedBasis)
    return { fill: 'yellow', shape: 'dot', key: 'status.mixed', values: { amount: total.carbonG.toPrecision(3) } };
  return { fill: 'green', shape: 'dot', key: inMilligrams ? 'status.milligrams' : 'status.grams', values };
}

/** Keeps the account of joules and grams, and says what always-max would have cost. */
export default defineNode({
  type: 'ecomap-carbon-ledger',
  config: carbonLedgerConfig,
  routes: exportRoutes,
  start(node) {
    const { config } = node;
    const file = config.persist ? new LedgerFile(node.stateDirectory, config.file || node.id) : null;
    const release = file === null ? () => undefined : occupy(file.path);
    const kept = new KeptLedger({
      now: Date.now,
      file,
      retentionDays: config.retentionDays,
      embodied: config.embodied,
      onTrouble(reason) {
        const path = file?.path ?? '';
        if (reason === null) node.log(node.text('log.savedAgain', { path }));
        else node.warn(node.text('log.notSaved', { path, reason }));
      },
    });
    const { ledger } = kept;
    let reading = takeReading(node.id);
    let telemetry: Telemetry | null = null;

    const opened = (async () => {
      for (const warning of await kept.open()) node.warn(warning);
      if (reading !== null) await kept.onCarbon(reading);
      if (telemetry === null && ledger.receipt().durationS > 0) node.status(statusOf(ledger.receipt()));
    })();

    const exportAs = async (format: ExportFormat): Promise<LedgerExport> => {
      await opened;
      return exportLedger(format, { name: node.label, ledger, reading, telemetry, nowMs: Date.now() });
    };
    node.provide('ledger', { export: exportAs } satisfies LedgerResource);

    node.status({ fill: 'blue', shape: 'dot', key: 'status.waiting' });
    if (config.logEveryS > 0) {
      node.every(config.logEveryS * 1000, () => {
        if (reading !== null || telemetry !== null) node.log(summaryLine(reading, telemetry, ledger.receipt()));
      });
    }

    return {
      async input(message, send) {
        await opened;
        if (message.topic === resetTopic) {
          message.payload = await kept.reset();
          node.status({ fill: 'blue', shape: 'dot', key: 'status.waiting' });
          message.topic = topicOf('receipt');
          send([message, null]);
          return;
        }
        if (message.topic === exportTopic) {
          const { format } = parseAtTheDoor(exportRequest, message.payload, 'INVALID_MESSAGE', 'The payload');
          const { text, contentType, fileName } = await exportAs(format);
          message.payload = text;
          message.format = format;
          message.contentType = contentType;
          message.filename ??= fileName;
          send([message, null]);
          return;
        }
        const control = parseControlMessage(message, ['carbon', 'telemetry']);
        if (control.kind === 'carbon') {
          reading = control.payload;
          await kept.onCarbon(reading);
          send([null, carbonMessages(reading, Date.now()).map((one) => ({ ...one }))]);
          return;
        }
        telemetry = control.payload;
        const receipt = await kept.onTelemetry(telemetry);
        node.status(statusOf(receipt));
        message.topic = topicOf('receipt');
        message.payload = receipt;
        send([message, receiptMessages(control.payload, receipt).map((one) => ({ ...one }))]);
      },
      async close(removed) {
        if (!removed) leaveReading(node.id, reading);
        await opened;
        // Whoever comes next reads the file: a write that is still under way must not come after that.
        await kept.close();
        release();
      },
    };
  },
});
