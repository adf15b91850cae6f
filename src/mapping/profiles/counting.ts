import type { ModelDescription } from '../../models/description/model-description';
import { messageOf } from '../../signals/errors';
import type { Tenant } from '../../signals/tenant';
import { findModels } from './models';
import { countsOf, type ModelCounts } from './operations';
import { ProfileTable } from './table';

/** Describes a model file; what was described before should come from disk. */
export type DescribeModel = (request: {
  readonly path: string;
  readonly sha256: string | null;
  readonly dims: readonly number[] | null;
}) => Promise<ModelDescription>;

export interface CountingOptions {
  readonly tenants: readonly Tenant[];
  readonly describe: DescribeModel;
  /** Where the counts go. */
  readonly table: ProfileTable;
  readonly warn: (text: string) => void;
  /** Stops before the next model; of one that is not described because of it nothing is said. */
  readonly signal?: AbortSignal;
  /** Hex SHA-256 of a file; for tests. */
  readonly hashFile?: (path: string) => Promise<string>;
}

/**
 * Notes what each variant computes and moves, which the learned estimator asks for. A model whose inside is not known stays without:
 * then the analytic estimator has to do.
 * @throws the signal's reason when aborted
 */
export async function ensureOperations(options: CountingOptions): Promise<void> {
  const { table, tenants, describe, warn, signal, hashFile } = options;
  // What is wrong with a file was said when it was profiled.
  const faults = new ProfileTable();
  const models = await findModels({ tenants, signal, hashFile }, faults);
  for (const { path, sha256, dims, uses } of models) {
    signal?.throwIfAborted();
    const used = uses.filter(({ tenant, variant }) => table.exclusionOf(tenant.name, variant.name) === null);
    const [first] = used;
    if (first === undefined) continue;
    const counts =
      table.countsOf(first.tenant.name, first.variant.name) ??
      (await count(() => describe({ path, sha256, dims }), warn, signal));
    if (counts === null) continue;
    for (const { tenant, variant } of used) table.setCounts(tenant.name, variant.name, counts);
  }
}

async function count(
  describe: () => Promise<ModelDescription>,
  warn: (text: string) => void,
  signal: AbortSignal | undefined,
): Promise<ModelCounts | null> {
  try {
    return countsOf(await describe());
  } catch (error) {
    signal?.throwIfAborted();
    warn(`What a model computes is not known, so its latency is estimated analytically: ${messageOf(error)}`);
    return null;
  }
}
