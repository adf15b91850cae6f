import { EventEmitter } from 'node:events';
import type { CarbonReading } from '../signals/carbon';
import { asEcomapError, EcomapError, messageOf } from '../signals/errors';
import type { InferenceRequest, InferenceResult } from '../signals/inference';
import { quoted } from '../signals/parse';
import type { Plan } from '../signals/plan';
import { gramsOf } from '../signals/quantities';
import type { Telemetry } from '../signals/telemetry';
import { eligibleVariants, type Tenant } from '../signals/tenant';
import { systemClock, type Clock } from './clock';
import { Deployment } from './deployment';
import { Dispatcher } from './serving/dispatcher';
import { inferenceEnergyJ, unknownEnergy, type EnergyReader, type ServingDevice } from './energy';
import type { HostEntry } from './hosting/host-entry';
import { HostProcess, silentLog, type HostLog, type HostState } from './hosting/host-process';
import { LatestPlan, type PlanOutcome } from './latest-plan';
import { movesOf, type Move } from './plan-moves';
import { openSlotDirectory, type SlotDirectory } from './shared-memory/slot-directory';
import { TenantService } from './serving/tenant-service';
import { TelemetryWindow, type ComponentTotals } from './telemetry-window';

export interface InferenceExecutorOptions {
  readonly device: ServingDevice;
  readonly tenants: readonly Tenant[];
  /** Requests that may wait, per tenant. */
  readonly queueLength?: number;
  readonly hostEntry?: HostEntry;
  readonly clock?: Clock;
  readonly log?: HostLog;
}

export interface ExecutorState {
  readonly phase: 'starting' | 'serving' | 'closing' | 'closed';
  readonly planId: string | null;
  readonly tenants: readonly {
    readonly tenant: string;
    readonly variant: string | null;
    readonly component: string | null;
    readonly queued: number;
    readonly problem: { readonly code: string; readonly message: string } | null;
  }[];
  readonly hosts: readonly {
    readonly component: string;
    readonly state: HostState;
    readonly pid: number | null;
    readonly pinned: boolean;
    readonly restarts: number;
    readonly rssBytes: number | null;
  }[];
}

export interface ExecutorEvents {
  /** Something in `state()` other than a queue changed. */
  change: [];
  /** A tenant cannot serve (any more). */
  problem: [error: EcomapError, tenant: string];
}

interface ComponentHost {
  readonly host: HostProcess;
  readonly dispatcher: Dispatcher;
}

const drainLimitMs = 5000;
const defaultQueueLength = 32;

/**
 * Runs the models of several tenants in supervised child processes, one per CPU component. Serves alone from the start (each
 * tenant's most accurate variant, tenants spread over the components) and takes plans while it serves, without losing a
 * request.
 */
export class InferenceExecutor extends EventEmitter<ExecutorEvents> {
  readonly #services = new Map<string, TenantService>();
  readonly #hosts = new Map<string, ComponentHost>();
  readonly #device: ServingDevice;
  readonly #clock: Clock;
  readonly #log: HostLog;
  readonly #plans: LatestPlan;
  readonly #options: InferenceExecutorOptions;
  #phase: ExecutorState['phase'] = 'starting';
  #started: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  #slots: SlotDirectory | null = null;
  #plan: Plan | null = null;
  #intensityGPerKwh: number | null = null;
  #energy: EnergyReader | null = null;
  readonly #window: TelemetryWindow;

