/**
 * A process that accounts one request after the other and says each as soon as its receipt is out, until it is killed.
 * Arguments: the folder, and how many bytes it appends before it writes its file anew.
 */
import { writeSync } from 'node:fs';
import { KeptLedger } from '../../../src/carbon/accounting/kept-ledger';
import { LedgerFile } from '../../../src/carbon/accounting/ledger-file';
import { reading, telemetryWindow, tenantWindow } from './ledger-inputs';

async function main(directory: string, rewriteAfterBytes: number): Promise<void> {
  let nowMs = Date.parse('2026-11-20T12:00:00Z');
  const kept = new KeptLedger({
    now: () => nowMs,
    file: new LedgerFile(directory, 'killed'),
    rewriteAfterBytes,
    onTrouble: (reason) => writeSync(1, `trouble ${reason}\n`),
  });
  for (const warning of await kept.open()) writeSync(1, `warning ${warning}\n`);
  const { total, durationS } = kept.ledger.receipt();
  writeSync(1, `loaded ${total.served} ${durationS} ${total.energyJ ?? 0} ${total.carbonG ?? 0}\n`);
  nowMs += durationS * 1000;
  for (let index = 0; ; index += 1) {
    if (index % 7 === 0) await kept.onCarbon(reading(100 + (index % 11), { fetchedAt: new Date(nowMs).toISOString() }));
    const tenant = tenantWindow('a', { offered: 1, served: 1, energyJ: 2 });
    const receipt = await kept.onTelemetry(telemetryWindow(nowMs, 1, [tenant], { totalJ: 3, idleJ: 1 }));
    nowMs += 1000;
    writeSync(1, `served ${receipt.total.served}\n`);
  }
}

void main(process.argv[2] ?? '', Number(process.argv[3]));
