import type { NetworkToRun } from '../../signals/co-location-run';
import type { LoadAnswer, RunAnswer, TensorFrame } from '../host/protocol';
import type { HostProcess } from '../hosting/host-process';
import type { HostModel } from '../hosting/resident-models';
import { patternInputs } from '../host/pattern-inputs';
import type { RequestSlot, RequestSlots } from '../shared-memory/request-slots';
import { stageModelOf } from '../stages/stage-deployment';
import { StageFlow } from '../stages/stage-flow';

interface LoadedStage {
  readonly host: HostProcess;
  readonly model: HostModel;
  readonly inputs: readonly string[];
}

/** A network loaded on its components, with one request that is sent again and again. */
export class CoLocatedNetwork {
  private constructor(
    private readonly stages: readonly LoadedStage[],
    private readonly request: readonly TensorFrame[],
    private readonly slot: RequestSlot,
    private readonly slots: RequestSlots,
  ) {}

  /**
   * @param hostOf the host of a component
   * @throws EcomapError as `HostProcess.load`, INPUT_MISMATCH when `dims` do not fit, INVALID_MESSAGE for a cut that does not exist.
   * Nothing of it stays in use then.
   */
  static async load(
    network: NetworkToRun,
    hostOf: (component: string) => HostProcess,
    slots: RequestSlots,
    cacheDirectory: string | null,
  ): Promise<CoLocatedNetwork> {
    const loaded: LoadedStage[] = [];
    const slot = slots.take();
    try {
      let whole: LoadAnswer['signature'] | null = null;
      for (const [index, { component }] of network.stages.entries()) {
        const host = hostOf(component);
        const model = modelOf(network, index, cacheDirectory);
        const answer = await host.load(model);
        loaded.push({ host, model, inputs: answer.signature.inputs.map(({ name }) => name) });
        whole ??= answer.whole ?? answer.signature;
      }
      const inputs = whole === null ? {} : patternInputs(whole, network.dims);
      const [request = []] = await slot.write([inputs]);
      return new CoLocatedNetwork(loaded, request, slot, slots);
    } catch (error) {
      slots.give(slot);
      await Promise.all(loaded.map(({ host, model }) => host.unload(model.key)));
      throw error;
    }
  }

  /** One inference through all stages. @throws EcomapError HOST_CRASHED (a HostLostError) when a host dies meanwhile */
  async answer(): Promise<void> {
    const flow = new StageFlow([this.request]);
    for (const [index, { host, model, inputs }] of this.stages.entries()) {
      const answer: RunAnswer = await host.runFrames(model.key, {
        requests: flow.inputsFor(inputs),
        slot: this.slot.number,
        outputFrom: flow.end,
        handOver: index < this.stages.length - 1,
        expectedMs: null,
        refuseNonFinite: false,
      });
      flow.add(answer);
    }
  }

  /** It stays in memory, as the budget of its hosts allows. Never fails. */
  async retire(): Promise<void> {
    this.slots.give(this.slot);
    await Promise.all(this.stages.map(({ host, model }) => host.unload(model.key)));
  }
}

function modelOf({ path, sha256, stages }: NetworkToRun, index: number, cacheDirectory: string | null): HostModel {
  if (stages.length === 1) return { key: `${path}#${sha256 ?? ''}`, path, sha256 };
  const range = {
    firstNode: stages[index]?.firstNode ?? 0,
    endNode: stages[index + 1]?.firstNode ?? null,
    cacheDirectory,
  };
  return stageModelOf({ path, sha256 }, range);
}
