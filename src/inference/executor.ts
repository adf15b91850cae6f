import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import type { CarbonReading } from '../signals/carbon';
import type { Component } from '../signals/device';
import { asEcomapError, EcomapError, messageOf } from '../signals/errors';
import type { InferenceRequest, InferenceResult } from '../signals/inference';
import { quoted } from '../signals/parse';
import type { Plan } from '../signals/plan';
import { gramsOf } from '../signals/quantities';
import type { Telemetry } from '../signals/telemetry';
import { eligibleVariants, type Tenant } from '../signals/tenant';
import { systemClock, type Clock } from './clock';
import { ChangeOver, type Move, type Places } from './hosting/change-over';
import { inferenceEnergyJ, unknownEnergy, type EnergyReader, type ServingDevice } from './energy';
import { stateOf, type ExecutorState } from './executor-state';
import type { HostEntry } from './hosting/host-entry';
import { ExpressArrangement } from './hosting/express-arrangement';
import { silentLog, type HostLog } from './hosting/host-process';
import { defaultRecycleRules, type RecycleRules } from './hosting/memory-guard';
import { bytesOfMb, defaultHostLimitBytes } from './hosting/memory-limit';
import { mayRaisePriority } from './hosting/process-priority';
import { ServingComponent } from './hosting/serving-component';
import type { ServingProcess } from './hosting/serving-process';
import { LatestPlan, type PlanOutcome } from './plans/latest-plan';
import { movesOf } from './plans/plan-moves';
import { openSlotDirectory, type SlotDirectory } from './shared-memory/slot-directory';
import { StagedTenant, type StagedMove } from './stages/staged-tenant';
import { TenantService } from './serving/tenant-service';
import { ProviderProbe } from './hosting/provider-probe';
import { Quarantine } from './hosting/quarantine';
import { TelemetryWindow } from './telemetry-window';

export type { ExecutorState } from './executor-state';

export interface InferenceExecutorOptions {
  readonly device: ServingDevice;
  readonly tenants: readonly Tenant[];
  /** Requests that may wait, per tenant. */
  readonly queueLength?: number;
  /** What each inference host may have; default: 70 % of the memory that there is, divided by the components. */
  readonly hostMemoryLimitMb?: number;
  /** When hosts are replaced although nothing is wrong with them; see {@link defaultRecycleRules}. */
  readonly recycle?: Partial<RecycleRules>;
  /** Where it is kept from one start to the next which execution providers run here, and what is inside models. */
  readonly stateDirectory?: string;
  readonly hostEntry?: HostEntry;
  readonly clock?: Clock;
  readonly log?: HostLog;
}

export interface ExecutorEvents {
  /** Something in `state()` other than a queue changed. */
  change: [];
  /** A tenant cannot serve (any more). */
  problem: [error: EcomapError, tenant: string];
}

const drainLimitMs = 5000;
const watchIntervalMs = 500;
const defaultQueueLength = 32;

/**
 * Runs the models of several tenants in supervised child processes, one per CPU component. Serves alone from the start (each
 * tenant's most accurate variant, tenants spread over the components) and takes plans while it serves, without losing a
 * request.
 */
export class InferenceExecutor extends EventEmitter<ExecutorEvents> {
  readonly #services = new Map<string, TenantService>();
  readonly #components = new Map<string, ServingComponent>();
  readonly #places: Places = new Map();
  readonly #expresses: ExpressArrangement[] = [];
  readonly #quarantines = new Map<string, Quarantine>();
  readonly #unused: { readonly component: string; readonly why: string }[] = [];
  /** Tenants whose process does not come up: they are loaded as soon as it does. */
  readonly #waiting = new Map<TenantService, ServingProcess>();
  readonly #device: ServingDevice;
  readonly #clock: Clock;
  readonly #log: HostLog;
  readonly #plans: LatestPlan;
  readonly #options: InferenceExecutorOptions;
  readonly #cacheDirectory: string | null;
  /** Tenants that run in stages. */
  readonly #staged = new Map<TenantService, StagedTenant>();
  /** Pipelines that only end what is under way. */
  readonly #retiring = new Set<StagedTenant>();
  #pipelines = 0;
  #phase: ExecutorState['phase'] = 'starting';
  #started: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  #slots: SlotDirectory | null = null;
  #plan: Plan | null = null;
  #changes: Promise<unknown> = Promise.resolve();
  #intensityGPerKwh: number | null = null;
  #energy: EnergyReader | null = null;
  #watch: NodeJS.Timeout | null = null;
  #watching = false;
  readonly #window: TelemetryWindow;

