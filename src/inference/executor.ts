import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import type { CarbonReading } from '../signals/carbon';
import { asEcomapError, EcomapError, messageOf } from '../signals/errors';
import type { InferenceRequest, InferenceResult } from '../signals/inference';
import { quoted } from '../signals/parse';
import type { Plan } from '../signals/plan';
import { gramsOf } from '../signals/quantities';
import type { Telemetry } from '../signals/telemetry';
import type { Tenant } from '../signals/tenant';
import { systemClock, type Clock } from './clock';
import { closedError } from './closed-error';
import { inferenceEnergyJ, unknownEnergy, type EnergyReader, type ServingDevice } from './energy';
import { stateOf, type ExecutorState } from './executor-state';
import type { Places } from './hosting/change-over';
import type { HostEntry } from './hosting/host-entry';
import { silentLog, type HostLog } from './hosting/host-log';
import type { RecycleRules } from './hosting/memory-guard';
import { ServingComponents } from './hosting/serving-components';
import type { ServingProcess } from './hosting/serving-process';
import { Upkeep } from './hosting/upkeep';
import { OneAtATime } from './one-at-a-time';
import { FirstVariants } from './plans/first-variants';
import { LatestPlan, type PlanOutcome } from './plans/latest-plan';
import { PlanApplication } from './plans/plan-application';
import { TenantService } from './serving/tenant-service';
import { openSlotDirectory, type SlotDirectory } from './shared-memory/slot-directory';
import { StagedTenants } from './stages/staged-tenants';
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
  /** A component of the device cannot be used; the others serve. */
  unused: [error: EcomapError, component: string];
}

const drainLimitMs = 5000;
const defaultQueueLength = 32;

/**
 * Runs the models of several tenants in supervised child processes, usually one per component. Serves alone from the start (each
 * tenant's most accurate variant, tenants spread over the components) and takes plans while it serves, without losing a
 * request.
 */
export class InferenceExecutor extends EventEmitter<ExecutorEvents> {
  readonly #services = new Map<string, TenantService>();
  readonly #components: ServingComponents;
  readonly #places: Places = new Map();
  readonly #staged: StagedTenants;
  readonly #firstVariants: FirstVariants;
  readonly #plans: LatestPlan;
  /** One change of what serves whom at a time. */
  readonly #changes = new OneAtATime();
  readonly #window: TelemetryWindow;
  readonly #device: ServingDevice;
  readonly #clock: Clock;
  readonly #log: HostLog;
  readonly #queueLength: number;
  #phase: ExecutorState['phase'] = 'starting';
  #started: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  #slots: SlotDirectory | null = null;
  #upkeep: Upkeep | null = null;
  #plan: Plan | null = null;
  #intensityGPerKwh: number | null = null;
  #energy: EnergyReader | null = null;

