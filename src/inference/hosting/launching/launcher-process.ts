import { fork, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { childProgram, type ChildProgram } from '../../../models/child-program';
import { lowerPriority } from '../../../models/lower-priority';
import { messageOf } from '../../../signals/errors';
import { hostEnvironment, type HostLaunch } from './host-launch';
import { directLauncher, wordsOfEnd, type HostLauncher, type LaunchedHost, type LaunchEvents } from './host-launcher';
import { launcherMessageSchema, type LauncherCommand } from './protocol';

/** dist/host/host-launcher.js of this package; from source the same, bundled on demand. */
function defaultProgram(file: string = __filename): ChildProgram {
  return childProgram('src/inference/hosting/launching/main.ts', 'dist/host/host-launcher.js', file);
}

/** Without hosts it stays this long, ms: whoever measures starts one after the other. */
const defaultIdleMs = 5_000;
/** A launcher that did not end a host for so long, ms, hangs, and is ended with all of its hosts. */
const defaultKillLimitMs = 5_000;
/** Of what it says on stderr, this much is kept for its obituary. */
const keptCharacters = 1000;

interface Remote {
  pid: number | undefined;
  readonly events: LaunchEvents;
  /** Runs out when it was to be ended and nothing happened. */
  overdue: NodeJS.Timeout | undefined;
}

export interface LauncherProcessOptions {
  readonly idleMs?: number;
  readonly killLimitMs?: number;
  readonly program?: ChildProgram;
}

/**
 * Starts hosts by a small process of its own. Starting a process stops the one that starts it for as long as its memory takes to be
 * mapped anew and the other to come up: in Node-RED that is 5 to 15 ms each time, and more where the cores are busy, as they are while
 * a device is measured. The launcher begins with the first host and ends some seconds after the last. Hosts whose launcher dies are ended.
 * They have a lower priority than this process, from their start.
 */
export class LauncherProcess implements OwnedLauncher {
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
    const remote: Remote = { pid: undefined, events, overdue: undefined };
    this.#hosts.set(number, remote);
    clearTimeout(this.#idle);
    if (this.#closed) setImmediate(() => this.#end(number, 'its launcher was closed'));
    else this.#order({ kind: 'launch', number, launch: { ...launch, entry: entryOf(launch) } });
    return {
      get pid() {
        return remote.pid;
      },
      kill: () => {
        if (this.#hosts.has(number) && remote.overdue === undefined) this.#kill(number, remote);
      },
    };
  }

  /** Ends the launcher, and hosts that were not ended before. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  #kill(number: number, remote: Remote): void {
    // Its death is told by events.
    this.#child?.send({ kind: 'kill', number } satisfies LauncherCommand, () => undefined);
    remote.overdue = setTimeout(() => this.#child?.kill('SIGKILL'), this.options.killLimitMs ?? defaultKillLimitMs);
  }

  #order(command: LauncherCommand): void {
    try {
      const child = (this.#child ??= this.#start());
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
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-keptCharacters);
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
      child.once('exit', (code, signal) => {
        const last = said.trim().split('\n').at(-1) ?? '';
        gone(`ended with the process that had started it (${wordsOfEnd(code, signal)}${last && `: ${last}`})`);
      });
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
    clearTimeout(remote.overdue);
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
      // It has nothing to take leave of, and one that hangs would not hear it.
      child?.kill('SIGKILL');
    }, this.options.idleMs ?? defaultIdleMs);
  }
}

/** Windows has no way to hand a channel over: there this process starts them. */
const directAtLowPriority: OwnedLauncher = {
  launch(launch, events) {
    const host = directLauncher.launch(launch, events);
    if (host.pid !== undefined) lowerPriority(host.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    return host;
  },
  close: () => Promise.resolve(),
};

/** A launcher that whoever opened it closes, after its hosts. */
export interface OwnedLauncher extends HostLauncher {
  close(): Promise<void>;
}

/** A launcher for hosts that measure: all that serves goes first. */
export const openLauncher = (): OwnedLauncher =>
  process.platform === 'win32' ? directAtLowPriority : new LauncherProcess();

/** As a message takes it. */
const entryOf = ({ entry: { script, execArgv } }: HostLaunch): { script: string; execArgv: string[] } => ({
  script,
  execArgv: [...execArgv],
});

function killOrphan(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
