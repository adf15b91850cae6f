import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { z } from 'zod';
import { messageOf } from '../../signals/errors';
import { FrameSender } from '../channel/frame-sender';
import { FrameSplitter } from '../channel/frame-splitter';
import { decodeCommand, MessageEncoder } from '../channel/messages';
import { InferenceHost } from './inference-host';
import { channelDescriptor, type HostSettings } from './protocol';

const settingsSchema = z.object({
  threads: z.number().int().positive(),
  provider: z.string(),
  providerOptions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  slotDirectory: z.string(),
});

/**
 * Entry of an inference host: a child process that computes for one component. Started by host-launch.ts with the settings
 * of the component as its argument; everything else comes through a socket that is open from the start.
 */
function main(): void {
  const settings = settingsOf(process.argv[2]);
  if (settings === null) {
    process.stderr.write('This is an inference host of Ecomap: it is started by Node-RED, not by hand.\n');
    process.exit(2);
  }
  process.title = 'ecomap-inference-host';
  // Node-RED decides when this process ends; a Ctrl-C or a service stop reaches the whole group.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  try {
    // When memory runs out, the kernel should take this process, which is replaced, and not Node-RED.
    if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // Not permitted in some containers; then the kernel decides.
  }
  const encoder = new MessageEncoder();
  const host = new InferenceHost(settings, (message) => sender.send(encoder.message(message)));
  const splitter = new FrameSplitter((frame) => host.receive(decodeCommand(frame)));
  const socket = new Socket({ fd: channelDescriptor });
  const descriptor = process.platform === 'win32' ? null : channelDescriptor;
  const sender = new FrameSender(socket, descriptor, () => undefined);
  // Nothing is left to do once Node-RED is gone, and nobody else would ever end this process.
  for (const event of ['end', 'close', 'error']) socket.on(event, () => process.exit(0));
  socket.on('data', (chunk) => {
    try {
      splitter.push(chunk);
    } catch (error) {
      process.stderr.write(`What came through the channel is no command: ${messageOf(error).slice(0, 500)}\n`);
      process.exit(1);
    }
  });
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
