import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { InferenceHost } from './inference-host';
import type { HostCommand, HostSettings } from './protocol';

const settingsSchema = z.object({
  threads: z.number().int().positive(),
  provider: z.string(),
  providerOptions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

/**
 * Entry of an inference host: a child process that computes for one component. Started by host-launch.ts with the settings
 * of the component as its argument; everything else comes over IPC.
 */
function main(): void {
  const settings = settingsOf(process.argv[2]);
  const send = process.send?.bind(process);
  if (send === undefined || settings === null) {
    process.stderr.write('This is an inference host of Ecomap: it is started by Node-RED, not by hand.\n');
    process.exit(2);
  }
  process.title = 'ecomap-inference-host';
  // Node-RED decides when this process ends; a Ctrl-C or a service stop reaches the whole group.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // Nothing is left to do once Node-RED is gone, and nobody else would ever end this process.
  process.on('disconnect', () => process.exit(0));
  try {
    // When memory runs out, the kernel should take this process, which is replaced, and not Node-RED.
    if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // Not permitted in some containers; then the kernel decides.
  }
  const host = new InferenceHost(settings, (message) => {
    if (process.connected) send(message);
  });
  process.on('message', (command) => host.receive(command as HostCommand));
  host.start();
}

/** Null when they are not what host-launch.ts writes. */
function settingsOf(argument: string | undefined): HostSettings | null {
  try {
    return settingsSchema.parse(JSON.parse(argument ?? ''));
  } catch {
    return null;
  }
}

main();
