import { asEcomapError, type EcomapError } from '../../signals/errors';
import type { Clock } from '../clock';
import type { StageNeeds } from '../hosting/change-over';
import type { HostProcess } from '../hosting/host-process';
import type { Quarantine } from '../hosting/quarantine';
import type { ServingProcess } from '../hosting/serving-process';
import type { TenantService } from '../serving/tenant-service';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import { StagedTenant, type StagedMove } from './staged-tenant';

export interface StagedTenantsOptions {
  readonly clock: Clock;
  /** Where what is found out about models is kept; null keeps it in the hosts' memory. */
  readonly cacheDirectory: string | null;
  /** @throws EcomapError NODE_CLOSED while there is none */
  readonly slots: () => SlotDirectory;
  /** Inputs that have ended a host, by tenant. */
  readonly quarantineOf: (tenant: string) => Quarantine;
  /** A stage cannot be computed any more. */
  readonly onLost: (tenant: TenantService, error: EcomapError) => void;
}

/** Loaded and proven, not yet in force. */
export interface PreparedStages {
  readonly prepared: readonly StagedTenant[];
  /** Tenants that could not be served before either, and why. */
  readonly failures: readonly (readonly [TenantService, EcomapError])[];
}

/** The tenants that run in stages, and the pipelines that only end what is under way. */
export class StagedTenants {
  readonly #inForce = new Map<TenantService, StagedTenant>();
  readonly #retiring = new Set<StagedTenant>();
  /** Pipelines made so far. */

  constructor(private readonly options: StagedTenantsOptions) {}

  has(tenant: TenantService): boolean {
    return this.#inForce.has(tenant);
  }

  /** Whether a plan asks for what is in force. */
  isAs(move: StagedMove): boolean {
    return this.#inForce.get(move.tenant)?.isAs(move) === true;
  }

  /** What has to be done with processes before the stages can be loaded. */
  needsOf(moves: readonly StagedMove[]): StageNeeds<TenantService> {
    return {
      tenants: new Set(moves.map(({ tenant }) => tenant)),
      replaced: new Set(moves.flatMap((move) => StagedTenant.replacedFor(move, this.options.cacheDirectory))),
    };
  }

  /**
   * Loads the stages into the processes that will serve; when that fails, nothing has changed.
   * @throws EcomapError as `Pipeline.prepare` for a tenant that is being served, NODE_CLOSED
   */
  async prepare(
    moves: readonly StagedMove[],
    hostFor: (process: ServingProcess) => HostProcess,
  ): Promise<PreparedStages> {
    const { clock, cacheDirectory, quarantineOf, onLost } = this.options;
    const prepared: StagedTenant[] = [];
    const failures: [TenantService, EcomapError][] = [];
    try {
      for (const move of moves) {
        const slots = this.options.slots();
        const options = { slots, clock, cacheDirectory, hostFor, quarantineOf, onLost };
        try {
          prepared.push(await StagedTenant.prepare(move, options));
        } catch (error) {
          if (move.tenant.deployment !== null) throw error;
          failures.push([move.tenant, asEcomapError(error)]);
        }
      }
      return { prepared, failures };
    } catch (error) {
      await Promise.all(prepared.map((one) => one.retire()));
      throw error;
    }
  }

  /**
   * Notes who runs in stages now.
   * @param moved all tenants that have changed
   * @returns the pipelines that are out of use, to be given to `retire`
   */
  replace(moved: readonly TenantService[], staged: readonly StagedTenant[]): StagedTenant[] {
    const unused: StagedTenant[] = [];
    for (const tenant of moved) {
      const before = this.#inForce.get(tenant);
      if (before !== undefined) unused.push(before);
      this.#inForce.delete(tenant);
    }
    for (const one of staged) this.#inForce.set(one.move.tenant, one);
    return unused;
  }

  /** Waits for what is under way in them, then frees the stages. */
  async retire(unused: readonly StagedTenant[]): Promise<void> {
    await Promise.all(
      unused.map(async (one) => {
        this.#retiring.add(one);
        await one.retire();
        this.#retiring.delete(one);
      }),
    );
  }

  /** Whatever waits between stages ends with this error. */
  abandon(error: EcomapError): void {
    for (const staged of [...this.#inForce.values(), ...this.#retiring]) staged.abandon(error);
  }
}