  /** @throws EcomapError INVALID_CONFIG when tenants share a name, or there is no CPU component */
  constructor(options: InferenceExecutorOptions) {
    super();
    this.#options = options;
    this.#device = options.device;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#window = new TelemetryWindow(this.#clock);
    this.#plans = new LatestPlan((plan) => this.#apply(plan));
    for (const tenant of options.tenants) this.#addService(tenant);
    if (!options.device.components.some((component) => component.kind === 'cpu')) {
      throw new EcomapError(
        'INVALID_CONFIG',
        'The device has no CPU component, and this version computes on CPUs only.',
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
    if (this.#phase === 'closing' || this.#phase === 'closed') return Promise.reject(closedError());
    return this.#plans.offer(plan);
  }

  /** The intensity in force, for the grams of each inference. */
  onCarbon(reading: Pick<CarbonReading, 'intensityGPerKwh'>): void {
    this.#intensityGPerKwh = reading.intensityGPerKwh;
  }

  state(): ExecutorState {
    return {
      phase: this.#phase,
      planId: this.#plan?.planId ?? null,
      tenants: [...this.#services.values()].map((service) => ({
        tenant: service.tenant.name,
        variant: service.deployment?.variant.name ?? null,
        component: service.deployment?.component ?? null,
        queued: service.queued,
        problem: service.problem === null ? null : { code: service.problem.code, message: service.problem.message },
      })),
      hosts: [...this.#hosts.values()].map(({ host }) => ({
        component: host.component.name,
        state: host.state,
        pid: host.pid,
        pinned: host.pinned,
        restarts: host.restarts,
        rssBytes: host.rssBytes,
      })),
    };
  }

  /** What happened since the last call (or since the executor was made). */
  takeTelemetry(): Telemetry {
    return this.#window.take({
      services: this.#services.values(),
      components: [...this.#hosts.values()].map(totalsOf),
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
        const found = this.#hosts.get(component)?.host.component;
        return found === undefined ? null : inferenceEnergyJ(found, this.#device.operatingPointInForce(), cpuMs);
      },
      carbonG: (energyJ) => gramsOf(energyJ, this.#intensityGPerKwh),
      onWaiting: () => this.#dispatcherOf(service)?.pump(),
    });
    this.#services.set(tenant.name, service);
  }

  #dispatcherOf(service: TenantService): Dispatcher | undefined {
    return service.deployment === null ? undefined : this.#hosts.get(service.deployment.component)?.dispatcher;
  }

  async #start(): Promise<void> {
    this.#slots = await openSlotDirectory();
    for (const component of this.#device.components) {
      if (component.kind === 'cpu') this.#addHost(component, this.#slots);
      else this.#log.warn(`The component ${component.name} (${component.kind}) is not used by this version.`);
    }
    this.#energy = this.#device.openReader?.() ?? null;
    const hosts = [...this.#hosts.values()];
    const outcomes = await Promise.allSettled(hosts.map(({ host }) => host.start()));
    if (this.#phase !== 'starting') return;
    const up = hosts.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined) {
      const error = asEcomapError(failure.reason);
      if (up.length === 0) throw error;
      this.#log.warn(error.message);
    }
    await Promise.all(
      [...this.#services.values()].map(async (service, index) => {
        const entry = up[index % up.length];
        if (entry !== undefined) await this.#deployFirst(service, entry);
      }),
    );
    if (this.#phase === 'starting') this.#phase = 'serving';
    this.emit('change');
  }

  /** Nothing will ever compute here: every request is told so, instead of waiting for a host that never comes. */
  #giveUp(error: EcomapError): never {
    if (this.#phase === 'starting') {
      for (const service of this.#services.values()) service.breakDown(error);
      this.#phase = 'serving';
      this.emit('change');
    }
    throw error;
  }

  #addHost(component: HostProcess['component'], slots: SlotDirectory): void {
    const entry = this.#options.hostEntry;
    const host = new HostProcess({ component, slots, device: this.#device, entry, log: this.#log });
    const dispatcher = new Dispatcher({ clock: this.#clock, ready: () => host.state === 'ready' });
    host.on('state', () => {
      dispatcher.pump();
      this.emit('change');
    });
    host.on('modelLost', (model, error) => {
      for (const service of this.#services.values()) {
        const { deployment } = service;
        if (deployment?.host === host && deployment.key === model.key) this.#breakDown(service, error);
      }
    });
    host.on('problem', (error) => this.#log.warn(`${component.name}: ${messageOf(error)}`));
    this.#hosts.set(component.name, { host, dispatcher });
  }

  async #deployFirst(service: TenantService, { host, dispatcher }: ComponentHost): Promise<void> {
    const [variant] = eligibleVariants(service.tenant);
    try {
      if (variant === undefined) {
        const { name, override } = service.tenant;
        const pinned = override.mode === 'pin' ? ` "${override.variant}"` : '';
        throw new EcomapError('INVALID_CONFIG', `The tenant "${name}" has no variant${pinned} that it may run.`);
      }
      const deployment = await Deployment.prepare(service.tenant, variant, host);
      service.deploy(deployment, ['no plan yet: most accurate variant']);
      dispatcher.attach(service);
    } catch (error) {
      this.#breakDown(service, asEcomapError(error));
    }
    this.emit('change');
  }

  #breakDown(service: TenantService, error: EcomapError): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    this.#dispatcherOf(service)?.detach(service);
    const { code, message } = error;
    const named = new EcomapError(code, `Tenant "${service.tenant.name}": ${message}`, { cause: error });
    service.breakDown(named);
    this.emit('problem', named, service.tenant.name);
    this.emit('change');
  }

  async #apply(plan: Plan): Promise<PlanOutcome> {
    await this.start();
    const moves = movesOf(plan, this.#services, (component) => this.#hosts.get(component)?.host ?? null);
    const why: string[] = [...moves.notes];
    const prepared = await this.#prepare(
      moves.all.filter((move) => isChange(move)),
      why,
    );
    if (this.#phase !== 'serving') throw closedError();
    const old: Deployment[] = [];
    let swaps = 0;
    // From here to the end of the loop nothing else runs: all tenants switch at once.
    for (const [move, deployment] of prepared) {
      const { service } = move;
      const before = service.deployment;
      this.#dispatcherOf(service)?.detach(service);
      service.deploy(deployment, reasons(plan, move));
      if (before !== null) {
        old.push(before);
        if (before.variant.name !== deployment.variant.name) {
          swaps += 1;
          service.window.swapped();
        }
      }
    }
    for (const move of moves.all) {
      if (!prepared.has(move) && move.service.deployment !== null) move.service.explain(reasons(plan, move));
    }
    this.#plan = plan;
    for (const { service } of prepared.keys()) this.#dispatcherOf(service)?.attach(service);
    this.emit('change');
    await Promise.all(old.map((deployment) => deployment.retire()));
    return { applied: true, swaps, why };
  }

  /** Loads everything that changes. A tenant that was broken before may stay so; any other failure undoes the whole plan. */
  async #prepare(moves: readonly Move[], why: string[]): Promise<Map<Move, Deployment>> {
    const prepared = new Map<Move, Deployment>();
    const failures: EcomapError[] = [];
    await Promise.all(
      moves.map(async (move) => {
        try {
          prepared.set(move, await Deployment.prepare(move.service.tenant, move.variant, move.host));
        } catch (thrown) {
          const error = asEcomapError(thrown);
          if (move.service.deployment === null) why.push(`${move.service.tenant.name} stays broken: ${error.message}`);
          else failures.push(error);
        }
      }),
    );
    const [failure] = failures;
    if (failure === undefined) return prepared;
    await Promise.all([...prepared.values()].map((deployment) => deployment.retire()));
    throw failure;
  }

  async #close(): Promise<void> {
    this.#phase = 'closing';
    for (const service of this.#services.values()) service.close();
    // A start under way ends by itself once its hosts are gone.
    if (this.#started !== null) {
      await this.#drained();
      for (const service of this.#services.values()) service.abandonQueue();
      await Promise.all([...this.#hosts.values()].map(({ host }) => host.close()));
      await this.#started.catch(() => undefined);
      await Promise.all([...this.#hosts.values()].map(({ host }) => host.close()));
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

function totalsOf({ host, dispatcher }: ComponentHost): ComponentTotals {
  const { totalCpuSeconds: cpuSeconds, restarts } = host;
  return { component: host.component.name, busyMs: dispatcher.busyMs, cpuSeconds, restarts };
}

function isChange({ service, variant, host }: Move): boolean {
  const { deployment } = service;
  return deployment === null || deployment.variant.name !== variant.name || deployment.host !== host;
}

function reasons(plan: Plan, { variant, host }: Move): string[] {
  return [`plan ${plan.planId}: ${variant.name} on ${host.component.name}`, ...plan.why];
}

function closedError(): EcomapError {
  return new EcomapError('NODE_CLOSED', 'The executor was stopped.');
}
