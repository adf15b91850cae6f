import { rowsOf } from '../../src/mapping/imported-profiles/imported-costs';
import { readProfileFile } from '../../src/mapping/imported-profiles/read-profile-file';
import { confineToRoots } from '../../src/models/allowed-roots';
import { checkModelFile } from '../../src/models/onnx-file';
import { defineNode } from '../../src/node-red/defineNode';
import { EcomapError, isEcomapError } from '../../src/signals/errors';
import type { ImportedTable } from '../../src/signals/imported-profile';
import type { Tenant, Variant } from '../../src/signals/tenant';
import { tenantConfig } from './config';
import { tenantOf } from './declaration';
import { modelRootsOf } from './model-roots';
import { modelInfoRoutes } from './model-info-routes';

/** What the nodes that refer to a tenant get. */
export interface TenantResource {
  readonly tenant: Tenant;
  /** What its variants are said to cost, instead of being measured; null: nothing. */
  readonly imported: ImportedTable | null;
  /**
   * Resolves when every model file was looked at, with what is wrong with them. A config node has no way to Catch nodes of its
   * own, so the executor that uses the tenant passes these on.
   */
  readonly checked: Promise<readonly EcomapError[]>;
  /** The same for those who only ask whether: rejects with the first of these problems. */
  readonly ready: Promise<void>;
}

/**
 * The table of a tenant's file, and the tenant with the accuracies that it tells.
 * @throws EcomapError INVALID_CONFIG where the file cannot be used, or tells nothing of this tenant
 */
function withProfile(
  tenant: Tenant,
  path: string,
  directory: string,
  warn: (text: string) => void,
): { tenant: Tenant; imported: ImportedTable | null } {
  if (path === '') return { tenant, imported: null };
  const imported = readProfileFile(path, directory, warn);
  const rows = rowsOf(imported, tenant);
  const variants = tenant.variants.map((variant) => {
    const row = rows.find(({ variant: name }) => name === variant.name);
    return row === undefined ? variant : { ...variant, accuracy: row.accuracy };
  });
  if (!tenant.variants.some(({ name }) => rows.some(({ variant }) => variant === name))) {
    const families = [...new Set(imported.profiles.map(({ family }) => family))].join(', ');
    throw new EcomapError(
      'INVALID_CONFIG',
      `The profile ${imported.file} tells nothing of the variants of "${tenant.name}": it knows the families ${families}. ` +
        'Name the tenant and its variants as the file does.',
    );
  }
  return { tenant: { ...tenant, variants: variants.sort((a, b) => b.accuracy - a.accuracy) }, imported };
}

/** A network service: a model family with its limits. */
export default defineNode({
  type: 'ecomap-tenant',
  config: tenantConfig,
  routes: modelInfoRoutes,
  start(node) {
    const roots = modelRootsOf(node.settings);
    const { tenant: declared, imported } = withProfile(
      tenantOf(node.config, node.stateDirectory),
      node.config.profileFile,
      node.stateDirectory,
      (text) => node.warn(text),
    );
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
    const resource: TenantResource = { tenant, imported, checked, ready };
    node.provide('tenant', resource);
    return {};
  },
});
