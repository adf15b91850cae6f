import type { Variant } from '../../signals/tenant';
import type { LoadAnswer, RunAnswer, StageRange } from '../host/protocol';
import type { FramedRun } from '../hosting/host-process';
import type { HostModel } from '../hosting/resident-models';
import { RunTimes } from '../serving/run-times';

/** What a stage needs of a host. */
export interface StageHost {
  readonly component: { readonly name: string };
  load(model: HostModel): Promise<LoadAnswer>;
  unload(key: string): Promise<void>;
  runFrames(key: string, run: FramedRun): Promise<RunAnswer>;
}

/** One stage of a variant, loaded on one component. */
export class StageDeployment {
  readonly times = new RunTimes();
  readonly inputs: readonly string[];

  private constructor(
    readonly host: StageHost,
    private readonly key: string,
    readonly answer: LoadAnswer,
  ) {
    this.inputs = answer.signature.inputs.map(({ name }) => name);
  }

  get component(): string {
    return this.host.component.name;
  }

  /**
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, MEMORY_EXCEEDED, RUNTIME_UNAVAILABLE, HOST_CRASHED;
   * INVALID_MESSAGE when the model cannot be cut there
   */
  static async load(host: StageHost, { path, sha256 }: Variant, stage: StageRange): Promise<StageDeployment> {
    // Tenants that share a stage share its session.
    const key = `${path}#${sha256 ?? ''}@${stage.firstNode}-${stage.endNode ?? ''}`;
    return new StageDeployment(host, key, await host.load({ key, path, sha256, stage }));
  }

  compute(run: FramedRun): Promise<RunAnswer> {
    return this.host.runFrames(this.key, run);
  }

  /** Gives the model back to its host. Never fails. */
  retire(): Promise<void> {
    return this.host.unload(this.key);
  }
}
