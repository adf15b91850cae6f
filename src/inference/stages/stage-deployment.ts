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
  readonly inputs: readonly string[];
  #underWay = 0;
  #onDrained: (() => void)[] = [];

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

  async compute(run: FramedRun): Promise<RunAnswer> {
    this.#underWay += 1;
    try {
      return await this.host.runFrames(this.key, run);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    }
  }

  /** Waits for what is under way, then gives the model back to its host. Never fails. */
  async retire(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
    await this.host.unload(this.key);
  }
}

/** A stage as a host knows it; tenants that share a stage share its session. */
export function stageModelOf({ path, sha256 }: Variant, stage: StageRange): HostModel {
  return { key: `${path}#${sha256 ?? ''}@${stage.firstNode}-${stage.endNode ?? ''}`, path, sha256, stage };
}
