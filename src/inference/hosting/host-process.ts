import { EventEmitter, once } from 'node:events';
import type { Component, InferenceDevice } from '../../signals/device';
import { EcomapError } from '../../signals/errors';
import type { HostAnswers, HostCommand, HostMessage, LoadAnswer, RunAnswer } from '../host/protocol';
import { RequestSlots } from '../shared-memory/request-slots';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { NamedTensors } from '../tensors/tensors';
import { CommandChannel, type Order } from './command-channel';
import { DeviceMembership } from './device-membership';
import { HostChild } from './host-child';
import { defaultHostEntry, type HostEntry } from './host-entry';
import { silentLog, type HostLog } from './host-log';
import { HostLostError } from './host-lost-error';
import { HostModels } from './host-models';
import { HostPace } from './host-pace';
import type { FramedRun, HostRun, RunOptions } from './host-run';
import { canPin } from './launching/host-launch';
import { directLauncher, type HostLauncher } from './launching/host-launcher';
import { residentBytesOf, type ProcessReading } from './memory-guard';
import type { HostModel } from './resident-models';
import { RestartPolicy } from './restart-policy';

/** `down`: several starts in a row have failed; tries go on, but nobody waits for them. */
export type HostState = 'starting' | 'ready' | 'restarting' | 'down' | 'closed';

export interface HostProcessOptions {
  readonly component: Component;
  readonly slots: SlotDirectory;
  /** Learns of the process so that the power cap applies to it; null for a host that nobody caps. */
  readonly device: Pick<InferenceDevice, 'register'> | null;
  readonly entry?: HostEntry;
  /** What starts its processes; absent: this process itself, which stands still meanwhile. */
  readonly launcher?: HostLauncher;
  readonly log?: HostLog;
  /** It only loads until `serve` is called, and is under the cap from then on; see there. */
  readonly standby?: boolean;
  /** False for a process of one task: it is not replaced when it dies. */
  readonly restart?: boolean;
  /** No answer for this long, or for `hangFactor` times the expected run time, means that the host hangs. */
  readonly leastHangMs?: number;
  /** Models larger than this are refused, bytes. */
  readonly memoryLimitBytes?: number;
  /** Models without users stay loaded while all models together measure less than this, bytes. */
  readonly idleBudgetBytes?: number;
}

const hangFactor = 20;
const loadLimitMs = 120_000;
const bootLimitMs = 30_000;

export interface HostEvents {
  state: [state: HostState, reason: string];
  /** A model that was loaded before a restart could not be loaded again. */
  modelLost: [model: HostModel, error: EcomapError];
  problem: [error: unknown];
}

/**
 * The parent's side of one supervised inference host: a pinned child process that computes for one component. When it dies,
 * what was under way is rejected with HOST_CRASHED and a new process takes over with the models that are in use: the first
 * time at once, then with growing delays. One that does not answer is killed and replaced.
 */
export class HostProcess extends EventEmitter<HostEvents> {
  readonly component: Component;
  #state: HostState = 'starting';
  /** Whether `close` was called: a host may also be closed because it is not replaced. */
  #closing = false;
  #replaced: boolean;
  #restarts = 0;
  #lastReason = '';
  #pinned = false;
  #serves: boolean;
  #cpuSecondsOfDead = 0;
  #child: HostChild | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  readonly #channel: CommandChannel;
  readonly #membership: DeviceMembership;
  readonly #restartPolicy = new RestartPolicy();
  readonly #pace: HostPace;
  readonly #models: HostModels;
  readonly #slots: RequestSlots;
  /** Of the models that were ever asked for, by key. */
  readonly #numbers = new Map<string, number>();
  readonly #entry: HostEntry;
  readonly #log: HostLog;
  readonly #leastHangMs: number;

