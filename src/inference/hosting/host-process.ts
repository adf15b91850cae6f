import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Component, InferenceDevice, ThrottleTarget } from '../../signals/device';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { CommandChannel, type Order } from './command-channel';
import { defaultHostEntry, type HostEntry } from './host-entry';
import { canPin, launchHost } from './host-launch';
import type { HostAnswers, HostCommand, HostMessage, LoadAnswer, RunAnswer } from '../host/protocol';
import { RequestSlots } from '../shared-memory/request-slots';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { NamedTensors } from '../tensors';

/** A model as a host knows it. `key` names one set of bytes; the same key is loaded once, however many ask for it. */
export interface HostModel {
  readonly key: string;
  readonly path: string;
  readonly sha256: string | null;
}

/** One run of a model for one or several requests. */
export interface HostRun {
  /** Of each request, in the order they came. */
  readonly results: readonly { readonly outputs: NamedTensors; readonly nonFiniteInput: boolean }[];
  readonly runMs: number;
  readonly cpuMs: number;
}

export interface RunOptions {
  /** What the run should take, ms; null when nothing is known. */
  readonly expectedMs: number | null;
  /** Refuses NaN and infinity in the input, instead of passing them on. */
  readonly refuseNonFinite: boolean;
}

export type HostState = 'starting' | 'ready' | 'restarting' | 'closed';

export interface HostLog {
  info(text: string): void;
  warn(text: string): void;
}

export const silentLog: HostLog = { info: () => undefined, warn: () => undefined };

export interface HostProcessOptions {
  readonly component: Component;
  readonly slots: SlotDirectory;
  /** Learns of the process so that the power cap applies to it; null for a host that nobody caps. */
  readonly device: Pick<InferenceDevice, 'register'> | null;
  readonly entry?: HostEntry;
  readonly log?: HostLog;
  /** False for a process of one task: it is not replaced when it dies. */
  readonly restart?: boolean;
  /** No answer for this long, or for `hangFactor` times the expected run time, means that the host hangs. */
  readonly leastHangMs?: number;
}

const hangFactor = 20;
const loadLimitMs = 120_000;
const bootLimitMs = 30_000;
const firstBackoffMs = 250;
const longestBackoffMs = 10_000;
/** A host that lived this long has earned an immediate restart again. */
const healthyMs = 30_000;
/** Deaths in a row before the first word of a host that make `start` give up. */
const mostBootFailures = 3;
const stderrTail = 2000;

interface Residence {
  readonly model: HostModel;
  users: number;
  answer: Promise<LoadAnswer>;
}

export interface HostEvents {
  state: [state: HostState, reason: string];
  /** A model that was loaded before a restart could not be loaded again. */
  modelLost: [model: HostModel, error: EcomapError];
  problem: [error: unknown];
}

/**
 * The parent's side of one supervised inference host: a pinned child process that computes for one component. When it dies,
 * what was under way is rejected with HOST_CRASHED and a new process takes over with the same models: the first time at
 * once, then with growing delays. One that does not answer is killed and replaced.
 */
export class HostProcess extends EventEmitter<HostEvents> {
  readonly component: Component;
  #state: HostState = 'starting';
  /** Whether `close` was called: a host may also be closed because it does not come up. */
  #closing = false;
  #restarts = 0;
  #pinned = false;
  #rssBytes: number | null = null;
  #cpuSecondsOfDead = 0;
  /** Of the present process; an object of its own, so that a dead process keeps its last figure. */
  #usage = { cpuSeconds: 0 };
  #pace = 1;
  #child: ChildProcess | null = null;
  #startedAt = 0;
  /** Whether the present process has said its first word. */
  #heard = false;
  #failuresInARow = 0;
  #bootFailures = 0;
  #lastWords = '';
  #killReason: string | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  #unregister: (() => void) | null = null;
  readonly #channel: CommandChannel;
  readonly #residents = new Map<string, Residence>();
  readonly #slots: RequestSlots;
  readonly #entry: HostEntry;
  readonly #log: HostLog;
  readonly #leastHangMs: number;

