import type { EcomapError } from '../../signals/errors';
import type { Variant } from '../../signals/tenant';
import type { Clock } from '../clock';
import type { HostProcess } from '../hosting/host-process';
import type { Quarantine } from '../hosting/quarantine';
import type { Guest, Retirable } from '../hosting/served-tenant';
import type { ServingProcess } from '../hosting/serving-process';
import type { TenantService } from '../serving/tenant-service';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import { Pipeline } from './pipeline';
import { stageModelOf } from './stage-deployment';

/** How a plan wants one tenant cut into stages. */
export interface StagedMove {
  readonly tenant: TenantService;
  readonly variant: Variant;
  /** At least two, in the order of their nodes. */
  readonly stages: readonly { readonly process: ServingProcess; readonly firstNode: number }[];
}

export interface StagedTenantOptions {
  readonly slots: SlotDirectory;
  readonly clock: Clock;
  /** Where what is found out about models is kept; null keeps it in the hosts' memory. */
  readonly cacheDirectory: string | null;
  /** The process that will serve, where a process is just being replaced. */
  readonly hostFor: (process: ServingProcess) => HostProcess;
  /** Inputs that have ended a host, by tenant. */
  readonly quarantineOf: (tenant: string) => Quarantine;
  /** A stage cannot be computed any more. */
  readonly onLost: (tenant: TenantService, error: EcomapError) => void;
}

/**
 * One tenant whose variant runs in stages on several components: its pipeline, and the stages as guests of the processes that
 * compute them, which take them along when another process takes over.
 */
export class StagedTenant {
  readonly #guests: readonly { readonly process: ServingProcess; readonly guest: Guest }[];
  #inForce = false;

  private constructor(
    readonly move: StagedMove,
    private readonly pipeline: Pipeline,
    private readonly options: StagedTenantOptions,
  ) {
    this.#guests = move.stages.map(({ process }, stage) => ({ process, guest: this.#guestOf(stage) }));
  }

  /** Processes to be replaced for these stages: those that serve, and would be kept from it by loading one. */
  static replacedFor({ variant, stages }: StagedMove, cacheDirectory: string | null): ServingProcess[] {
    return stages.flatMap(({ process, firstNode }, index) => {
      const endNode = stages[index + 1]?.firstNode ?? null;
      const { key } = stageModelOf(variant, { firstNode, endNode, cacheDirectory });
      return process.isEmpty || process.host.holds(key) ? [] : [process];
    });
  }

  /** Loads and proves all stages, beside what runs. @throws EcomapError as `Pipeline.prepare` */
  static async prepare(move: StagedMove, options: StagedTenantOptions): Promise<StagedTenant> {
    const { slots, clock, cacheDirectory, hostFor, quarantineOf } = options;
    const places = move.stages.map(({ process, firstNode }) => ({
      host: hostFor(process),
      dispatcher: process.dispatcher,
      firstNode,
    }));
    const { tenant } = move.tenant;
    const pipeline = await Pipeline.prepare({
      tenant,
      variant: move.variant,
      places,
      slots,
      cacheDirectory,
      clock,
      quarantine: quarantineOf(tenant.name),
    });
    return new StagedTenant(move, pipeline, options);
  }

  get firstProcess(): ServingProcess | undefined {
    return this.move.stages[0]?.process;
  }

  /** Whether a plan asks for what is in force. */
  isAs({ variant, stages }: StagedMove): boolean {
    const own = this.move.stages;
    return (
      this.move.variant.name === variant.name &&
      own.length === stages.length &&
      own.every(({ process, firstNode }, index) => {
        const other = stages[index];
        return other?.process === process && other.firstNode === firstNode;
      })
    );
  }

  /** From now on requests go through the stages. */
  commit(why: readonly string[]): void {
    this.#inForce = true;
    for (const { process, guest } of this.#guests) process.guests.add(guest);
    this.#serve(why);
  }

  /** What waits between stages ends with this error. */
  abandon(error: EcomapError): void {
    this.pipeline.abandon(error);
  }

  /** Requests no longer come this way: waits for what is under way, then frees the stages. */
  async retire(): Promise<void> {
    this.#inForce = false;
    await this.pipeline.retire();
    for (const { process, guest } of this.#guests) process.guests.delete(guest);
  }

  #serve(why?: readonly string[]): void {
    const { tenant } = this.move;
    this.pipeline.resume();
    tenant.deployFallback(null);
    tenant.deploy(this.pipeline, why);
    this.firstProcess?.dispatcher.attach(tenant);
  }

  /** What is broken anyway must not keep the neighbours from another process: a later plan takes it in again. */
  async #place(stage: number, host: HostProcess): Promise<() => readonly Retirable[]> {
    const isServing = this.move.tenant.deployment !== null;
    try {
      const placed = await this.pipeline.placeStage(stage, host, isServing);
      return () => this.pipeline.replaceStage(stage, placed);
    } catch (error) {
      if (isServing) throw error;
      return () => {
        this.#inForce = false;
        return [];
      };
    }
  }

  #guestOf(stage: number): Guest {
    const { pipeline } = this;
    return {
      get key() {
        return pipeline.keyOf(stage) ?? '';
      },
      get runMs() {
        return pipeline.meanMs(stage);
      },
      place: (host) => this.#place(stage, host),
      onLost: (error) => {
        pipeline.abandon(error);
        if (this.#inForce) this.options.onLost(this.move.tenant, error);
      },
      onRestored: () => {
        const allReady = this.move.stages.every(({ process }) => process.ready);
        if (this.#inForce && allReady && this.move.tenant.deployment === null) this.#serve();
      },
    };
  }
}