  /** @throws EcomapError INVALID_CONFIG when tenants share a name, or there is nothing on the device that computes */
  constructor(options: InferenceExecutorOptions) {
    super();
    const { device, tenants, stateDirectory, hostMemoryLimitMb, recycle, hostEntry } = options;
    this.#device = device;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#queueLength = options.queueLength ?? defaultQueueLength;
    this.#window = new TelemetryWindow(this.#clock);
    for (const tenant of tenants) this.#addService(tenant);
    this.#components = new ServingComponents({
      ...{ device, hostMemoryLimitMb, recycle, stateDirectory },
      ...{ entry: hostEntry, clock: this.#clock, log: this.#log },
    });
    this.#staged = new StagedTenants({
      clock: this.#clock,
      cacheDirectory: stateDirectory === undefined ? null : join(stateDirectory, 'ecomap', 'model-insides'),
      slots: () => this.#openSlots(),
      quarantineOf: (tenant) => this.#components.quarantineOf(tenant),
      onLost: (service, error) => this.#breakDown(service, error),
    });
    this.#firstVariants = new FirstVariants({
      places: this.#places,
      changes: this.#changes,
      phase: () => this.#phase,
      onChange: () => this.emit('change'),
      onFailure: (service, error) => this.#breakDown(service, error),
    });
    const application = new PlanApplication({
      services: this.#services,
      components: this.#components,
      places: this.#places,
      staged: this.#staged,
      firstVariants: this.#firstVariants,
      isServing: () => this.#phase === 'serving',
      onApplied: (plan) => {
        this.#plan = plan;
        this.emit('change');
      },
    });
    this.#plans = new LatestPlan((plan) =>
      this.#changes.run(async () => {
        // When nothing came up, a plan may find that it has meanwhile.
        await this.start().catch(() => undefined);
        return application.apply(plan);
      }),
    );
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
      components: this.#components.all,
      places: this.#places,
      unused: this.#components.unused,
    });
  }

  /** How many more requests of a tenant would not find its queue full; 0 for an unknown one. */
  roomOf(tenant: string): number {
    return this.#services.get(tenant)?.room ?? 0;
  }

  /** What happened since the last call (or since the executor was made). */
  takeTelemetry(): Telemetry {
    return this.#window.take({
      services: this.#services.values(),
      components: this.#components.all.map(({ totals }) => totals),
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
      queueLength: this.#queueLength,
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
    await this.#components.open(this.#slots);
    if (this.#hasEnded()) return;
    this.#tellOfUnused();
    this.#energy = this.#device.openReader?.() ?? null;
    const processes = this.#components.ordinary;
    for (const process of processes) this.#listenTo(process);
    this.#upkeep = new Upkeep({
      components: this.#components.all,
      places: this.#places,
      clock: this.#clock,
      log: this.#log,
      changes: this.#changes,
      isServing: () => this.#phase === 'serving',
      onOpen: (process) => this.#listenTo(process),
      onChange: () => this.emit('change'),
    });
    const outcomes = await Promise.allSettled(processes.map((process) => process.start()));
    if (this.#hasEnded()) return;
    const services = [...this.#services.values()];
    const up = processes.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined && up.length === 0) {
      this.#firstVariants.wait(services, processes);
      throw asEcomapError(failure.reason);
    }
    if (failure !== undefined) this.#log.warn(messageOf(failure.reason));
    await this.#firstVariants.deploy(services, up);
    if (this.#phase === 'starting') this.#phase = 'serving';
    this.emit('change');
  }

  /** Nothing computes elsewhere in silence: where nobody listens the log has it. */
  #tellOfUnused(): void {
    for (const { component, why } of this.#components.unused) {
      const text = `The component ${component} is not used: ${why.replace(/\.$/, '')}. Correct it in the device, or take it out there.`;
      if (!this.emit('unused', new EcomapError('RUNTIME_UNAVAILABLE', text), component)) this.#log.warn(text);
    }
  }

  #openSlots(): SlotDirectory {
    if (this.#slots === null) throw closedError();
    return this.#slots;
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
      if (process.ready) this.#firstVariants.deployWaiting(process);
      this.emit('change');
    });
    process.on('recycle', (why) => void this.#upkeep?.recycle(process, why));
    process.on('lost', (tenant, error) => {
      const service = this.#services.get(tenant.tenant.name);
      if (service !== undefined) this.#breakDown(service, error);
    });
  }

  #hasEnded(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
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

  async #close(): Promise<void> {
    this.#phase = 'closing';
    this.#upkeep?.stop();
    for (const service of this.#services.values()) service.close();
    // A start under way ends by itself once its hosts are gone.
    if (this.#started !== null) {
      await this.#drained();
      this.#staged.abandon(closedError());
      for (const service of this.#services.values()) service.abandonQueue();
      await this.#components.close();
      await this.#started.catch(() => undefined);
      await this.#components.close();
      await this.#changes.settled();
      await this.#slots?.remove();
    }
    for (const service of this.#services.values()) service.abandonQueue();
    this.#phase = 'closed';
    this.emit('change');
    this.removeAllListeners();
  }

  async #drained(): Promise<void> {
    const endMs = this.#clock.nowMs() + drainLimitMs;
    // What waits for a tenant that is not loaded yet would wait in vain.
    const services = [...this.#services.values()].filter((service) => service.deployment !== null);
    const busy = () => services.some((service) => service.queued > 0 || service.underWay > 0);
    while (busy() && this.#clock.nowMs() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
