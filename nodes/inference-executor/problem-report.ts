import type { NodeContext } from '../../src/node-red/types';
import type { EcomapError } from '../../src/signals/errors';
import type { InferenceExecutorConfig } from './config';

export interface TenantResource {
  readonly tenant: { readonly name: string };
  /** What is wrong with its model files; absent where nobody looked. */
  readonly checked?: Promise<readonly EcomapError[]>;
}

/**
 * Tells Catch once about every model file that is not in order, and why a tenant cannot serve where that is another reason. The
 * tenants themselves are config nodes: they cannot reach a Catch node.
 */
export class ProblemReport {
  readonly #told = new Map<string, Promise<readonly EcomapError[]>>();

  constructor(private readonly node: NodeContext<InferenceExecutorConfig>) {
    for (const id of node.config.tenants) {
      const resource = this.#resource(id);
      if (resource?.checked !== undefined) this.#told.set(resource.tenant.name, this.#tell(resource, resource.checked));
    }
  }

  async cannotServe(error: EcomapError, tenant: string): Promise<void> {
    const told = (await this.#told.get(tenant)) ?? [];
    if (told.some(({ code }) => code === error.code)) this.node.warn(error.message);
    else this.node.error(error, { topic: 'ecomap/tenant', tenant });
  }

  async #tell({ tenant }: TenantResource, checked: Promise<readonly EcomapError[]>): Promise<readonly EcomapError[]> {
    const problems = await checked;
    // Not before the whole flow is there: Catch nodes hear nothing while nodes are still being made.
    await new Promise<void>((resolve) => this.node.after(0, resolve));
    for (const problem of problems) this.node.error(problem, { topic: 'ecomap/tenant', tenant: tenant.name });
    return problems;
  }

  #resource(id: string): TenantResource | null {
    try {
      return this.node.resource<TenantResource>(id, 'tenant');
    } catch {
      // Reported by whoever chose the tenants.
      return null;
    }
  }
}
