import { asEcomapError, EcomapError } from '../../signals/errors';
import { eligibleVariants, type Variant } from '../../signals/tenant';
import type { Places } from '../hosting/change-over';
import type { ServingProcess } from '../hosting/serving-process';
import type { OneAtATime } from '../one-at-a-time';
import type { TenantService } from '../serving/tenant-service';

export interface FirstVariantsOptions {
  readonly places: Places;
  /** The changes of what serves whom. */
  readonly changes: OneAtATime;
  readonly phase: () => 'starting' | 'serving' | 'closing' | 'closed';
  readonly onChange: () => void;
  readonly onFailure: (tenant: TenantService, error: EcomapError) => void;
}

/** What serves the tenants before there is a plan: of each the most accurate variant that it may run. */
export class FirstVariants {
  /** Tenants whose process does not come up: they are loaded as soon as it does. */
  readonly #waiting = new Map<TenantService, ServingProcess>();

  constructor(private readonly options: FirstVariantsOptions) {}

  /** Spreads the tenants over the processes and loads them. What a tenant lacks is reported; the others serve. */
  async deploy(tenants: readonly TenantService[], processes: readonly ServingProcess[]): Promise<void> {
    await Promise.all(
      processes.map(async (process, at) => {
        const here = tenants.filter((_, index) => index % processes.length === at);
        for (const tenant of here) await this.#deploy(tenant, process);
      }),
    );
  }

  /** None of the processes has come up: the tenants wait for it to do so after all. */
  wait(tenants: readonly TenantService[], processes: readonly ServingProcess[]): void {
    tenants.forEach((tenant, index) => {
      const process = processes[index % processes.length];
      if (process !== undefined) this.#waiting.set(tenant, process);
    });
  }

  /** A process has come up after all: it takes the tenants that had been given to it. */
  deployWaiting(process: ServingProcess): void {
    for (const [tenant, place] of this.#waiting) {
      if (place !== process) continue;
      this.#waiting.delete(tenant);
      void this.options.changes.run(async () => {
        if (tenant.deployment === null && this.options.phase() === 'serving') await this.#deploy(tenant, process);
      });
    }
  }

  /** A plan says what serves the tenant. */
  forget(tenant: TenantService): void {
    this.#waiting.delete(tenant);
  }

  async #deploy(tenant: TenantService, process: ServingProcess): Promise<void> {
    const { places, phase, onChange, onFailure } = this.options;
    places.set(tenant, process);
    try {
      const changes = new Map([[tenant, firstVariantOf(tenant)]]);
      const prepared = await process.prepare({ changes, direct: phase() === 'starting' });
      for (const error of prepared.failures.values()) throw error;
      await process.finish(process.commit(prepared, new Map([[tenant, ['no plan yet: most accurate variant']]])));
    } catch (error) {
      if (process.host.state === 'down') this.#waiting.set(tenant, process);
      onFailure(tenant, asEcomapError(error));
    }
    onChange();
  }
}

/** @throws EcomapError INVALID_CONFIG when the tenant may run none */
function firstVariantOf({ tenant }: TenantService): Variant {
  const [variant] = eligibleVariants(tenant);
  if (variant !== undefined) return variant;
  const { name, override } = tenant;
  const pinned = override.mode === 'pin' ? ` "${override.variant}"` : '';
  throw new EcomapError('INVALID_CONFIG', `The tenant "${name}" has no variant${pinned} that it may run.`);
}
