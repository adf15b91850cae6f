import { messageOf } from '../../signals/errors';
import type { Variant } from '../../signals/tenant';
import { RunTimes } from '../serving/run-times';
import { Deployment, fallbackOf, hostModelOf } from './deployment';
import type { HostLog } from './host-log';
import type { HostProcess } from './host-process';
import type { Quarantine } from './quarantine';
import type { HostModel } from './resident-models';
import type { ServedTenant } from './served-tenant';

/** What answers for a tenant, and what does when its queue is full or time is short. */
export interface Placed {
  readonly deployment: Deployment;
  readonly fallback: Deployment | null;
}

export interface VariantLoaderOptions {
  /** Measured times by model, kept from one process to the next. */
  readonly times: Map<string, RunTimes>;
  /** Inputs that have ended a host, by tenant. */
  readonly quarantineOf: (tenant: string) => Quarantine;
  readonly log: HostLog;
  /** How far the loading is has changed. */
  readonly onChange: () => void;
}

/** Loads and proves the variants of tenants in the processes of one place, and knows how far it is. */
export class VariantLoader {
  /** Tenants whose model is being loaded, and how far it is. */
  readonly #loading = new Map<ServedTenant, 'loading' | 'warming-up'>();
  /** Who has answered with what in which process. */
  readonly #proven = new WeakMap<HostProcess, Set<string>>();
  #progress = { loaded: 0, toLoad: 0 };

  constructor(private readonly options: VariantLoaderOptions) {}

  /** Tenants to load for what is being prepared, and how many of them are. */
  get progress(): { readonly loaded: number; readonly toLoad: number } {
    return this.#progress;
  }

  /** Null while nothing is loaded for the tenant. */
  activityFor(client: ServedTenant): 'loading' | 'warming-up' | null {
    return this.#loading.get(client) ?? null;
  }

  /** So many tenants will be placed. */
  begin(toLoad: number): void {
    this.#progress = { loaded: 0, toLoad };
  }

  /** Nothing more will be placed for now. */
  end(): void {
    this.#progress = { loaded: 0, toLoad: 0 };
  }

  /**
   * Loads what the tenant needs for a variant: that, and the lighter one that it falls back on, without which it is served, too.
   * @throws EcomapError as `Deployment.prepare`
   */
  async place(host: HostProcess, client: ServedTenant, variant: Variant): Promise<Placed> {
    this.#loading.set(client, 'loading');
    this.options.onChange();
    try {
      const deployment = await this.load(host, client, variant);
      const fallback = await this.#loadFallback(host, client, variant);
      this.#progress = { ...this.#progress, loaded: this.#progress.loaded + 1 };
      return { deployment, fallback };
    } finally {
      this.#loading.delete(client);
    }
  }

  /**
   * What the tenant has been answered with in this very process is not proven again.
   * @throws EcomapError as `Deployment.prepare`
   */
  async load(host: HostProcess, client: ServedTenant, variant: Variant): Promise<Deployment> {
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
        if (this.#loading.has(client)) this.#loading.set(client, 'warming-up');
        this.options.onChange();
      },
    });
    proven.add(proof);
    return deployment;
  }

  async #loadFallback(host: HostProcess, client: ServedTenant, variant: Variant): Promise<Deployment | null> {
    const lighter = fallbackOf(client.tenant, variant);
    if (lighter === null) return null;
    try {
      return await this.load(host, client, lighter);
    } catch (error) {
      this.options.log.warn(
        `${client.tenant.name} has nothing lighter to fall back on: ${lighter.name} does not load: ${messageOf(error)}`,
      );
      return null;
    }
  }
}

/** Both, or the one that there is; none where nothing was placed. */
export function deploymentsOf(placed: Placed | undefined): Deployment[] {
  if (placed === undefined) return [];
  return placed.fallback === null ? [placed.deployment] : [placed.deployment, placed.fallback];
}

/** The models that a tenant needs in memory for a variant. */
export function modelsOf({ tenant }: ServedTenant, variant: Variant): HostModel[] {
  const fallback = fallbackOf(tenant, variant);
  return (fallback === null ? [variant] : [variant, fallback]).map(hostModelOf);
}
