import type { ChildProcess } from 'node:child_process';
import type { Component } from '../../signals/device';
import { messageOf } from '../../signals/errors';
import type { HostMessage } from '../host/protocol';
import type { HostEntry } from './host-entry';
import { launchHost } from './host-launch';

const stderrTail = 2000;

export interface HostChildEvents {
  onMessage(message: HostMessage): void;
  /** Called once. @param how in words: the exit code or the signal */
  onEnd(how: string): void;
}

/** One process of a host, from its start to its end, with what is known of it. */
export class HostChild {
  /** Null when the system would not start one: it has no memory or no process numbers left. */
  readonly process: ChildProcess | null;
  /** Whether it has said its first word. */
  heard = false;
  /** CPU seconds since it started, as last reported. */
  cpuSeconds = 0;
  /** Resident memory as last reported or sampled, bytes. */
  rssBytes: number | null = null;
  #lastWords = '';
  #killReason: string | null = null;

  constructor(entry: HostEntry, component: Component, pinned: boolean, events: HostChildEvents) {
    let ended = false;
    const end = (how: string) => {
      if (ended) return;
      ended = true;
      events.onEnd(how);
    };
    let child: ChildProcess;
    try {
      child = launchHost(entry, component, pinned);
    } catch (error) {
      // Most failures are told by an event, a few are thrown: to whoever waits for this process they are its end alike.
      this.process = null;
      setImmediate(() => end(messageOf(error)));
      return;
    }
    this.process = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-stderrTail);
    });
    child.on('message', (message) => {
      // Written by our own program, built from the same protocol.
      const word = message as HostMessage;
      this.cpuSeconds = word.usage.cpuSeconds;
      this.rssBytes = word.usage.rssBytes;
      events.onMessage(word);
    });
    child.on('error', (error) => {
      // Without a process there will be no exit; any other error leaves the process as it is.
      if (child.pid === undefined) end(messageOf(error));
    });
    child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** The end of what it wrote to its error output. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  /** Ends it; `reason` ("did not answer ...") goes into the message of what was under way. */
  kill(reason: string): void {
    this.#killReason ??= reason;
    this.process?.kill('SIGKILL');
  }

  /** Why it ended, as the rest of a sentence. */
  obituary(how: string): string {
    return this.#killReason ?? `ended unexpectedly (${how})`;
  }

  /** Ends it at once and resolves when it is gone. */
  async ended(): Promise<void> {
    const child = this.process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  }
}