  constructor(private readonly options: HostProcessOptions) {
    super();
    this.component = options.component;
    this.#replaced = options.restart ?? true;
    this.#serves = options.standby !== true;
    this.#slots = new RequestSlots(options.slots);
    this.#pace = new HostPace((share) => this.order({ kind: 'pace', share }, this.#leastHangMs));
    this.#models = new HostModels({
      orderLoad: ({ key, path, sha256, stage }) =>
        this.order({ kind: 'load', model: this.#numberOf(key), path, sha256, stage }, loadLimitMs),
      orderUnload: (key) => this.order({ kind: 'unload', model: this.#numberOf(key) }, loadLimitMs),
      memoryLimitBytes: options.memoryLimitBytes ?? Infinity,
      idleBudgetBytes: options.idleBudgetBytes ?? 0,
      onLost: (model, error) => this.emit('modelLost', model, error),
    });
    this.#entry = options.entry ?? defaultHostEntry();
    this.#log = options.log ?? silentLog;
    this.#leastHangMs = options.leastHangMs ?? 10_000;
    this.#membership = new DeviceMembership(options.device, this.component, (share) => this.pace(share));
    this.#channel = new CommandChannel((limitMs) => {
      this.#child?.kill(`did not answer for ${Math.round(limitMs / 1000)} s and was stopped`);
    });
  }

  get state(): HostState {
    // A dead process is cut off before its end is reported: whoever waits must not be handed over to it in between.
    const isCutOff = this.#state === 'ready' && this.#child?.connected === false;
    return isCutOff ? 'restarting' : this.#state;
  }
  get restarts(): number {
    return this.#restarts;
  }
  /** Why the last process ended; empty where none has. */
  get lastReason(): string {
    return this.#lastReason;
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
    return this.#child?.rssBytes ?? null;
  }
  /** CPU seconds of this host since it was made, over all its processes. */
  get totalCpuSeconds(): number {
    return this.#cpuSecondsOfDead + (this.#child?.cpuSeconds ?? 0);
  }
  get inFlight(): number {
    return this.#channel.unanswered;
  }
  /** Models in memory, those without users included. */
  get models(): number {
    return this.#models.count;
  }
  /** What they measure together, bytes. */
  get modelBytes(): number {
    return this.#models.bytes;
  }
  get hasIdleModels(): boolean {
    return this.#models.hasIdle;
  }

  /** What one model measures, bytes; null when it is not in memory. */
  bytesOf(key: string): number | null {
    return this.holds(key) ? this.#models.bytesOf(key) : null;
  }

