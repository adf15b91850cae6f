import { EcomapError } from '../../signals/errors';
import { eligibleVariants, type Tenant, type Variant } from '../../signals/tenant';
import { decodeOutputs } from '../tensors/answers';
import { canaryInputs } from '../tensors/canary';
import { expectedInputs } from '../tensors/expected-inputs';
import { HostLostError } from './host-lost-error';
import type { HostRun, RunOptions } from './host-run';
import type { HostModel } from './resident-models';
import type { LoadAnswer } from '../host/protocol';
import { Quarantine } from './quarantine';
import { RunTimes } from '../serving/run-times';
import type { LoadedVariant } from '../serving/variant-server';
import { UnderWay } from '../under-way';
import type { NamedTensors, TensorSpec } from '../tensors/tensors';

/** What serving needs of a host. */
export interface ModelHost {
  readonly component: { readonly name: string };
  load(model: HostModel): Promise<LoadAnswer>;
  unload(key: string): Promise<void>;
  run(key: string, requests: readonly NamedTensors[], options: RunOptions): Promise<HostRun>;
}

export interface PrepareOptions {
  /** What the model took on this component before, in another process. */
  readonly times?: RunTimes;
  /** The tenant's inputs that have ended a host. */
  readonly quarantine?: Quarantine;
  /** True when this very process has answered for the tenant with this model before. */
  readonly proven?: boolean;
  /** Called when the model is loaded and its first inference begins. */
  readonly onWarmUp?: () => void;
}

/** The model of a variant; tenants that share a file share the session. */
export function hostModelOf({ path, sha256 }: Variant): HostModel {
  return { key: `${path}#${sha256 ?? ''}`, path, sha256 };
}

/** One variant of a tenant, loaded on one component and proven by an inference. */
export class Deployment implements LoadedVariant {
  readonly #underWay = new UnderWay();

  private constructor(
    readonly variant: Variant,
    readonly host: ModelHost,
    readonly key: string,
    /** The shapes that requests must have. */
    readonly inputs: readonly TensorSpec[],
    /** Whether the model leaves the batch dimension open. */
    readonly batches: boolean,
    readonly times: RunTimes,
    private readonly quarantine: Quarantine,
    private readonly refuseNonFinite: boolean,
  ) {}

  get component(): string {
    return this.host.component.name;
  }

  /**
   * Loads the variant, compares it with the tenant's declarations and runs it once: only what has answered is ever put into
   * service. When that fails, the model is given back.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, MEMORY_EXCEEDED, INPUT_MISMATCH, INVALID_CONFIG,
   * RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  static async prepare(
    tenant: Tenant,
    variant: Variant,
    host: ModelHost,
    { times = new RunTimes(), quarantine = new Quarantine(tenant.name), proven = false, onWarmUp }: PrepareOptions = {},
  ): Promise<Deployment> {
    const model = hostModelOf(variant);
    const { signature } = await host.load(model);
    try {
      const inputs = expectedInputs(tenant.input, signature);
      const refuseNonFinite = tenant.nonFiniteInput === 'refuse';
      const batches = [...signature.inputs, ...signature.outputs].every(({ dims }) => typeof dims[0] === 'string');
      const deployment = new Deployment(variant, host, model.key, inputs, batches, times, quarantine, refuseNonFinite);
      if (!proven) {
        onWarmUp?.();
        const canary = await deployment.#runOnHost([canaryInputs(inputs)], null);
        for (const { outputs } of canary.results) decodeOutputs(outputs, tenant.output);
      }
      return deployment;
    } catch (error) {
      await host.unload(model.key);
      throw error;
    }
  }

  /** @throws EcomapError INPUT_QUARANTINED for inputs that have ended a host before, HOST_CRASHED, INPUT_MISMATCH */
  async run(requests: readonly NamedTensors[], expectedMs: number | null): Promise<HostRun> {
    const suspects = this.quarantine.examine(requests);
    try {
      const run = await this.#runOnHost(requests, expectedMs);
      this.quarantine.acquit(suspects);
      return run;
    } catch (error) {
      if (error instanceof HostLostError && error.wasRunning) this.quarantine.blame(requests);
      throw error;
    }
  }

  #runOnHost(requests: readonly NamedTensors[], expectedMs: number | null): Promise<HostRun> {
    const { refuseNonFinite } = this;
    return this.#underWay.during(() => this.host.run(this.key, requests, { expectedMs, refuseNonFinite }));
  }

  /** Waits for what is under way, then gives the model back to its host. */
  async retire(): Promise<void> {
    await this.#underWay.drained();
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

/** The variant that answers instead when the queue is full or time is short: the next lighter one; null where none shall. */
export function fallbackOf(tenant: Tenant, variant: Variant): Variant | null {
  const { whenFull, whenLate } = tenant.serving;
  if (whenFull !== 'downgrade' && whenLate !== 'downgrade') return null;
  return eligibleVariants(tenant).find(({ accuracy }) => accuracy < variant.accuracy) ?? null;
}
