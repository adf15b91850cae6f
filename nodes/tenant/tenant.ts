import { confineToRoots } from '../../src/models/allowed-roots';
import { checkModelFile } from '../../src/models/onnx-file';
import { defineNode } from '../../src/node-red/defineNode';
import { isEcomapError, type EcomapError } from '../../src/signals/errors';
import type { Tenant, Variant } from '../../src/signals/tenant';
import { tenantConfig } from './config';
import { tenantOf } from './declaration';
import { modelRootsOf } from './model-roots';
import { modelInfoRoutes } from './model-info-routes';

/** What the nodes that refer to a tenant get. */
export interface TenantResource {
  readonly tenant: Tenant;
  /**
   * Resolves when every model file was looked at, with what is wrong with them. A config node has no way to Catch nodes of its
   * own, so the executor that uses the tenant passes these on.
   */
  readonly checked: Promise<readonly EcomapError[]>;
  /** The same for those who only ask whether: rejects with the first of these problems. */
  readonly ready: Promise<void>;
}

/** A network service: a model family with its limits. */
export default defineNode({
  type: 'ecomap-tenant',
  config: tenantConfig,
  routes: modelInfoRoutes,
  start(node) {
    const roots = modelRootsOf(node.settings);
    const declared = tenantOf(node.config, node.stateDirectory);
    const tenant = roots === null ? declared : confineToRoots(declared, roots);

    const check = async ({ path, sha256 }: Variant): Promise<EcomapError[]> => {
      try {
        await checkModelFile(path, sha256);
        return [];
      } catch (error) {
        if (!isEcomapError(error)) throw error;
        node.warn(error.message);
        return [error];
      }
    };
    const checked = Promise.all(tenant.variants.map(check)).then((problems) => problems.flat());
    const ready = checked.then((problems) => {
      if (problems[0] !== undefined) throw problems[0];
    });
    // Who is interested waits for it; that nobody is must not end the process.
    ready.catch((error: unknown) => {
      if (!isEcomapError(error)) node.error(error);
    });
    const resource: TenantResource = { tenant, checked, ready };
    node.provide('tenant', resource);
    return {};
  },
});
