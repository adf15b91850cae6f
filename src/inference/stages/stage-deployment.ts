import type { Variant } from '../../signals/tenant';
import type { LoadAnswer, RunAnswer, StageRange } from '../host/protocol';
import type { FramedRun } from '../hosting/host-run';
import type { HostModel } from '../hosting/resident-models';
import { RunTimes } from '../serving/run-times';
import { UnderWay } from '../under-way';

/** What a stage needs of a host. */
export interface StageHost {
  readonly component: { readonly name: string };
  load(model: HostModel): Promise<LoadAnswer>;
  unload(key: string): Promise<void>;
  runFrames(key: string, run: FramedRun): Promise<RunAnswer>;
}

/** One stage of a variant, loaded on one component. */
export class StageDeployment {
  readonly inputs: readonly string[];
  readonly #underWay = new UnderWay();

  private constructor(
    readonly host: StageHost,
    readonly key: string,
    readonly answer: LoadAnswer,
    readonly times: RunTimes,
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
  static async load(
    host: StageHost,
    variant: Variant,
    stage: StageRange,
    times = new RunTimes(),
  ): Promise<StageDeployment> {
    const model = stageModelOf(variant, stage);
    return new StageDeployment(host, model.key, await host.load(model), times);
  }

  compute(run: FramedRun): Promise<RunAnswer> {
    return this.#underWay.during(() => this.host.runFrames(this.key, run));
  }

  /** Waits for what is under way, then gives the model back to its host. Never fails. */
  async retire(): Promise<void> {
    await this.#underWay.drained();
    await this.host.unload(this.key);
  }
}

/** A stage as a host knows it; tenants that share a stage share its session. */
export function stageModelOf({ path, sha256 }: Pick<Variant, 'path' | 'sha256'>, stage: StageRange): HostModel {
  return { key: `${path}#${sha256 ?? ''}@${stage.firstNode}-${stage.endNode ?? ''}`, path, sha256, stage };
}

/** For so long a run keeps its component busy, ms. */
export function busyMsOf({ decodeMs, runMs }: RunAnswer): number {
  return decodeMs + runMs;
}
