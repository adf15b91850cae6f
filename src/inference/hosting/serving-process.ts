import { EventEmitter } from 'node:events';
import { asEcomapError, EcomapError, messageOf } from '../../signals/errors';
import type { Tenant, Variant } from '../../signals/tenant';
import { Deployment, fallbackOf, hostModelOf } from './deployment';
import type { Quarantine } from './quarantine';
import { closedError } from '../closed-error';
import type { DispatchClient, Dispatcher } from '../serving/dispatcher';
import { RunTimes } from '../serving/run-times';
import type { LoadedVariant } from '../serving/variant-server';
import type { HostLog, HostProcess } from './host-process';
import { beyond, MemoryGuard, type RecycleRules } from './memory-guard';
import { setProcessPriority } from './process-priority';
import type { HostModel } from './resident-models';

/** A tenant as the processes that serve it see it. */
export interface ServedTenant extends DispatchClient {
  readonly tenant: Tenant;
  readonly deployment: LoadedVariant | null;
  /** @param why what the answers state as the reason; absent: as before */
  deploy(deployment: Deployment, why?: readonly string[]): void;
  /** A lighter variant that answers when the queue is full or time is short. */
  deployFallback(fallback: Deployment | null): void;
}

/** Something that gives its model back when it has answered. */
export interface Retirable {
  retire(): Promise<void>;
}

/** What lives in a process beside the whole models of its tenants: a stage of a model. */
export interface Guest {
  readonly key: string;
  /** Loads and proves it in another process, beside the one that serves. The result puts it into force. */
  place(host: HostProcess): Promise<() => readonly Retirable[]>;
  /** Its process is down, or its model cannot be loaded again. */
  onLost(error: EcomapError): void;
  /** Its process serves again, after it had been given up. */
  onRestored(): void;
}

export interface ServingProcessOptions {
  readonly component: string;
  readonly dispatcher: Dispatcher;
  /** A new host for this place, not yet started. */
  readonly openHost: () => HostProcess;
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

interface Placed {
  readonly deployment: Deployment;
  readonly fallback: Deployment | null;
}

interface RecentUse {
  readonly client: ServedTenant;
  readonly variant: Variant;
}

/** What shall be different. */
export interface ProcessChanges {
  /** Tenants that get another variant here, or come from elsewhere. */
  readonly changes: ReadonlyMap<ServedTenant, Variant>;
  /** Tenants that go elsewhere. */
  readonly leaving?: ReadonlySet<ServedTenant>;
  /** Loads into the process that serves, although that keeps others waiting: for the first start. */
  readonly direct?: boolean;
  /** Takes a new process in any case. */
  readonly fresh?: boolean;
}

/** Loaded and proven, not yet in force. */
export interface ProcessSwitch {
  readonly host: HostProcess;
  readonly isNewProcess: boolean;
  readonly placed: ReadonlyMap<ServedTenant, Placed>;
  /** Tenants that could not be served before either, and why. */
  readonly failures: ReadonlyMap<ServedTenant, EcomapError>;
  /** Put the guests into force, and return what they replace. */
  readonly guests: readonly (() => readonly Retirable[])[];
}

/** What a switch has put out of force. */
export interface Replaced {
  readonly deployments: readonly Retirable[];
  readonly host: HostProcess | null;
}

export interface ServingProcessEvents {
  /** The process that serves changed its state, or something is being loaded. */
  change: [];
  /** The tenant cannot be served any more. */
  lost: [client: ServedTenant, error: EcomapError];
  /** The tenant that was lost with the process can be served again. */
  restored: [client: ServedTenant];
  /** The process should be replaced: `prepare` with `fresh`, then `commit`. */
  recycle: [why: string];
}

/** Nice value of a process that loads while another one serves on the same cores: it gets a quarter of the time. */
const loadingNice = 5;
const recyclePauseMs = 60_000;
/** More than these are not taken along: every one makes a change of process longer. */
const mostRecent = 4;

/**
 * One process at a time that serves some tenants on a component, and its change-overs. Loading a model blocks a process, so
 * what is not in memory yet is loaded by a standby process beside the one that serves: everything that the tenants need, and the
 * models used last as far as the memory budget allows, each proven by an inference. Then all tenants switch at once, and the
 * old process ends when it has answered, which also gives back the memory that the runtime keeps. Where everything is in memory
 * already, the switch is immediate.
 *
 * The standby shares the cores with the process that serves. Where the system lets us raise a priority again it loads with a low
 * one; elsewhere (without root) at the same, so that a run takes at most twice as long for as long as the load takes: a
 * lowered priority would stay low for ever.
 */
export class ServingProcess extends EventEmitter<ServingProcessEvents> {
  readonly component: string;
  readonly dispatcher: Dispatcher;
  /** They are taken along whenever another process takes over. */
  readonly guests = new Set<Guest>();
  #current: HostProcess;
  #standby: HostProcess | null = null;
  readonly #retiring = new Set<HostProcess>();
  readonly #placed = new Map<ServedTenant, Placed>();
  /** Tenants whose model is being loaded, and how far it is. */
  readonly #preparing = new Map<ServedTenant, 'loading' | 'warming-up'>();
  /** Who has answered with what in which process. */
  readonly #proven = new WeakMap<HostProcess, Set<string>>();
  /** Used last, the latest first. */
  #recent: RecentUse[] = [];
  #progress = { loaded: 0, toLoad: 0 };
  #past = { cpuSeconds: 0, restarts: 0 };
  #wasDown = false;
  #closed = false;
  readonly #guard: MemoryGuard;
  #recycles = 0;
  #recycledBecause: string | null = null;
  #noRecyclingUntilMs = -Infinity;
  #nice = 0;
  #portion = 1;

