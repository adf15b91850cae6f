import { carbonMessages, receiptMessages } from '../../src/carbon/accounting/dashboard';
import { CarbonLedger } from '../../src/carbon/accounting/ledger';
import { LedgerFile } from '../../src/carbon/accounting/ledger-file';
import { summaryLine } from '../../src/carbon/accounting/summary-line';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeStatus } from '../../src/node-red/types';
import { messageOf } from '../../src/signals/errors';
import { parseControlMessage, topicOf } from '../../src/signals/message';
import type { Receipt } from '../../src/signals/receipt';
import type { Telemetry } from '../../src/signals/telemetry';
import { leaveReading, takeReading } from '../shared/reading-handover';
import { carbonLedgerConfig } from './config';

const resetTopic = 'ecomap/reset';
/** An account that is lost in a crash is at most this old. */
const saveEveryMs = 10_000;

function statusOf({ total, energySource }: Receipt): NodeStatus {
  if (total.energyJ === null) return { fill: 'yellow', shape: 'dot', key: 'status.energyUnknown' };
  if (total.carbonG === null) return { fill: 'yellow', shape: 'dot', key: 'status.carbonUnknown' };
  const inMilligrams = total.carbonG < 1;
  const amount = inMilligrams ? total.carbonG * 1000 : total.carbonG;
  const digits = amount >= 100 ? 0 : amount >= 10 ? 1 : 3;
  const values = { amount: amount.toFixed(digits), source: energySource ?? '' };
  return { fill: 'green', shape: 'dot', key: inMilligrams ? 'status.milligrams' : 'status.grams', values };
}

/** Keeps the account of joules and grams, and says what always-max would have cost. */
export default defineNode({
  type: 'ecomap-carbon-ledger',
  config: carbonLedgerConfig,
  start(node) {
    const { config } = node;
    const ledger = new CarbonLedger({ now: Date.now });
    const file = config.persist ? new LedgerFile(node.stateDirectory, node.id) : null;
    let reading = takeReading(node.id);
    if (reading !== null) ledger.onCarbon(reading);
    let telemetry: Telemetry | null = null;
    let changed = false;
    let saveFailed = false;

    const restored = (async () => {
      const loaded = await file?.load();
      if (loaded?.warning) node.warn(loaded.warning);
      if (loaded?.state) ledger.restore(loaded.state);
      if (telemetry === null && loaded?.state) node.status(statusOf(ledger.receipt()));
    })();

    const save = async (): Promise<void> => {
      if (file === null || !changed) return;
      changed = false;
      try {
        await file.save(ledger.state());
        saveFailed = false;
      } catch (error) {
        changed = true;
        if (!saveFailed) node.warn(node.text('log.notSaved', { path: file.path, reason: messageOf(error) }));
        saveFailed = true;
      }
    };

    node.status({ fill: 'blue', shape: 'dot', key: 'status.waiting' });
    if (file !== null) node.every(saveEveryMs, save);
    if (config.logEveryS > 0) {
      node.every(config.logEveryS * 1000, () => {
        if (reading !== null || telemetry !== null) node.log(summaryLine(reading, telemetry, ledger.receipt()));
      });
    }

    return {
      async input(message, send) {
        await restored;
        if (message.topic === resetTopic) {
          ledger.reset();
          changed = true;
          await save();
          node.status({ fill: 'blue', shape: 'dot', key: 'status.waiting' });
          message.topic = topicOf('receipt');
          message.payload = ledger.receipt();
          send([message, null]);
          return;
        }
        const control = parseControlMessage(message, ['carbon', 'telemetry']);
        if (control.kind === 'carbon') {
          reading = control.payload;
          ledger.onCarbon(reading);
          send([null, carbonMessages(reading, Date.now()).map((one) => ({ ...one }))]);
          return;
        }
        telemetry = control.payload;
        const receipt = ledger.onTelemetry(telemetry);
        changed = true;
        node.status(statusOf(receipt));
        message.topic = topicOf('receipt');
        message.payload = receipt;
        send([message, receiptMessages(telemetry, receipt).map((one) => ({ ...one }))]);
      },
      async close(removed) {
        if (!removed) leaveReading(node.id, reading);
        await restored;
        await save();
        // Whoever comes next reads the file: a write that is still under way must not come after that.
        await file?.settled();
      },
    };
  },
});
