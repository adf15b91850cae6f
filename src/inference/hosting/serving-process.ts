import { EventEmitter } from 'node:events';
import { asEcomapError, EcomapError, messageOf } from '../../signals/errors';
import { closedError } from '../closed-error';
import type { Dispatcher } from '../serving/dispatcher';
import type { RunTimes } from '../serving/run-times';
import { CoreShare } from './core-share';
import type { Deployment } from './deployment';
import type { HostLog } from './host-log';
import type { HostProcess } from './host-process';
import { HostSuccession } from './host-succession';
import { beyond, MemoryGuard, type RecycleRules } from './memory-guard';
import type { ProcessChanges, ProcessSwitch, Replaced } from './process-switch';
import type { Quarantine } from './quarantine';
import { RecentModels } from './recent-models';
import type { Guest, Retirable, ServedTenant } from './served-tenant';
import { deploymentsOf, modelsOf, VariantLoader, type Placed } from './variant-loader';

export interface ServingProcessOptions {
  readonly component: string;
  readonly dispatcher: Dispatcher;
  /** A new host for this place, not yet started; a standby is not under the power cap until it serves. */
  readonly openHost: (standby: boolean) => HostProcess;
  /** Measured times by model, kept from one process to the next. */
  readonly times: Map<string, RunTimes>;
  /** Inputs that have ended a host, by tenant. */
  readonly quarantineOf: (tenant: string) => Quarantine;
  /** Models that nobody uses are taken along to a new process while all together measure less than this, bytes. */
  readonly idleBudgetBytes: number;
  /** What a process may have, bytes. */
  readonly memoryLimitBytes: number;
  readonly recycle: RecycleRules;
  /** Whether a lowered priority can be raised again. */
  readonly mayRaisePriority: boolean;
  readonly log: HostLog;
}

export interface ServingProcessEvents {
  /** The process that serves changed its state, or something is being loaded. */
  change: [];
  /** The tenant cannot be served any more. */
  lost: [client: ServedTenant, error: EcomapError];
  /** The process should be replaced: `prepare` with `fresh`, then `commit`. */
  recycle: [why: string];
}

const recyclePauseMs = 60_000;

/**
 * One process at a time that serves some tenants on a component, and its change-overs. Loading a model blocks a process, so
 * what is not in memory yet is loaded by a standby process beside the one that serves: everything that the tenants need, and the
 * models used last as far as the memory budget allows, each proven by an inference. Then all tenants switch at once, and the
 * old process ends when it has answered, which also gives back the memory that the runtime keeps. Where everything is in memory
 * already, the switch is immediate.
 *
 * The standby shares the cores with the process that serves. Where the system lets us raise a priority again it loads with a low
 * one; elsewhere (without root) at the same, so that a run takes at most twice as long for as long as the load takes: a
 * lowered priority would stay low for ever. The power cap holds for it from when it is about to take over.
 */
export class ServingProcess extends EventEmitter<ServingProcessEvents> {
  readonly component: string;
  readonly dispatcher: Dispatcher;
  /** They are taken along whenever another process takes over. */
  readonly guests = new Set<Guest>();
  readonly #hosts: HostSuccession;
  readonly #placed = new Map<ServedTenant, Placed>();
  readonly #loader: VariantLoader;
  readonly #recent = new RecentModels();
  readonly #share: CoreShare;
  #wasDown = false;
  #closed = false;
  readonly #guard: MemoryGuard;
  #recycles = 0;
  #recycledBecause: string | null = null;
  #noRecyclingUntilMs = -Infinity;

  constructor(private readonly options: ServingProcessOptions) {
    super();
    this.component = options.component;
    this.dispatcher = options.dispatcher;
    this.#guard = new MemoryGuard(options.memoryLimitBytes, options.recycle);
    this.#share = new CoreShare(options.mayRaisePriority);
    const { times, quarantineOf, log } = options;
    this.#loader = new VariantLoader({ times, quarantineOf, log, onChange: () => this.emit('change') });
    this.#hosts = new HostSuccession(this.#open(false));
  }