  /** @throws EcomapError INVALID_CONFIG when tenants share a name, or there is nothing on the device that computes */
  constructor(options: InferenceExecutorOptions) {
    super();
    this.#options = options;
    this.#device = options.device;
    this.#cacheDirectory =
      options.stateDirectory === undefined ? null : join(options.stateDirectory, 'ecomap', 'model-insides');
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#window = new TelemetryWindow(this.#clock);
    this.#plans = new LatestPlan((plan) => this.#exclusive(() => this.#apply(plan)));
    for (const tenant of options.tenants) this.#addService(tenant);
    if (!options.device.components.some(isComputedHere)) {
      throw new EcomapError(
        'INVALID_CONFIG',
        'The device has no component that computes here: neither CPU cores nor an execution provider.',
      );
    }
  }

  /**
   * Starts the hosts and loads every tenant's first variant. A tenant that cannot be loaded is reported by the event
   * `problem`; the others serve.
   * @throws EcomapError HOST_CRASHED when no host comes up at all
   */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => this.#giveUp(asEcomapError(error)));
    return this.#started;
  }

  /**
   * One inference. Times count from this call.
   * @throws EcomapError INVALID_MESSAGE for an unknown tenant, INPUT_MISMATCH, QUEUE_FULL, DEADLINE_EXCEEDED, HOST_CRASHED,
   * NODE_CLOSED, or the code of what is wrong with the tenant
   */
  async infer(request: InferenceRequest): Promise<InferenceResult> {
    const service = this.#services.get(request.tenant);
    if (service === undefined) {
      const known = [...this.#services.keys()].join(', ');
      throw new EcomapError(
        'INVALID_MESSAGE',
        `There is no tenant ${quoted(request.tenant)} here: the tenants are ${known}.`,
      );
    }
    return service.submit(request);
  }

  /**
   * Loads what the plan asks for beside what runs, proves it by an inference, then switches all tenants at once and frees what
   * is no longer used. Of plans that arrive meanwhile the latest wins.
   * @throws EcomapError INVALID_MESSAGE when the plan asks for what does not exist; the error of the model or host when one
   * does not load: then everything stays as it was
   */
  applyPlan(plan: Plan): Promise<PlanOutcome> {
    if (this.#hasEnded()) return Promise.reject(closedError());
    return this.#plans.offer(plan);
  }

  /** The intensity in force, for the grams of each inference. */
  onCarbon(reading: Pick<CarbonReading, 'intensityGPerKwh'>): void {
    this.#intensityGPerKwh = reading.intensityGPerKwh;
  }

  state(): ExecutorState {
    return stateOf({
      phase: this.#phase,
      plan: this.#plan,
      services: this.#services.values(),
      components: [...this.#components.values()],
      places: this.#places,
      unused: this.#unused,
    });
  }

  /** What happened since the last call (or since the executor was made). */
  takeTelemetry(): Telemetry {
    return this.#window.take({
      services: this.#services.values(),
      components: [...this.#components.values()].map(({ totals }) => totals),
      energy: this.#energy?.readEnergy() ?? unknownEnergy,
      operatingPoint: this.#device.operatingPointInForce(),
      plan: this.#plan,
    });
  }

  /** Refuses new work, gives what waits a few seconds to be answered, then ends the hosts. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #addService(tenant: Tenant): void {
    if (this.#services.has(tenant.name)) {
      throw new EcomapError('INVALID_CONFIG', `Two tenants are called "${tenant.name}": rename one.`);
    }
    const service: TenantService = new TenantService({
      tenant,
      queueLength: this.#options.queueLength ?? defaultQueueLength,
      clock: this.#clock,
      energyJ: (component, cpuMs) => {
        const found = this.#components.get(component)?.component;
        return found === undefined ? null : inferenceEnergyJ(found, this.#device.operatingPointInForce(), cpuMs);
      },
      carbonG: (energyJ) => gramsOf(energyJ, this.#intensityGPerKwh),
      onWaiting: () => this.#places.get(service)?.dispatcher.pump(),
    });
    this.#services.set(tenant.name, service);
  }

  async #start(): Promise<void> {
    this.#slots = await openSlotDirectory();
    await this.#openComponents(this.#slots);
    this.#energy = this.#device.openReader?.() ?? null;
    this.#watch = setInterval(() => void this.#watchMemory(), watchIntervalMs);
    const processes = [...this.#components.values()].map(({ ordinary }) => ordinary);
    const outcomes = await Promise.allSettled(processes.map((process) => process.start()));
    if (this.#phase !== 'starting') return;
    const up = processes.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined && up.length > 0) this.#log.warn(messageOf(failure.reason));
    // The tenants are spread over what came up; where nothing did, they wait for it to come up after all.
    const places = up.length > 0 ? up : processes;
    const firsts = [...this.#services.values()].map((service, index) => ({ service, at: index % places.length }));
    if (failure !== undefined && up.length === 0) {
      for (const { service, at } of firsts) this.#waitFor(service, places[at]);
      throw asEcomapError(failure.reason);
    }
    await Promise.all(
      places.map(async (process, at) => {
        for (const first of firsts) if (first.at === at) await this.#deployFirst(first.service, process);
      }),
    );
    if (this.#phase === 'starting') this.#phase = 'serving';
    this.emit('change');
  }

  async #openComponents(slots: SlotDirectory): Promise<void> {
    const usable: Component[] = [];
    const { hostMemoryLimitMb, hostEntry: entry, stateDirectory } = this.#options;
    const probe = new ProviderProbe({ stateDirectory, hostEntry: entry, warn: (text) => this.#log.warn(text) });
    await Promise.all(
      this.#device.components.map(async (component) => {
        const why = isComputedHere(component)
          ? await probe.problemOf(component)
          : `a component of the kind ${component.kind} needs an execution provider`;
        if (why === null) usable.push(component);
        else this.#doNotUse(component, why);
      }),
    );
    // In the order of the device, whichever probe was done first.
    const { components } = this.#device;
    usable.sort((one, other) => components.indexOf(one) - components.indexOf(other));
    if (usable.length === 0) {
      const reasons = this.#unused.map(({ component, why }) => `${component}: ${why}`).join('; ');
      throw new EcomapError('RUNTIME_UNAVAILABLE', `No component of the device can be used: ${reasons}.`);
    }
    const memoryLimitBytes =
      hostMemoryLimitMb === undefined ? await defaultHostLimitBytes(usable.length) : bytesOfMb(hostMemoryLimitMb);
    const mayRaise = await mayRaisePriority();
    for (const component of usable) {
      const opened = new ServingComponent({
        component,
        slots,
        device: this.#device,
        entry,
        clock: this.#clock,
        log: this.#log,
        memoryLimitBytes,
        recycle: { ...defaultRecycleRules, ...this.#options.recycle },
        mayRaisePriority: mayRaise,
        quarantineOf: (tenant) => this.#quarantineOf(tenant),
      });
      this.#components.set(component.name, opened);
      this.#listenTo(opened.ordinary);
      const listen = (process: ServingProcess) => this.#listenTo(process);
      this.#expresses.push(new ExpressArrangement(opened, this.#places, listen, this.#log));
    }
  }

  #quarantineOf(tenant: string): Quarantine {
    const quarantine = this.#quarantines.get(tenant) ?? new Quarantine(tenant);
    this.#quarantines.set(tenant, quarantine);
    return quarantine;
  }

  #doNotUse({ name }: Component, why: string): void {
    this.#log.warn(`The component ${name} is not used: ${why}.`);
    this.#unused.push({ component: name, why });
  }

  /** Nothing computes here yet: every request is told so, instead of waiting for a host that may never come. */
  #giveUp(error: EcomapError): never {
    if (this.#phase === 'starting') {
      for (const service of this.#services.values()) service.breakDown(error);
      this.#phase = 'serving';
      this.emit('change');
    }
    throw error;
  }

  #listenTo(process: ServingProcess): void {
    process.on('change', () => {
      if (process.ready) this.#deployWaiting(process);
      this.emit('change');
    });
    process.on('recycle', (why) => void this.#exclusive(() => this.#recycle(process, why)));
    process.on('lost', (tenant, error) => {
      const service = this.#services.get(tenant.tenant.name);
      if (service !== undefined) this.#breakDown(service, error);
    });
  }

  /** A new process takes over from one that is old or has grown; that it cannot is no reason to stop the old one. */
  async #recycle(process: ServingProcess, why: string): Promise<void> {
    if (this.#phase !== 'serving') return;
    try {
      const prepared = await process.prepare({ changes: new Map(), fresh: true });
      if (this.#hasEnded()) {
        await process.discard(prepared);
        return;
      }
      const replaced = process.commit(prepared, new Map());
      this.#log.info(`${process.component}: a new process took over, because ${why}.`);
      process.recycled(why);
      await process.finish(replaced);
    } catch (error) {
      this.#log.warn(`${process.component}: its process was to be replaced, because ${why}: ${messageOf(error)}`);
    }
  }

  async #watchMemory(): Promise<void> {
    if (this.#watching || this.#hasEnded()) return;
    this.#watching = true;
    try {
      const nowMs = this.#clock.nowMs();
      await Promise.all([...this.#components.values()].map((component) => component.watch(nowMs)));
      for (const express of this.#expresses.filter((one) => one.isDue(nowMs)))
        await this.#exclusive(() => this.#arrange(express));
    } catch (error) {
      this.#log.warn(`The inference hosts could not be looked after: ${messageOf(error)}`);
    } finally {
      this.#watching = false;
    }
  }

  async #arrange(express: ExpressArrangement): Promise<void> {
    if (this.#phase !== 'serving') return;
    await express.arrange(this.#clock.nowMs());
    this.emit('change');
  }

  #hasEnded(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
  }

  #waitFor(service: TenantService, process: ServingProcess | undefined): void {
    if (process !== undefined) this.#waiting.set(service, process);
  }

  /** A process has come up after all: it takes the tenants that had been given to it. */
  #deployWaiting(process: ServingProcess): void {
    for (const [service, place] of this.#waiting) {
      if (place !== process) continue;
      this.#waiting.delete(service);
      void this.#exclusive(async () => {
        if (service.deployment === null && this.#phase === 'serving') await this.#deployFirst(service, process);
      });
    }
  }

  async #deployFirst(service: TenantService, process: ServingProcess): Promise<void> {
    const [variant] = eligibleVariants(service.tenant);
    this.#places.set(service, process);
    try {
      if (variant === undefined) {
        const { name, override } = service.tenant;
        const pinned = override.mode === 'pin' ? ` "${override.variant}"` : '';
        throw new EcomapError('INVALID_CONFIG', `The tenant "${name}" has no variant${pinned} that it may run.`);
      }
      const direct = this.#phase === 'starting';
      const prepared = await process.prepare({ changes: new Map([[service, variant]]), direct });
      for (const error of prepared.failures.values()) throw error;
      await process.finish(process.commit(prepared, new Map([[service, ['no plan yet: most accurate variant']]])));
    } catch (error) {
      if (process.host.state === 'down') this.#waitFor(service, process);
      this.#breakDown(service, asEcomapError(error));
    }
    this.emit('change');
  }

  #breakDown(service: TenantService, error: EcomapError): void {
    if (this.#hasEnded()) return;
    this.#places.get(service)?.dispatcher.detach(service);
    const { code, message } = error;
    const named = new EcomapError(code, `Tenant "${service.tenant.name}": ${message}`, { cause: error });
    service.breakDown(named);
    this.emit('problem', named, service.tenant.name);
    this.emit('change');
  }

  /** One change of what serves whom at a time. */
  #exclusive<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(task);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** A tenant that was broken before may stay so; any other failure undoes the whole plan. */
  async #apply(plan: Plan): Promise<PlanOutcome> {
    // When nothing came up, a plan may find that it has meanwhile.
    await this.start().catch(() => undefined);
    const moves = movesOf(plan, this.#services, (name, service) => this.#processFor(plan, name, service));
    const stagedMoves = moves.staged.filter((move) => this.#staged.get(move.tenant)?.isAs(move) !== true);
    const changeOver = await ChangeOver.prepare(
      moves.all.filter((move) => this.#isChange(move)),
      this.#places,
      {
        tenants: new Set(stagedMoves.map(({ tenant }) => tenant)),
        replaced: new Set(stagedMoves.flatMap((move) => StagedTenant.replacedFor(move, this.#cacheDirectory))),
      },
    );
    const staged = await this.#prepareStages(stagedMoves, changeOver);
    if (this.#phase !== 'serving') {
      await Promise.all(staged.map((one) => one.retire()));
      await changeOver.discard();
      throw closedError();
    }
    const why = [
      ...moves.notes,
      ...changeOver.failures.map(([{ tenant }, error]) => `${tenant.name} stays broken: ${error.message}`),
    ];
    const changed = changeOver.commit((move) => reasons(plan, move));
    let swaps = 0;
    for (const [{ tenant: service, variant }, before] of changed) {
      if (before === null || before.variant.name === variant.name) continue;
      swaps += 1;
      service.window.swapped();
    }
    swaps += this.#commitStages(plan, staged);
    const replaced = this.#takeUnused([...changed.keys(), ...staged.map(({ move }) => move)], staged);
    for (const move of moves.staged) {
      if (!stagedMoves.includes(move)) move.tenant.explain(reasons(plan, move));
    }
    for (const move of moves.all) {
      this.#waiting.delete(move.tenant);
      if (!changed.has(move) && move.tenant.deployment !== null) move.tenant.explain(reasons(plan, move));
    }
    this.#plan = plan;
    this.emit('change');
    await Promise.all([changeOver.finish(), ...replaced.map((one) => this.#retire(one))]);
    return { applied: true, swaps, why };
  }

  /** Loads the stages into the processes that will serve; when that fails, nothing has changed. */
  async #prepareStages(moves: readonly StagedMove[], changeOver: ChangeOver<TenantService>): Promise<StagedTenant[]> {
    const prepared: StagedTenant[] = [];
    try {
      for (const move of moves) {
        if (this.#slots === null) throw closedError();
        this.#pipelines += 1;
        const name = `stages-${this.#pipelines}`;
        const one = await StagedTenant.prepare(move, {
          slots: this.#slots,
          clock: this.#clock,
          name,
          cacheDirectory: this.#cacheDirectory,
          hostFor: (process) => changeOver.hostFor(process),
          onLost: (service, error) => this.#breakDown(service, error),
        });
        prepared.push(one);
      }
      return prepared;
    } catch (error) {
      await Promise.all(prepared.map((one) => one.retire()));
      await changeOver.discard();
      throw error;
    }
  }

  /** Puts stages into force; returns how many tenants get another variant by that. */
  #commitStages(plan: Plan, staged: readonly StagedTenant[]): number {
    let swaps = 0;
    for (const one of staged) {
      const { tenant: service, variant } = one.move;
      const before = service.deployment;
      this.#waiting.delete(service);
      if (one.firstProcess !== undefined) this.#places.set(service, one.firstProcess);
      one.commit(reasons(plan, one.move));
      if (before === null || before.variant.name === variant.name) continue;
      swaps += 1;
      service.window.swapped();
    }
    return swaps;
  }

  /** Notes who runs in stages now, and returns the pipelines that are out of use. */
  #takeUnused(moved: readonly { readonly tenant: TenantService }[], staged: readonly StagedTenant[]): StagedTenant[] {
    const unused: StagedTenant[] = [];
    for (const { tenant } of moved) {
      const before = this.#staged.get(tenant);
      if (before !== undefined) unused.push(before);
      this.#staged.delete(tenant);
    }
    for (const one of staged) this.#staged.set(one.move.tenant, one);
    return unused;
  }

  async #retire(staged: StagedTenant): Promise<void> {
    this.#retiring.add(staged);
    await staged.retire();
    this.#retiring.delete(staged);
  }

  #processFor(plan: Plan, name: string, service: TenantService): ServingProcess {
    const component = this.#components.get(name);
    if (component !== undefined) {
      // Who is served apart stays so; whether that is still right, the next look at the run times will tell.
      const { ordinary, express } = component;
      const isWhole = plan.tenants.some(({ tenant, stages }) => tenant === service.tenant.name && stages.length === 1);
      return isWhole && express !== null && this.#places.get(service) === express ? express : ordinary;
    }
    const unused = this.#unused.find((one) => one.component === name);
    throw new EcomapError(
      'INVALID_MESSAGE',
      `The plan ${plan.planId} uses the component "${name}", which has no inference host here` +
        `${unused === undefined ? '' : `: ${unused.why}`}.`,
    );
  }

  #isChange({ tenant, variant, process }: Move<TenantService>): boolean {
    const { deployment } = tenant;
    const isElsewhere = this.#staged.has(tenant) || this.#places.get(tenant) !== process;
    return deployment === null || deployment.variant.name !== variant.name || isElsewhere;
  }

  async #close(): Promise<void> {
    this.#phase = 'closing';
    for (const service of this.#services.values()) service.close();
    // A start under way ends by itself once its hosts are gone.
    if (this.#started !== null) {
      await this.#drained();
      for (const staged of [...this.#staged.values(), ...this.#retiring]) staged.abandon(closedError());
      for (const service of this.#services.values()) service.abandonQueue();
      await this.#closeComponents();
      await this.#started.catch(() => undefined);
      await this.#closeComponents();
      await this.#changes;
      await this.#slots?.remove();
    }
    for (const service of this.#services.values()) service.abandonQueue();
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#phase = 'closed';
    this.emit('change');
    this.removeAllListeners();
  }

  async #closeComponents(): Promise<void> {
    await Promise.all([...this.#components.values()].map((component) => component.close()));
  }

  async #drained(): Promise<void> {
    const endMs = this.#clock.nowMs() + drainLimitMs;
    // What waits for a tenant that is not loaded yet would wait in vain.
    const services = [...this.#services.values()].filter((service) => service.deployment !== null);
    const busy = () => services.some((service) => service.queued > 0 || service.underWay > 0);
    while (busy() && this.#clock.nowMs() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** CPU cores, or what an execution provider drives; whether that runs is for the probe to find out. */
function isComputedHere({ kind, provider }: Component): boolean {
  return kind === 'cpu' || (kind !== 'remote' && provider !== undefined);
}

function reasons(plan: Plan, move: Move | StagedMove): string[] {
  const components = 'stages' in move ? move.stages.map(({ process }) => process.component) : [move.process.component];
  return [`plan ${plan.planId}: ${move.variant.name} on ${components.join(', then ')}`, ...plan.why];
}

function closedError(): EcomapError {
  return new EcomapError('NODE_CLOSED', 'The executor was stopped.');
}
