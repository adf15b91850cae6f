import type { Socket } from 'node:net';
import { messageOf } from '../../signals/errors';
import { FrameSender } from '../channel/frame-sender';
import { FrameSplitter } from '../channel/frame-splitter';
import { decodeMessage, MessageEncoder } from '../channel/messages';
import type { HostCommand, HostMessage } from '../host/protocol';
import type { HostLaunch } from './launching/host-launch';
import type { HostLauncher, LaunchedHost } from './launching/host-launcher';

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
  readonly #process: LaunchedHost;
  readonly #gone: Promise<void>;
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

  constructor(launch: HostLaunch, launcher: HostLauncher, events: HostChildEvents) {
    let isGone: () => void = () => undefined;
    this.#gone = new Promise((resolve) => {
      isGone = resolve;
    });
    this.#process = launcher.launch(launch, {
      onStarted: (channel) => this.#connect(channel, events),
      onErrorOutput: (text) => {
        this.#lastWords = (this.#lastWords + text).slice(-stderrTail);
      },
      onEnd: (how) => {
        this.#sender = null;
        isGone();
        events.onEnd(how);
      },
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
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
    this.#process.kill();
  }

  /** Why it ended, as the rest of a sentence. */
  obituary(how: string): string {
    return this.#killReason ?? `ended unexpectedly (${how})`;
  }

  /** Ends it at once and resolves when it is gone. */
  ended(): Promise<void> {
    this.#process.kill();
    return this.#gone;
  }

  #connect(socket: Socket, events: HostChildEvents): void {
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
