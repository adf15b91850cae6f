import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { messageOf } from '../../../signals/errors';
import { channelDescriptor } from '../../host/protocol';
import { launchHost, type HostLaunch } from './host-launch';

export interface LaunchEvents {
  /** It runs; the channel is its own end of what commands and answers go through. */
  onStarted(channel: Socket): unknown;
  onErrorOutput(text: string): void;
  /** Called once, never before `launch` has returned, and also where none could be started. @param how in words: the exit code or the signal */
  onEnd(how: string): void;
}

/** The process of a host, as whoever asked for it sees it. */
export interface LaunchedHost {
  /** Undefined until it runs, and for ever when the system would not start one. */
  readonly pid: number | undefined;
  /** Ends it at once; its end is told as any other. */
  kill(): void;
}

/** Starts the processes of hosts. */
export interface HostLauncher {
  launch(launch: HostLaunch, events: LaunchEvents): LaunchedHost;
}

/** How a process ended, in words. */
export const wordsOfEnd = (code: number | null, signal: string | null): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;

/** This process starts them itself, and stands still meanwhile: for 5 to 15 ms, more with much memory or busy cores. */
export const directLauncher: HostLauncher = {
  launch(launch, events) {
    let ended = false;
    const end = (how: string): void => {
      if (ended) return;
      ended = true;
      events.onEnd(how);
    };
    let child: ChildProcess;
    try {
      child = launchHost(launch);
    } catch (error) {
      // Most failures are told by an event, a few are thrown: to whoever waits for this process they are its end alike.
      setImmediate(() => end(messageOf(error)));
      return { pid: undefined, kill: () => undefined };
    }
    child.stderr?.setEncoding('utf8').on('data', (text: string) => events.onErrorOutput(text));
    child.on('error', (error) => {
      // Without a process there will be no exit; any other error leaves the process as it is.
      if (child.pid === undefined) end(messageOf(error));
    });
    child.on('exit', (code, signal) => end(wordsOfEnd(code, signal)));
    // There is none where there are no descriptors left.
    const channel = child.stdio?.[channelDescriptor];
    if (channel instanceof Socket) events.onStarted(channel);
    return {
      pid: child.pid,
      kill: () => {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      },
    };
  },
};
