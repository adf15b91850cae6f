import { fork, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { childProgram, type ChildProgram } from '../../../models/child-program';
import { messageOf } from '../../../signals/errors';
import { hostEnvironment, type HostLaunch } from './host-launch';
import { directLauncher, type HostLauncher, type LaunchedHost, type LaunchEvents } from './host-launcher';
import { launcherMessageSchema, type LauncherCommand } from './protocol';
import { standBack } from './stand-back';

/** dist/host/host-launcher.js of this package; from source the same, bundled on demand. */
function defaultProgram(file: string = __filename): ChildProgram {
  return childProgram('src/inference/hosting/launching/main.ts', 'dist/host/host-launcher.js', file);
}

/** Without hosts it stays this long, ms: whoever measures starts one after the other. */
const defaultIdleMs = 5_000;

interface Remote {
  pid: number | undefined;
  readonly events: LaunchEvents;
}

export interface LauncherProcessOptions {
  readonly idleMs?: number;
  readonly program?: ChildProgram;
}

/**
 * Starts hosts by a small process of its own. Starting a process stops the one that starts it for as long as its memory takes to be
 * mapped anew and the other to come up: in Node-RED that is 5 to 15 ms each time, and more where the cores are busy, as they are while
 * a device is measured. The launcher begins with the first host and ends some seconds after the last. Hosts whose launcher dies are ended.
 * They have a lower priority than this process, from their start.
 */
export class LauncherProcess implements HostLauncher {
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #count = 0;
  #closed = false;
  readonly #hosts = new Map<number, Remote>();

  constructor(private readonly options: LauncherProcessOptions = {}) {}

  /** Of the launcher itself; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  launch(launch: HostLaunch, events: LaunchEvents): LaunchedHost {
    const number = (this.#count += 1);
    const remote: Remote = { pid: undefined, events };
    this.#hosts.set(number, remote);
    clearTimeout(this.#idle);
    if (this.#closed) setImmediate(() => this.#end(number, 'its launcher was closed'));
    else this.#send({ kind: 'launch', number, launch });
    return {
      get pid() {
        return remote.pid;
      },
      kill: () => this.#hosts.has(number) && this.#send({ kind: 'kill', number }),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  #send(command: LauncherCommand): void {
    try {
      const child = (this.#child ??= this.#start());
      // Its death is told by events.
      child.send(command, () => undefined);
    } catch (error) {
      const how = messageOf(error);
      setImmediate(() => this.#end(command.number, how));
    }
  }

  #start(): ChildProcess {
    const { script, execArgv } = this.options.program ?? defaultProgram();
    const child = fork(script, [], {
      execArgv: [...execArgv],
      env: hostEnvironment(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const numbers = (): number[] => (this.#child === child ? [...this.#hosts.keys()] : []);
    this.#ended = new Promise((resolve) => {
      const gone = (how: string): void => {
        const lost = numbers();
        if (this.#child === child) this.#child = null;
        for (const number of lost) this.#end(number, how);
        resolve();
      };
      child.on('error', (error) => child.pid === undefined && gone(messageOf(error)));
      child.once('exit', () => gone('ended with the process that had started it'));
    });
    child.on('message', (message, handle) => this.#hear(message, handle));
    return child;
  }

  #hear(message: unknown, handle: unknown): void {
    const parsed = launcherMessageSchema.safeParse(message);
    const channel = handle instanceof Socket ? handle : null;
    const remote = parsed.success ? this.#hosts.get(parsed.data.number) : undefined;
    if (!parsed.success || remote === undefined) {
      channel?.destroy();
      return;
    }
    const told = parsed.data;
    if (told.kind === 'said') remote.events.onErrorOutput(told.text);
    else if (told.kind === 'ended') this.#end(told.number, told.how, true);
    else {
      remote.pid = told.pid;
      // Without its channel it ends by itself, and that will be told.
      if (channel !== null) remote.events.onStarted(channel);
    }
  }

  #end(number: number, how: string, isOver = false): void {
    const remote = this.#hosts.get(number);
    if (remote === undefined) return;
    this.#hosts.delete(number);
    if (!isOver && remote.pid !== undefined) killOrphan(remote.pid);
    remote.events.onEnd(how);
    if (this.#hosts.size === 0 && !this.#closed) this.#waitIdle();
  }

  #waitIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      const child = this.#child;
      // The next host gets a new one.
      this.#child = null;
      if (child?.connected === true) child.disconnect();
    }, this.options.idleMs ?? defaultIdleMs);
  }
}

/** Windows has no way to hand a channel over: there this process starts them. */
const directAndBack: HostLauncher = {
  ...directLauncher,
  launch(launch, events) {
    const host = directLauncher.launch(launch, events);
    if (host.pid !== undefined) standBack(host.pid);
    return host;
  },
};

/** A launcher for hosts that measure: they stand back behind all that serves. */
export const openLauncher = (): HostLauncher => (process.platform === 'win32' ? directAndBack : new LauncherProcess());

function killOrphan(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
