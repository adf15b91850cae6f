import { EcomapError } from '../signals/errors';
import type { Tenant, Variant } from '../signals/tenant';
import { decodeOutputs } from './answers';
import { canaryInputs } from './canary';
import { expectedInputs } from './expected-inputs';
import type { LoadAnswer } from './host/protocol';
import type { HostRun, RunOptions } from './hosting/host-process';
import type { HostModel } from './hosting/resident-models';
import { RunTimes } from './serving/run-times';
import type { LoadedVariant } from './serving/variant-server';
import type { NamedTensors, TensorSpec } from './tensors';

/** What serving needs of a host. */
export interface ModelHost {
  readonly component: { readonly name: string };
  load(model: HostModel): Promise<LoadAnswer>;
  unload(key: string): Promise<void>;
  run(key: string, requests: readonly NamedTensors[], options: RunOptions): Promise<HostRun>;
}

/** One variant of a tenant, loaded on one component and proven by an inference. */
export class Deployment implements LoadedVariant {
  readonly times = new RunTimes();
  #underWay = 0;
  #onDrained: (() => void) | null = null;

  private constructor(
    readonly variant: Variant,
    readonly host: ModelHost,
    readonly key: string,
    /** The shapes that requests must have. */
    readonly inputs: readonly TensorSpec[],
    readonly batches: boolean,
    private readonly refuseNonFinite: boolean,
  ) {}

  get component(): string {
    return this.host.component.name;
  }

  /**
   * Loads the variant, compares it with the tenant's declarations and runs it once: only what has answered is ever put into
   * service. Nothing stays loaded when that fails.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, INPUT_MISMATCH, INVALID_CONFIG,
   * RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  static async prepare(tenant: Tenant, variant: Variant, host: ModelHost): Promise<Deployment> {
    // Tenants that share a file share the session.
    const key = `${variant.path}#${variant.sha256 ?? ''}`;
    const { signature } = await host.load({ key, path: variant.path, sha256: variant.sha256 });
    try {
      const deployment = new Deployment(
        variant,
        host,
        key,
        expectedInputs(tenant.input, signature),
        [...signature.inputs, ...signature.outputs].every(({ dims }) => typeof dims[0] === 'string'),
        tenant.nonFiniteInput === 'refuse',
      );
      const canary = await deployment.run([canaryInputs(deployment.inputs)], null);
      for (const { outputs } of canary.results) decodeOutputs(outputs, tenant.output);
      return deployment;
    } catch (error) {
      await host.unload(key);
      throw error;
    }
  }

  async run(requests: readonly NamedTensors[], expectedMs: number | null): Promise<HostRun> {
    this.#underWay += 1;
    try {
      const { refuseNonFinite } = this;
      return await this.host.run(this.key, requests, { expectedMs, refuseNonFinite });
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onDrained?.();
    }
  }

  /** Waits for what is under way, then frees the model. Call it once nothing new comes. */
  async retire(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    await this.host.unload(this.key);
  }
}

/** The variant of that name. @throws EcomapError INVALID_MESSAGE when the tenant has none. */
export function variantNamed(tenant: Tenant, name: string): Variant {
  const variant = tenant.variants.find((candidate) => candidate.name === name);
  if (variant !== undefined) return variant;
  const known = tenant.variants.map((candidate) => candidate.name).join(', ');
  throw new EcomapError('INVALID_MESSAGE', `The tenant "${tenant.name}" has no variant "${name}": it has ${known}.`);
}
