// The delay of Node-RED's event loop while the heaviest variants run flat out: once through the executor's hosts, once with the
// same models run inside the process, as a node that calls onnxruntime directly would.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { runInProcess } from './event-loop/in-process';
import { runInNodeRed } from './event-loop/node-red';
import type { ArmFigures } from './event-loop/arm';
import { printReport, rounded } from './report';

const arms = { hosts: runInNodeRed, 'in-process': runInProcess } as const;
type Arm = keyof typeof arms;

/** Each arm in a process of its own, so that neither inherits the other's threads or memory. */
async function runArm(arm: Arm, seconds: number): Promise<ArmFigures> {
  process.stderr.write(`${arm}: ${seconds} s at full load\n`);
  const child = fork(__filename, ['--arm', arm, '--seconds', String(seconds)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const figures = once(child, 'message').then(([message]) => message as ArmFigures);
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the arm ${arm} ended with ${code} before it had a result`);
  });
  const result = await Promise.race([figures, died]);
  died.catch(() => undefined);
  if (child.exitCode === null) await once(child, 'exit');
  return result;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { arm: { type: 'string' }, seconds: { type: 'string', default: '15' } } });
  const seconds = Number(values.seconds);
  if (values.arm === 'hosts' || values.arm === 'in-process') {
    const figures = await arms[values.arm](seconds);
    await new Promise((resolve) => process.send?.(figures, resolve));
    process.exit(0);
  }
  const hosts = await runArm('hosts', seconds);
  const inProcess = await runArm('in-process', seconds);
  printReport({
    bench: 'event-loop',
    figures: {
      eventLoopP99Ms: rounded(hosts.p99Ms),
      eventLoopGain: rounded(inProcess.p99Ms / hosts.p99Ms, 1),
      eventLoopP50Ms: rounded(hosts.p50Ms),
      inProcessP50Ms: rounded(inProcess.p50Ms),
      inProcessP99Ms: rounded(inProcess.p99Ms),
      throughputPerS: rounded(hosts.inferences / hosts.seconds, 1),
      inProcessThroughputPerS: rounded(inProcess.inferences / inProcess.seconds, 1),
    },
    setup: {
      seconds,
      variants: hosts.variants,
      inFlightPerTenant: hosts.inFlightPerTenant,
      samples: { hosts: hosts.samples, inProcess: inProcess.samples },
      method: 'lateness of a 2 ms timer in the process that runs Node-RED; all tenants closed loop',
    },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