  /**
   * Resolves when the first process takes requests. @throws EcomapError HOST_CRASHED when several starts in a row have failed;
   * tries go on all the same until `close`.
   */
  async start(): Promise<void> {
    this.#pinned = this.component.cores.length > 0 && (await canPin());
    if (this.component.cores.length > 0 && !this.#pinned) {
      this.#log.warn(`${this.component.name}: not pinned to its cores, because taskset is not available here.`);
    }
    if (this.#state === 'closed') throw this.#unavailable();
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
   * From now on the power cap holds for it. A standby under a small CPU quota would take seconds for what takes a moment, and take the
   * time from the process that serves: it is there because the cap has fallen and lighter variants must come. What it draws until then counts
   * like what any other program draws.
   */
  async serve(): Promise<void> {
    if (this.#serves) return;
    this.#serves = true;
    if (this.#child !== null && this.#state === 'ready') await this.#joinDevice(this.#child);
  }

  /** Whether the model is in memory now, with or without users. */
  holds(key: string): boolean {
    return this.#state === 'ready' && this.#models.isLoaded(key);
  }

  /**
   * Loads a model, or counts one more user of it.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, MEMORY_EXCEEDED, RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  async load(model: HostModel): Promise<LoadAnswer> {
    await this.#whenReady();
    return this.#models.load(model);
  }

  /** Takes one user of the model away; without users it is idle, and stays as the budget allows. Never fails. */
  unload(key: string): Promise<void> {
    return this.#models.unload(key);
  }

  /** Frees idle models, the least recently used first, until all together keep the budget. Resolves with their number. */
  evictIdle(budgetBytes?: number): Promise<number> {
    return this.#models.evictIdle(budgetBytes);
  }

  /**
   * One run of a loaded model; several requests are computed as one batch. `expectedMs` sharpens the watchdog; NaN and infinity
   * are passed on unless refused.
   * @throws EcomapError HOST_CRASHED when the process dies or hangs meanwhile (a HostLostError), INPUT_MISMATCH when the model
   * refuses the input
   */
  async run(key: string, requests: readonly NamedTensors[], options: RunOptions): Promise<HostRun> {
    const slot = this.#slots.take();
    try {
      const frames = await slot.write(requests);
      const answer = await this.runFrames(key, { ...options, requests: frames, slot: slot.number });
      const results: HostRun['results'][number][] = [];
      for (const { outputs, nonFiniteInput } of answer.results) {
        results.push({ outputs: await slot.read(outputs), nonFiniteInput });
      }
      return { results, runMs: answer.runMs, cpuMs: answer.cpuMs, decodeMs: answer.decodeMs };
    } finally {
      this.#slots.give(slot);
    }
  }

  /** The same for tensors that lie in slot files already, and whose results stay there. @throws EcomapError as {@link run} */
  runFrames(key: string, { expectedMs, ...run }: FramedRun): Promise<RunAnswer> {
    const limitMs = Math.max(this.#leastHangMs, (hangFactor * (expectedMs ?? 0)) / this.#pace.share);
    return this.order({ kind: 'run', model: this.#numberOf(key), ...run }, limitMs);
  }

  /** Works only this share of the time, by pausing between runs. Holds for the processes that follow, too. */
  pace(share: number): Promise<number> {
    return this.#pace.take(share);
  }

  /** Of a pace below full speed this process gets only this portion, because it shares its component with another. */
  async takePortion(portion: number): Promise<void> {
    await this.#pace.takePortion(portion, this.#state === 'ready');
  }

  /** Ends the process; what was under way gets HOST_CRASHED with the reason, and a new one takes over. */
  kill(reason: string): void {
    this.#child?.kill(reason);
  }

  /**
   * What the process costs now, as far as the system or its last word tell; null without a process. Asynchronous, because it
   * reads a file; it asks the process nothing, so it also holds for one that hangs.
   */
  async readMemory(): Promise<Pick<
    ProcessReading,
    'pid' | 'rssBytes' | 'modelChanges' | 'modelBytes' | 'hasIdleModels'
  > | null> {
    const child = this.#child;
    if (child?.pid === undefined) return null;
    const rssBytes = (await residentBytesOf(child.pid)) ?? child.rssBytes;
    if (rssBytes === null || child !== this.#child) return null;
    child.rssBytes = rssBytes;
    const { modelBytes, hasIdleModels } = this;
    return { pid: child.pid, rssBytes, modelChanges: this.#models.changes, modelBytes, hasIdleModels };
  }

  /** From now on a death is final: nobody needs this host any more. */
  stopReplacing(): void {
    this.#replaced = false;
  }

  /** Ends the process at once; what is under way is rejected with NODE_CLOSED. */
  async close(): Promise<void> {
    if (this.#closing) return;
    const child = this.#child;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#closing = true;
    const reason = `The inference host of ${this.component.name} was stopped.`;
    this.#setState('closed', reason);
    this.#channel.rejectAll(new EcomapError('NODE_CLOSED', reason));
    this.#leaveDevice();
    await child?.ended();
    this.#slots.close();
    this.#models.clear();
  }

  async #whenReady(): Promise<void> {
    while (this.#state === 'starting' || this.#state === 'restarting') await once(this, 'state');
    if (this.#state === 'down') throw this.#unavailable();
  }

  #setState(state: HostState, reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.emit('state', state, reason);
  }

  #spawn(): void {
    this.#restartPolicy.started(performance.now());
    const launch = {
      entry: this.#entry,
      component: this.component,
      slotDirectory: this.options.slots.path,
      pinned: this.#pinned,
    };
    const { launcher = directLauncher } = this.options;
    const child: HostChild = new HostChild(launch, launcher, {
      onMessage: (message) => this.#onMessage(child, message),
      onSendError: (error) => this.#log.info(`${this.component.name}: ${error.message}`),
      onEnd: (how) => {
        if (this.#child === child) this.#onDeath(child, how);
      },
    });
    this.#child = child;
    this.#channel.watch(bootLimitMs);
  }

  #onMessage(child: HostChild, message: HostMessage): void {
    if (child !== this.#child || this.#state === 'closed') return;
    if (message.kind === 'ready') {
      this.#channel.stopWatch();
      child.heard = true;
      void this.#takeUpWork(child);
      return;
    }
    this.#channel.onReply(message);
  }

  /** A new process: same pace, announced to the device, same models; only then does it get requests. */
  async #takeUpWork(child: HostChild): Promise<void> {
    if (this.#serves) await this.#joinDevice(child);
    await this.#models.reload(() => child === this.#child);
    if (child !== this.#child) return;
    this.#restartPolicy.serving();
    this.#setState('ready', 'ready');
  }

  async #joinDevice(child: HostChild): Promise<void> {
    try {
      await this.#pace.restore();
      await this.#membership.join(child);
    } catch (error) {
      this.emit('problem', error);
    }
  }

  #leaveDevice(): void {
    try {
      this.#membership.leave();
    } catch (error) {
      this.emit('problem', error);
    }
  }

  #onDeath(child: HostChild, how: string): void {
    this.#child = null;
    this.#channel.stopWatch();
    this.#cpuSecondsOfDead += child.cpuSeconds;
    if (this.#state === 'closed') return;
    this.#leaveDevice();
    this.#models.forgetIdle();
    const words = child.lastWords;
    const reason =
      `The inference host of ${this.component.name} ${child.obituary(how)}.` +
      (words === '' ? '' : ` Its last words: ${words}`);
    this.#lastReason = reason;
    const advice = this.options.restart === false ? reason : `${reason} A new one takes over; send the request again.`;
    const error = new HostLostError(advice, false);
    this.#channel.rejectAll(error, new HostLostError(advice, true));
    if (!this.#replaced) {
      this.#setState('closed', reason);
      return;
    }
    if (!child.heard && this.#pinned && words.includes('taskset')) {
      this.#log.warn(`${this.component.name}: cannot be pinned to cores ${this.component.cores.join(',')}: ${words}`);
      this.#pinned = false;
      this.#spawn();
      return;
    }
    this.#models.giveUpReloading(error);
    const { delayMs, hopeless } = this.#restartPolicy.died(performance.now());
    if (this.#state !== 'starting') {
      this.#restarts += 1;
      this.#log.warn(`${reason} Restart ${this.#restarts}${delayMs > 0 ? ` in ${delayMs} ms` : ''}.`);
    }
    if (hopeless) this.#setState('down', reason);
    else if (this.#state !== 'starting') this.#setState('restarting', reason);
    this.#restartTimer = setTimeout(() => {
      if (this.#state !== 'closed') this.#spawn();
    }, delayMs);
  }

  #unavailable(): EcomapError {
    const what = this.#state === 'closed' ? 'was stopped' : 'is being restarted; send the request again';
    const code = this.#closing ? 'NODE_CLOSED' : 'HOST_CRASHED';
    const why = this.#state === 'down' ? ` ${this.#lastReason}` : '';
    return new EcomapError(code, `The inference host of ${this.component.name} ${what}.${why}`);
  }

  /** @throws EcomapError HOST_CRASHED or NODE_CLOSED where no process takes it, what the process answers, or its end */
  protected order<Kind extends HostCommand['kind']>(
    order: Order<Kind> & { kind: Kind },
    limitMs: number,
  ): Promise<HostAnswers[Kind]> {
    const child = this.#child;
    if (child === null || !child.connected || this.#state === 'closed') return Promise.reject(this.#unavailable());
    return this.#channel.order<Kind>(order, limitMs, (command) => child.send(command));
  }

  /** What a model is called in commands. */
  #numberOf(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}