  /** The process that serves now. */
  get host(): HostProcess {
    return this.#hosts.current;
  }
  get isSwapping(): boolean {
    return this.#hosts.standby !== null;
  }
  get ready(): boolean {
    return this.host.state === 'ready';
  }
  get clients(): ServedTenant[] {
    return [...this.#placed.keys()];
  }
  get isEmpty(): boolean {
    return this.#placed.size === 0 && this.guests.size === 0;
  }
  /** Tenants to load for what is being prepared, and how many of them are. */
  get progress(): { readonly loaded: number; readonly toLoad: number } {
    return this.#loader.progress;
  }
  /** Processes that were replaced because of their age or memory. */
  get recycles(): number {
    return this.#recycles;
  }
  /** Why the last one was. */
  get recycledBecause(): string | null {
    return this.#recycledBecause;
  }
  get restarts(): number {
    return this.#hosts.restarts;
  }
  get cpuSeconds(): number {
    return this.#hosts.cpuSeconds;
  }

  start(): Promise<void> {
    return this.host.start();
  }

  /** Null while nothing is loaded for the tenant. */
  preparing(client: ServedTenant): 'loading' | 'warming-up' | null {
    return this.#loader.activityFor(client);
  }

  /**
   * Loads and proves what shall change, beside what runs. Nothing stays of it when that fails.
   * @throws EcomapError of the first model that does not load for a tenant that is being served; HOST_CRASHED when no
   * process comes up; NODE_CLOSED
   */
  async prepare({ changes, leaving, direct = false, fresh = false }: ProcessChanges): Promise<ProcessSwitch> {
    const staying = [...this.#placed].filter(([client]) => !changes.has(client) && leaving?.has(client) !== true);
    const inMemory = [...changes].every(([client, variant]) =>
      modelsOf(client, variant).every(({ key }) => this.host.holds(key)),
    );
    const isNewProcess = fresh || !(direct || inMemory || this.isEmpty);
    const placed = new Map<ServedTenant, Placed>();
    const failures = new Map<ServedTenant, EcomapError>();
    this.#loader.begin(changes.size + (isNewProcess ? staying.length : 0));
    const host = isNewProcess ? this.#open(true) : this.host;
    const guests: (() => readonly Retirable[])[] = [];
    const prepared: ProcessSwitch = { host, isNewProcess, placed, failures, guests };
    try {
      if (isNewProcess) {
        await this.#startStandby(host);
        for (const [client, { deployment }] of staying) {
          placed.set(client, await this.#loader.place(host, client, deployment.variant));
        }
        for (const guest of this.guests) guests.push(await guest.place(host));
      }
      // One after the other: a model that ends the process then takes no other's load along.
      for (const [client, variant] of changes) {
        try {
          placed.set(client, await this.#loader.place(host, client, variant));
        } catch (thrown) {
          const error = asEcomapError(thrown);
          if (client.deployment !== null) throw error;
          failures.set(client, error);
        }
      }
      if (isNewProcess) await this.#completeStandby(host, placed);
    } catch (error) {
      await this.discard(prepared);
      throw error;
    } finally {
      this.#hosts.standby = null;
      this.#loader.end();
      this.emit('change');
    }
    return prepared;
  }

  /** Puts what was prepared into force, for all tenants at once. */
  commit(
    { host, isNewProcess, placed, guests }: ProcessSwitch,
    why: ReadonlyMap<ServedTenant, readonly string[]>,
  ): Replaced {
    const deployments: Retirable[] = guests.flatMap((putIntoForce) => putIntoForce());
    for (const [client, next] of placed) {
      deployments.push(...deploymentsOf(this.#placed.get(client)));
      this.#placed.set(client, next);
      this.#recent.remember({ client, variant: next.deployment.variant });
      client.deploy(next.deployment, why.get(client));
      client.deployFallback(next.fallback);
    }
    let old: HostProcess | null = null;
    if (isNewProcess) {
      // Whoever could not be taken along has nothing any more that could answer.
      for (const client of this.clients) if (!placed.has(client)) this.release(client);
      this.#wasDown = false;
      old = this.#hosts.takeOver(host);
    }
    for (const client of placed.keys()) this.dispatcher.attach(client);
    this.dispatcher.pump();
    this.emit('change');
    return { deployments, host: old };
  }

  /** The tenant is served elsewhere from now on, or by nobody. Returns what it used here. */
  release(client: ServedTenant): Deployment[] {
    const deployments = deploymentsOf(this.#placed.get(client));
    this.#placed.delete(client);
    this.dispatcher.detach(client);
    return deployments;
  }

  /** Waits until what was replaced has answered, then ends it. */
  async finish({ deployments, host }: Replaced): Promise<void> {
    await Promise.all(deployments.map((deployment) => deployment.retire()));
    if (host !== null) await this.#hosts.end(host);
  }

  async discard({ host, isNewProcess, placed }: ProcessSwitch): Promise<void> {
    if (isNewProcess) await this.#hosts.end(host);
    else await Promise.all([...placed.values()].flatMap(deploymentsOf).map((deployment) => deployment.retire()));
  }

  /**
   * Shares the component's cores with another process: lets that one go first (a higher nice value), and takes only a portion
   * of the pace where the component is slowed down.
   */
  async share(nice: number, portion: number): Promise<void> {
    await this.#share.change(nice, portion, this.#hosts.all, this.host);
  }

  /** Looks at the memory of the processes and does what is called for; call it every half second or so. */
  async watch(nowMs: number): Promise<void> {
    for (const host of this.#hosts.all) {
      const read = await host.readMemory();
      if (read === null || this.#closed) continue;
      if (host !== this.host) {
        if (read.rssBytes > this.options.memoryLimitBytes)
          host.kill(beyond(read.rssBytes, this.options.memoryLimitBytes));
        continue;
      }
      const isIdle = host.inFlight === 0 && this.clients.every((client) => client.head() === undefined);
      const measure = this.#guard.judge({ ...read, isIdle, nowMs });
      if (measure.kind === 'kill') host.kill(measure.why);
      // It never fails, and is not waited for: a process that is computing frees nothing, but may well go on growing.
      if (measure.kind === 'evict') void host.evictIdle(measure.modelBudgetBytes);
      if (measure.kind === 'recycle' && !this.isSwapping && nowMs >= this.#noRecyclingUntilMs) {
        // Also where it fails: to try it again at once would keep the cores busy with nothing else.
        this.#noRecyclingUntilMs = nowMs + recyclePauseMs;
        this.emit('recycle', measure.why);
      }
    }
  }

  /** A new process has taken over for this reason. */
  recycled(why: string): void {
    this.#recycles += 1;
    this.#recycledBecause = why;
    this.emit('change');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#hosts.close();
  }

  #open(standby: boolean): HostProcess {
    const host = this.options.openHost(standby);
    this.#share.open(host);
    host.on('problem', (error) => this.options.log.warn(`${this.component}: ${messageOf(error)}`));
    host.on('state', () => {
      if (host === this.host) this.#onState();
    });
    host.on('modelLost', ({ key }, error) => {
      if (host !== this.host) return;
      for (const [client, { deployment, fallback }] of this.#placed) {
        if (deployment.key === key) this.#lose(client, error);
        else if (fallback?.key === key) client.deployFallback(null);
      }
      for (const guest of this.guests) {
        if (guest.key !== key) continue;
        this.guests.delete(guest);
        guest.onLost(error);
      }
    });
    return host;
  }

  #onState(): void {
    const { state, lastReason } = this.host;
    if (state === 'ready') this.#share.restore(this.host);
    if (state === 'down' && !this.#wasDown) {
      this.#wasDown = true;
      const error = new EcomapError('HOST_CRASHED', lastReason);
      for (const client of this.#placed.keys()) this.emit('lost', client, error);
      for (const guest of this.guests) guest.onLost(error);
    }
    if (state === 'ready' && this.#wasDown) {
      this.#wasDown = false;
      for (const [client, { deployment, fallback }] of this.#placed) {
        client.deploy(deployment);
        client.deployFallback(fallback);
        this.dispatcher.attach(client);
      }
      for (const guest of this.guests) guest.onRestored();
    }
    this.dispatcher.pump();
    this.emit('change');
  }

  #lose(client: ServedTenant, error: EcomapError): void {
    this.release(client);
    this.emit('lost', client, error);
  }

  async #startStandby(host: HostProcess): Promise<void> {
    this.#hosts.standby = host;
    this.emit('change');
    if (this.#closed) throw closedError();
    await host.start();
    await this.#share.lower(host);
  }

  /** Takes the models along that were used last, then lets the process have its full share of the cores. */
  async #completeStandby(host: HostProcess, placed: ReadonlyMap<ServedTenant, Placed>): Promise<void> {
    const { idleBudgetBytes, log } = this.options;
    const present = [...placed.values()].flatMap(deploymentsOf).map(({ key }) => key);
    const bytesOf = (key: string) => this.host.bytesOf(key);
    for (const { client, variant } of this.#recent.worthKeeping(present, bytesOf, idleBudgetBytes - host.modelBytes)) {
      try {
        await (await this.#loader.load(host, client, variant)).retire();
      } catch (error) {
        log.info(`${this.component}: ${variant.name} was not kept in memory: ${messageOf(error)}`);
      }
    }
    await host.serve();
    if (host.state !== 'ready' || host.pid === null) {
      throw new EcomapError('HOST_CRASHED', host.lastReason || `The standby of ${this.component} is not ready.`);
    }
    if (await this.#share.giveInFull(host.pid)) return;
    throw new EcomapError('HOST_CRASHED', `The standby of ${this.component} could not be given its full priority.`);
  }
}
