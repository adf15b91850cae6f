import { importedCost } from '../../src/mapping/imported-profiles/imported-costs';
import type { ProfilingOptions } from '../../src/mapping/profiles/profiling';
import type { NodeContext } from '../../src/node-red/types';
import type { InferenceDevice } from '../../src/signals/device';
import type { ImportedTable } from '../../src/signals/imported-profile';

interface TenantResource {
  readonly tenant: { readonly name: string };
  readonly imported?: ImportedTable | null;
}

/** What files say of the tenants that a node refers to: a tenant's own file goes before its device's. */
export function importedCosts(
  node: NodeContext<{ readonly tenants: readonly string[] }>,
  device: Pick<InferenceDevice, 'imported'>,
): NonNullable<ProfilingOptions['imported']> {
  const tables = new Map<string, ImportedTable>();
  for (const id of node.config.tenants) {
    try {
      const { tenant, imported } = node.resource<TenantResource>(id, 'tenant');
      if (imported != null && !tables.has(tenant.name)) tables.set(tenant.name, imported);
    } catch {
      // Whoever chose the tenants has said so already.
    }
  }
  const importedAt = new Date().toISOString();
  return (tenant, variant, component) => {
    const own = tables.get(tenant.name);
    const said = own === undefined ? null : importedCost(own, tenant, variant, component, importedAt);
    if (said !== null || device.imported === undefined) return said;
    return importedCost(device.imported, tenant, variant, component, importedAt);
  };
}
