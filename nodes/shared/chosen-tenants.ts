import type { NodeContext } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import type { Tenant } from '../../src/signals/tenant';

/**
 * The tenants that a node refers to. One that is missing or broken, or has the name of another, is reported and left out, so
 * that it never stops the others.
 * @throws EcomapError INVALID_CONFIG when none is left.
 */
export function chosenTenants(node: NodeContext<{ readonly tenants: readonly string[] }>): Tenant[] {
  const tenants: Tenant[] = [];
  for (const id of node.config.tenants) {
    try {
      const { tenant } = node.resource<{ readonly tenant: Tenant }>(id, 'tenant');
      if (tenants.some(({ name }) => name === tenant.name)) {
        throw new EcomapError(
          'INVALID_CONFIG',
          `Two tenants are named "${tenant.name}": the second is left out, give it a name of its own.`,
        );
      }
      tenants.push(tenant);
    } catch (error) {
      // Not before the whole flow is there: Catch nodes hear nothing while nodes are still being made.
      node.after(0, () => node.error(error, { topic: 'ecomap/tenant' }));
    }
  }
  if (tenants.length === 0) {
    throw new EcomapError('INVALID_CONFIG', 'No tenant is in use: open the node and choose at least one that works.');
  }
  return tenants;
}