  constructor(private readonly options: HostProcessOptions) {
    super();
    this.component = options.component;
    this.#slots = new RequestSlots(options.slots, options.component.name);
    this.#entry = options.entry ?? defaultHostEntry();
    this.#log = options.log ?? silentLog;
    this.#leastHangMs = options.leastHangMs ?? 10_000;
    this.#channel = new CommandChannel((limitMs) => {
      this.#killReason = `did not answer for ${Math.round(limitMs / 1000)} s and was stopped`;
      this.#child?.kill('SIGKILL');
    });
  }

  get state(): HostState {
    return this.#state;
  }
  get restarts(): number {
    return this.#restarts;
  }
  /** Whether the process is bound to the component's cores. */
  get pinned(): boolean {
    return this.#pinned;
  }
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }
  /** Resident memory as last reported, bytes. */
  get rssBytes(): number | null {
    return this.#rssBytes;
  }
  /** CPU seconds of this host since it was made, over all its processes. */
  get totalCpuSeconds(): number {
    return this.#cpuSecondsOfDead + this.#usage.cpuSeconds;
  }
  get inFlight(): number {
    return this.#channel.unanswered;
  }

  /** Resolves when the first process has answered. @throws EcomapError HOST_CRASHED when none comes up. */
  async start(): Promise<void> {
    this.#pinned = this.component.cores.length > 0 && (await canPin());
    if (this.component.cores.length > 0 && !this.#pinned) {
      this.#log.warn(`${this.component.name}: not pinned to its cores, because taskset is not available here.`);
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (state: HostState, reason: string) => {
        if (state === 'starting' || state === 'restarting') return;
        this.off('state', settle);
        if (state === 'ready') resolve();
        else reject(new EcomapError(this.#closing ? 'NODE_CLOSED' : 'HOST_CRASHED', reason));
      };
      this.on('state', settle);
      this.#spawn();
    });
  }

  /**
   * Loads a model, or counts one more user of it.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  async load(model: HostModel): Promise<LoadAnswer> {
    await this.#whenReady();
    const resident = this.#residents.get(model.key);
    if (resident !== undefined) {
      resident.users += 1;
      return resident.answer;
    }
    const { key, path, sha256 } = model;
    const answer = this.#order({ kind: 'load', key, path, sha256 }, loadLimitMs);
    const added: Residence = { model, users: 1, answer };
    this.#residents.set(key, added);
    try {
      return await answer;
    } catch (error) {
      // Also when the load itself killed the process: it must not do so again at each restart.
      if (this.#residents.get(key) === added) this.#residents.delete(key);
      throw error;
    }
  }

  /** Takes one user of the model away; the last one frees its memory. Never fails: a dead host has freed it anyway. */
  async unload(key: string): Promise<void> {
    const resident = this.#residents.get(key);
    if (resident === undefined) return;
    resident.users -= 1;
    if (resident.users > 0) return;
    this.#residents.delete(key);
    await this.#order({ kind: 'unload', key }, loadLimitMs).catch(() => undefined);
  }

  /**
   * One run of a loaded model; several requests are computed as one batch. `expectedMs` sharpens the watchdog; NaN and infinity
   * are passed on unless refused.
   * @throws EcomapError HOST_CRASHED when the process dies or hangs meanwhile, INPUT_MISMATCH when the model refuses the input
   */
  async run(key: string, requests: readonly NamedTensors[], options: RunOptions): Promise<HostRun> {
    const { expectedMs, refuseNonFinite } = options;
    const slot = this.#slots.take();
    try {
      const frames = await slot.write(requests);
      const limitMs = Math.max(this.#leastHangMs, (hangFactor * (expectedMs ?? 0)) / this.#pace);
      const answer: RunAnswer = await this.#order(
        { kind: 'run', key, requests: frames, slot: slot.paths, refuseNonFinite },
        limitMs,
      );
      const results: HostRun['results'][number][] = [];
      for (const { outputs, nonFiniteInput } of answer.results) {
        results.push({ outputs: await slot.read(outputs), nonFiniteInput });
      }
      return { results, runMs: answer.runMs, cpuMs: answer.cpuMs };
    } finally {
      this.#slots.give(slot);
    }
  }

  /** Measures a model in this process; for hosts that serve nobody. */
  profile(path: string, sha256: string | null, dims: readonly number[] | null): Promise<HostAnswers['profile']> {
    return this.#order({ kind: 'profile', path, sha256, dims }, loadLimitMs);
  }

  /** Works only this share of the time, by pausing between runs. Holds for the processes that follow, too. */
  async pace(share: number): Promise<number> {
    const answer = await this.#order({ kind: 'pace', share }, this.#leastHangMs);
    this.#pace = answer.share;
    return answer.share;
  }

  /** Ends the process at once; what is under way is rejected with NODE_CLOSED. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const child = this.#child;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#closing = true;
    const reason = `The inference host of ${this.component.name} was stopped.`;
    this.#setState('closed', reason);
    this.#channel.rejectAll(new EcomapError('NODE_CLOSED', reason));
    this.#leaveDevice();
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      await new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      });
    }
    this.#slots.close();
    this.#residents.clear();
  }

  async #whenReady(): Promise<void> {
    while (this.#state === 'starting' || this.#state === 'restarting') await once(this, 'state');
  }

  #setState(state: HostState, reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.emit('state', state, reason);
  }

  #spawn(): void {
    this.#lastWords = '';
    this.#killReason = null;
    this.#startedAt = performance.now();
    this.#heard = false;
    const child = launchHost(this.#entry, this.component, this.#pinned);
    this.#child = child;
    let ended = false;
    const end = (reason: string) => {
      if (ended || this.#child !== child) return;
      ended = true;
      this.#onDeath(reason);
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-stderrTail);
    });
    child.on('message', (message) => this.#onMessage(child, message as HostMessage));
    child.on('error', (error) => {
      // Without a process there will be no exit; any other error leaves the process as it is.
      if (child.pid === undefined) end(messageOf(error));
    });
    child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    this.#channel.watch(bootLimitMs);
  }

  #onMessage(child: ChildProcess, message: HostMessage): void {
    if (child !== this.#child || this.#state === 'closed') return;
    this.#usage.cpuSeconds = message.usage.cpuSeconds;
    this.#rssBytes = message.usage.rssBytes;
    if (message.kind === 'ready') {
      this.#channel.stopWatch();
      this.#heard = true;
      void this.#takeUpWork(child);
      return;
    }
    this.#channel.onReply(message);
  }

  /** A new process: same pace, announced to the device, same models; only then does it get requests. */
  async #takeUpWork(child: ChildProcess): Promise<void> {
    try {
      if (this.#pace < 1) await this.pace(this.#pace);
      await this.#joinDevice(child);
    } catch (error) {
      this.emit('problem', error);
    }
    for (const resident of [...this.#residents.values()]) {
      if (child !== this.#child) return;
      const { key, path, sha256 } = resident.model;
      // Its last user may have left while the ones before it were loaded.
      if (this.#residents.get(key) !== resident) continue;
      resident.answer = this.#order({ kind: 'load', key, path, sha256 }, loadLimitMs);
      try {
        await resident.answer;
      } catch (error) {
        if (child !== this.#child) return;
        this.#residents.delete(key);
        if (isEcomapError(error)) this.emit('modelLost', resident.model, error);
      }
    }
    if (child === this.#child) this.#setState('ready', 'ready');
  }

  async #joinDevice(child: ChildProcess): Promise<void> {
    if (this.options.device === null || child.pid === undefined) return;
    const usage = this.#usage;
    const target: ThrottleTarget = {
      component: this.component.name,
      pid: child.pid,
      cpuSeconds: () => usage.cpuSeconds,
      pace: (share) => this.pace(share),
    };
    const unregister = await this.options.device.register(target);
    // It may have died, or been closed, while the device took note.
    if (child === this.#child && this.#state !== 'closed') this.#unregister = unregister;
    else unregister();
  }

  #leaveDevice(): void {
    const unregister = this.#unregister;
    this.#unregister = null;
    try {
      unregister?.();
    } catch (error) {
      this.emit('problem', error);
    }
  }

  #onDeath(how: string): void {
    this.#child = null;
    this.#channel.stopWatch();
    this.#cpuSecondsOfDead += this.#usage.cpuSeconds;
    this.#usage = { cpuSeconds: 0 };
    this.#rssBytes = null;
    if (this.#state === 'closed') return;
    this.#leaveDevice();
    const words = this.#lastWords.trim();
    const reason =
      `The inference host of ${this.component.name} ${this.#killReason ?? `ended unexpectedly (${how})`}.` +
      (words === '' ? '' : ` Its last words: ${words}`);
    this.#channel.rejectAll(new EcomapError('HOST_CRASHED', `${reason} A new one takes over; send the request again.`));
    if (this.options.restart === false) {
      this.#setState('closed', reason);
      return;
    }
    if (!this.#heard && this.#pinned && words.includes('taskset')) {
      this.#log.warn(`${this.component.name}: cannot be pinned to cores ${this.component.cores.join(',')}: ${words}`);
      this.#pinned = false;
      this.#spawn();
      return;
    }
    if (!this.#heard && this.#state === 'starting' && (this.#bootFailures += 1) >= mostBootFailures) {
      this.#setState('closed', reason);
      return;
    }
    if (performance.now() - this.#startedAt > healthyMs) this.#failuresInARow = 0;
    const delayMs =
      this.#failuresInARow === 0 ? 0 : Math.min(longestBackoffMs, firstBackoffMs * 2 ** (this.#failuresInARow - 1));
    this.#failuresInARow += 1;
    if (this.#state !== 'starting') {
      this.#restarts += 1;
      this.#log.warn(`${reason} Restart ${this.#restarts}${delayMs > 0 ? ` in ${delayMs} ms` : ''}.`);
      this.#setState('restarting', reason);
    }
    this.#restartTimer = setTimeout(() => {
      if (this.#state !== 'closed') this.#spawn();
    }, delayMs);
  }

  #order<Kind extends HostCommand['kind']>(
    order: Order<Kind> & { kind: Kind },
    limitMs: number,
  ): Promise<HostAnswers[Kind]> {
    const child = this.#child;
    if (child === null || !child.connected || this.#state === 'closed') {
      const what = this.#state === 'closed' ? 'was stopped' : 'is being restarted; send the request again';
      const code = this.#closing ? 'NODE_CLOSED' : 'HOST_CRASHED';
      return Promise.reject(new EcomapError(code, `The inference host of ${this.component.name} ${what}.`));
    }
    return this.#channel.order<Kind>(child, order, limitMs, (error) => {
      this.#log.info(`${this.component.name}: ${error.message}`);
    });
  }
}
