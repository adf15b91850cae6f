import { Random } from '../../src/simulation/random';
import { tenantSchema, type Serving, type Tenant } from '../../src/signals/tenant';
import type { TenantNode } from '../arms/node-red';
import type { BenchModel } from './models';

/** One model as every arm runs it, under a name that loads are addressed to. */
export interface ArmTenant {
  readonly name: string;
  readonly model: BenchModel;
  /** Rows of one run, for arms that have no batching of their own; 1 by default. */
  readonly batch?: number;
  /** Latency limit, ms; far away by default: the load is closed loop, and nobody is late. */
  readonly latencyLimitMs?: number;
  readonly serving?: Partial<Serving>;
  /** Lighter variants, for arms that swap. */
  readonly lighter?: readonly BenchModel[];
}

const farAwayMs = 60_000;
const inputsPerTenant = 4;

/** Input data, made before the measurement and used in turn. */
export class Inputs {
  private readonly data: Float32Array[];
  private next = 0;

  constructor(readonly dims: readonly number[]) {
    const random = new Random(1);
    const length = dims.reduce((product, dim) => product * dim, 1);
    this.data = Array.from({ length: inputsPerTenant }, () => new Float32Array(length).map(() => random.uniform()));
  }

  draw(): Float32Array {
    const drawn = this.data[this.next % inputsPerTenant];
    this.next += 1;
    return drawn ?? new Float32Array(0);
  }
}

export function inputsOf(tenants: readonly ArmTenant[]): (tenant: string) => Inputs {
  const inputs = new Map(
    tenants.map(({ name, model, batch = 1 }) => {
      const [rows = 1, ...rest] = model.dims;
      return [name, new Inputs([rows * batch, ...rest])];
    }),
  );
  return (tenant) => {
    const found = inputs.get(tenant);
    if (found === undefined) throw new Error(`there is no tenant ${tenant} in this arm`);
    return found;
  };
}

export function executorTenant(tenant: ArmTenant): Tenant {
  const { name, model, latencyLimitMs = farAwayMs, serving = {}, lighter = [] } = tenant;
  return tenantSchema.parse({
    name,
    family: name,
    variants: [model, ...lighter].map((variant, index) => ({
      name: variant.name,
      path: variant.path,
      accuracy: 0.9 - 0.1 * index,
    })),
    latencyLimitMs,
    input: { dims: model.dims },
    output: { kind: 'tensors' },
    serving,
    override: { mode: lighter.length > 0 ? 'auto' : 'off' },
  });
}

export function tenantNode({ name, model, latencyLimitMs = farAwayMs }: ArmTenant): TenantNode {
  return {
    name,
    source: 'own',
    variants: [{ name: model.name, path: model.path, accuracy: 0.9 }],
    latencyLimitMs: String(latencyLimitMs),
    inputDims: model.dims.join(', '),
    outputKind: 'tensors',
    nonFiniteInput: 'pass',
  };
}
