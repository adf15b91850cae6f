import type { Socket } from 'node:net';
import { constants, getPriority } from 'node:os';
import { lowerPriority } from '../../../models/lower-priority';
import { directLauncher, type LaunchedHost } from './host-launcher';
import { launcherCommandSchema, type LauncherCommand, type LauncherMessage } from './protocol';
import { stopReading } from './quiet-channel';

/** How long the last words of a host may take to arrive after its end, ms. */
const lastWordsMs = 100;
/** Added to the nice value: with it, hosts that compute all the time leave nine tenths of a core to a process that does not. */
const nicer = 10;

interface Started {
  readonly host: LaunchedHost;
  /** Whether somebody has asked for its end: then nobody waits for its last words. */
  isUnwanted: boolean;
}

/**
 * Entry of a launcher: a small child process that starts hosts and hands their channels over, so that the process that asks for
 * them does not stand still. It is started by launcher-process.ts, and ends with it.
 */
function main(): void {
  if (process.send === undefined) {
    process.stderr.write('This starts inference hosts of Ecomap: it is started by Node-RED, not by hand.\n');
    process.exit(2);
  }
  process.title = 'ecomap-host-launcher';
  // Its hosts inherit it.
  lowerPriority(process.pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + nicer));
  // Node-RED decides when this process ends; a Ctrl-C or a service stop reaches the whole group.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(0));
  const hosts = new Map<number, Started>();
  process.on('message', (message) => {
    const command = launcherCommandSchema.parse(message);
    if (command.kind === 'launch') return launch(command, hosts);
    const started = hosts.get(command.number);
    if (started === undefined) return;
    started.isUnwanted = true;
    started.host.kill();
  });
}

function launch({ number, launch }: Extract<LauncherCommand, { kind: 'launch' }>, hosts: Map<number, Started>): void {
  const channels: Socket[] = [];
  const host = directLauncher.launch(launch, {
    onStarted: (channel) => channels.push(channel),
    onErrorOutput: (text) => tell({ kind: 'said', number, text }),
    onEnd: (how) => {
      const isUnwanted = hosts.get(number)?.isUnwanted === true;
      hosts.delete(number);
      setTimeout(() => tell({ kind: 'ended', number, how }), isUnwanted ? 0 : lastWordsMs);
    },
  });
  hosts.set(number, { host, isUnwanted: false });
  // In the same turn, so that nothing has been read from it here, and nothing will be.
  if (channels[0] !== undefined) stopReading(channels[0]);
  if (host.pid !== undefined) tell({ kind: 'started', number, pid: host.pid }, channels[0]);
}

function tell(message: LauncherMessage, channel?: Socket): void {
  // A channel that is closed is the end of this process.
  process.send?.(message, channel, undefined, () => undefined);
}

main();