  constructor(private readonly options: ServingProcessOptions) {
    super();
    this.component = options.component;
    this.dispatcher = options.dispatcher;
    this.#guard = new MemoryGuard(options.memoryLimitBytes, options.recycle);
    this.#current = this.#open();
  }

  /** The process that serves now. */
  get host(): HostProcess {
    return this.#current;
  }
  get isSwapping(): boolean {
    return this.#standby !== null;
  }
  get ready(): boolean {
    return this.#current.state === 'ready';
  }
  get clients(): ServedTenant[] {
    return [...this.#placed.keys()];
  }
  get isEmpty(): boolean {
    return this.#placed.size === 0 && this.guests.size === 0;
  }
  /** Models to load for what is being prepared, and how many of them are. */
  get progress(): { readonly loaded: number; readonly toLoad: number } {
    return this.#progress;
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
    return this.#hosts().reduce((sum, host) => sum + host.restarts, this.#past.restarts);
  }
  get cpuSeconds(): number {
    return this.#hosts().reduce((sum, host) => sum + host.totalCpuSeconds, this.#past.cpuSeconds);
  }

  start(): Promise<void> {
    return this.#current.start();
  }

  preparing(client: ServedTenant): 'loading' | 'warming-up' | null {
    return this.#preparing.get(client) ?? null;
  }

  /**
   * Loads and proves what shall change, beside what runs. Nothing stays of it when that fails.
   * @throws EcomapError of the first model that does not load for a tenant that is being served; HOST_CRASHED when no
   * process comes up; NODE_CLOSED
   */
  async prepare({ changes, leaving, direct = false, fresh = false }: ProcessChanges): Promise<ProcessSwitch> {
    const staying = [...this.#placed].filter(([client]) => !changes.has(client) && leaving?.has(client) !== true);
    const inMemory = [...changes].every(([client, variant]) =>
      modelsOf(client, variant).every(({ key }) => this.#current.holds(key)),
    );
    const isNewProcess = fresh || !(direct || inMemory || this.isEmpty);
    const placed = new Map<ServedTenant, Placed>();
    const failures = new Map<ServedTenant, EcomapError>();
    this.#progress = { loaded: 0, toLoad: changes.size + (isNewProcess ? staying.length : 0) };
    const host = isNewProcess ? this.#open() : this.#current;
    const guests: (() => readonly Retirable[])[] = [];
    const prepared: ProcessSwitch = { host, isNewProcess, placed, failures, guests };
    try {
      if (isNewProcess) {
        await this.#startStandby(host);
        for (const [client, { deployment }] of staying) {
          placed.set(client, await this.#place(host, client, deployment.variant));
        }
        for (const guest of this.guests) guests.push(await guest.place(host));
      }
      // One after the other: a model that ends the process then takes no other's load along.
      for (const [client, variant] of changes) {
        try {
          placed.set(client, await this.#place(host, client, variant));
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
      this.#standby = null;
      this.#progress = { loaded: 0, toLoad: 0 };
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
      this.#remember(client, next.deployment.variant);
      client.deploy(next.deployment, why.get(client));
      client.deployFallback(next.fallback);
    }
    const old = this.#current;
    if (isNewProcess) {
      // Whoever could not be taken along has nothing any more that could answer.
      for (const client of this.clients) if (!placed.has(client)) this.release(client);
      this.#current = host;
      this.#wasDown = false;
      this.#retiring.add(old);
      old.stopReplacing();
    }
    for (const client of placed.keys()) this.dispatcher.attach(client);
    this.dispatcher.pump();
    this.emit('change');
    return { deployments, host: isNewProcess ? old : null };
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
    if (host !== null) await this.#end(host);
  }

  async discard({ host, isNewProcess, placed }: ProcessSwitch): Promise<void> {
    if (isNewProcess) await this.#end(host);
    else await Promise.all([...placed.values()].flatMap(deploymentsOf).map((deployment) => deployment.retire()));
  }

  /**
   * Shares the component's cores with another process: lets that one go first (a higher nice value), and takes only a portion
   * of the pace where the component is slowed down.
   */
  async share(nice: number, portion: number): Promise<void> {
    const mayChange = nice > this.#nice || this.options.mayRaisePriority;
    this.#portion = portion;
    await Promise.all(this.#hosts().map((host) => host.takePortion(portion)));
    if (!mayChange || nice === this.#nice) return;
    this.#nice = nice;
    if (this.#current.pid !== null) await setProcessPriority(this.#current.pid, nice);
  }

  /** Looks at the memory of the processes and does what is called for; call it every half second or so. */
  async watch(nowMs: number): Promise<void> {
    for (const host of this.#hosts()) {
      const read = await host.readMemory();
      if (read === null || this.#closed) continue;
      if (host !== this.#current) {
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
    await Promise.all(this.#hosts().map((host) => host.close()));
  }

  #hosts(): HostProcess[] {
    const hosts = new Set([this.#current, ...this.#retiring]);
    if (this.#standby !== null) hosts.add(this.#standby);
    return [...hosts];
  }

  #open(): HostProcess {
    const host = this.options.openHost();
    void host.takePortion(this.#portion);
    host.on('problem', (error) => this.options.log.warn(`${this.component}: ${messageOf(error)}`));
    host.on('state', () => {
      if (host === this.#current) this.#onState();
    });
    host.on('modelLost', ({ key }, error) => {
      if (host !== this.#current) return;
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
    const { state, lastReason, pid } = this.#current;
    // A new process begins with the priority of its parent.
    if (state === 'ready' && pid !== null && this.#nice > 0) void setProcessPriority(pid, this.#nice);
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
        this.emit('restored', client);
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
    this.#standby = host;
    this.emit('change');
    if (this.#closed) throw closedError();
    await host.start();
    if (this.options.mayRaisePriority && host.pid !== null) await setProcessPriority(host.pid, loadingNice);
  }

  /** Takes the models along that were used last, then lets the process have its full share of the cores. */
  async #completeStandby(host: HostProcess, placed: ReadonlyMap<ServedTenant, Placed>): Promise<void> {
    for (const { client, variant } of this.#worthKeeping(host, placed)) {
      try {
        await (await this.#deploymentOn(host, client, variant)).retire();
      } catch (error) {
        this.options.log.info(`${this.component}: ${variant.name} was not kept in memory: ${messageOf(error)}`);
      }
    }
    if (host.state !== 'ready' || host.pid === null) {
      throw new EcomapError('HOST_CRASHED', host.lastReason || `The standby of ${this.component} is not ready.`);
    }
    if (!this.options.mayRaisePriority) {
      if (this.#nice > 0) await setProcessPriority(host.pid, this.#nice);
      return;
    }
    if (await setProcessPriority(host.pid, this.#nice)) return;
    throw new EcomapError('HOST_CRASHED', `The standby of ${this.component} could not be given its full priority.`);
  }

  /** The oldest first, so that it is the first to be evicted again. */
  #worthKeeping(host: HostProcess, placed: ReadonlyMap<ServedTenant, Placed>): RecentUse[] {
    const present = new Set([...placed.values()].flatMap(deploymentsOf).map(({ key }) => key));
    let leftBytes = this.options.idleBudgetBytes - host.modelBytes;
    const keep: RecentUse[] = [];
    for (const use of this.#recent) {
      const { key } = hostModelOf(use.variant);
      const bytes = this.#current.bytesOf(key);
      if (present.has(key) || bytes === null || bytes > leftBytes) continue;
      present.add(key);
      leftBytes -= bytes;
      keep.unshift(use);
    }
    return keep;
  }

  async #place(host: HostProcess, client: ServedTenant, variant: Variant): Promise<Placed> {
    this.#preparing.set(client, 'loading');
    this.emit('change');
    try {
      const deployment = await this.#deploymentOn(host, client, variant);
      const lighter = fallbackOf(client.tenant, variant);
      let fallback: Deployment | null = null;
      try {
        if (lighter !== null) fallback = await this.#deploymentOn(host, client, lighter);
      } catch (error) {
        this.options.log.warn(
          `${client.tenant.name} has nothing lighter to fall back on: ${lighter?.name} does not load: ${messageOf(error)}`,
        );
      }
      this.#progress = { ...this.#progress, loaded: this.#progress.loaded + 1 };
      return { deployment, fallback };
    } finally {
      this.#preparing.delete(client);
    }
  }

  async #deploymentOn(host: HostProcess, client: ServedTenant, variant: Variant): Promise<Deployment> {
    const { key } = hostModelOf(variant);
    const proof = `${client.tenant.name} ${key}`;
    const proven = this.#proven.get(host) ?? new Set<string>();
    this.#proven.set(host, proven);
    const times = this.options.times.get(key) ?? new RunTimes();
    this.options.times.set(key, times);
    const deployment = await Deployment.prepare(client.tenant, variant, host, {
      times,
      quarantine: this.options.quarantineOf(client.tenant.name),
      proven: host.holds(key) && proven.has(proof),
      onWarmUp: () => {
        if (this.#preparing.has(client)) this.#preparing.set(client, 'warming-up');
        this.emit('change');
      },
    });
    proven.add(proof);
    return deployment;
  }

  #remember(client: ServedTenant, variant: Variant): void {
    const { key } = hostModelOf(variant);
    const others = this.#recent.filter((use) => use.client !== client || hostModelOf(use.variant).key !== key);
    this.#recent = [{ client, variant }, ...others].slice(0, mostRecent);
  }

  async #end(host: HostProcess): Promise<void> {
    this.#retiring.add(host);
    await host.close();
    this.#retiring.delete(host);
    this.#past.cpuSeconds += host.totalCpuSeconds;
    this.#past.restarts += host.restarts;
  }
}

function deploymentsOf(placed: Placed | undefined): Deployment[] {
  if (placed === undefined) return [];
  return placed.fallback === null ? [placed.deployment] : [placed.deployment, placed.fallback];
}

/** The models that a tenant needs in memory for a variant. */
function modelsOf({ tenant }: ServedTenant, variant: Variant): HostModel[] {
  const fallback = fallbackOf(tenant, variant);
  return (fallback === null ? [variant] : [variant, fallback]).map(hostModelOf);
}
