import type { NodeContext } from '../../src/node-red/types';
import type { EcomapError } from '../../src/signals/errors';
import type { MappingEstimatorConfig } from './config';

interface TenantResource {
  readonly tenant: { readonly name: string };
  /** Rejects when a model file is not in order; the tenant's own node has then said so. */
  readonly ready?: Promise<void>;
}

/** Says once on Catch why a variant is left out, unless the tenant's own node has said so already. */
export async function reportExcluded(node: NodeContext<MappingEstimatorConfig>, error: EcomapError, tenant: string) {
  const resource = node.config.tenants
    .flatMap((id) => {
      try {
        return node.resource<TenantResource>(id, 'tenant');
      } catch {
        return [];
      }
    })
    .find((candidate) => candidate.tenant.name === tenant);
  const alreadySaid = await Promise.resolve(resource?.ready).then(
    () => false,
    () => true,
  );
  if (alreadySaid) node.debug(error.message);
  else node.error(error, { topic: 'ecomap/tenant', tenant });
}
