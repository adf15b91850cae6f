import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { messageOf } from '../../signals/errors';
import { FrameSender } from '../channel/frame-sender';
import { FrameSplitter } from '../channel/frame-splitter';
import { decodeMessage, MessageEncoder } from '../channel/messages';
import { channelDescriptor, type HostCommand, type HostMessage } from '../host/protocol';
import { launchHost, type HostLaunch } from './host-launch';

const stderrTail = 2000;

export interface HostChildEvents {
  onMessage(message: HostMessage): void;
  /** A command did not get through. The process is gone or as good as that: its end will be told. */
  onSendError(error: Error): void;
  /** Called once. @param how in words: the exit code or the signal */
  onEnd(how: string): void;
}

/** One process of a host, from its start to its end, with what is known of it. */
export class HostChild {
  /** Null when the system would not start one: it has no memory or no process numbers left. */
  readonly #process: ChildProcess | null;
  /** Whether it has said its first word. */
  heard = false;
  /** CPU seconds since it started, as last reported. */
  cpuSeconds = 0;
  /** Resident memory as last reported or sampled, bytes. */
  rssBytes: number | null = null;
  #lastWords = '';
  #killReason: string | null = null;
  readonly #encoder = new MessageEncoder();
  /** Null while there is no channel. */
  #sender: FrameSender | null = null;

  constructor(launch: HostLaunch, events: HostChildEvents) {
    let ended = false;
    const end = (how: string) => {
      if (ended) return;
      ended = true;
      events.onEnd(how);
    };
    let child: ChildProcess;
    try {
      child = launchHost(launch);
    } catch (error) {
      // Most failures are told by an event, a few are thrown: to whoever waits for this process they are its end alike.
      this.#process = null;
      setImmediate(() => end(messageOf(error)));
      return;
    }
    this.#process = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-stderrTail);
    });
    this.#connect(child, events);
    child.on('error', (error) => {
      // Without a process there will be no exit; any other error leaves the process as it is.
      if (child.pid === undefined) end(messageOf(error));
    });
    child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether commands can be sent: not any more once the process is dead, even before its end was reported. */
  get connected(): boolean {
    return this.#sender !== null;
  }

  /**
   * Call it only while connected.
   * @throws ZodError when there is something in the command that cannot be sent
   */
  send(command: HostCommand): void {
    this.#sender?.send(this.#encoder.command(command));
  }

  /** The end of what it wrote to its error output. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  /** Ends it; `reason` ("did not answer ...") goes into the message of what was under way. */
  kill(reason: string): void {
    this.#killReason ??= reason;
    this.#process?.kill('SIGKILL');
  }

  /** Why it ended, as the rest of a sentence. */
  obituary(how: string): string {
    return this.#killReason ?? `ended unexpectedly (${how})`;
  }

  /** Ends it at once and resolves when it is gone. */
  async ended(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  }

  #connect(child: ChildProcess, events: HostChildEvents): void {
    const socket = child.stdio?.[channelDescriptor];
    if (!(socket instanceof Socket)) return;
    this.#sender = new FrameSender(socket, null, events.onSendError);
    const splitter = new FrameSplitter((frame) => {
      const message = decodeMessage(frame);
      this.cpuSeconds = message.usage.cpuSeconds;
      this.rssBytes = message.usage.rssBytes;
      events.onMessage(message);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk);
      } catch (error) {
        this.kill(`said what is no message (${messageOf(error).slice(0, 200)}) and was stopped`);
      }
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#sender = null;
      });
    }
  }
}
