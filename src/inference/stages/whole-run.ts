import type { RunAnswer } from '../host/protocol';
import type { HostRun, StagePart } from '../hosting/host-run';
import type { RequestSlot } from '../shared-memory/request-slots';
import type { NamedTensors } from '../tensors/tensors';
import type { StageFlow } from './stage-flow';

/**
 * Reads what the whole model answers, per request, out of what its stages have left in the slot.
 * @param names the outputs of the whole model
 */
export async function readOutputs(
  names: readonly string[],
  flow: StageFlow,
  slot: RequestSlot,
  requests: readonly NamedTensors[],
): Promise<NamedTensors[]> {
  const results: NamedTensors[] = [];
  for (const [index, request] of requests.entries()) {
    // An output of the model that is one of its inputs is where it was.
    const computed = names.filter((name) => request[name] === undefined);
    const read = await slot.read(flow.inputsFor(computed)[index] ?? []);
    results.push(
      Object.fromEntries(
        names.flatMap((name) => {
          const tensor = read[name] ?? request[name];
          return tensor === undefined ? [] : [[name, tensor]];
        }),
      ),
    );
  }
  return results;
}

/**
 * One run as if a single host had computed it: its times, ms, are the sums over all stages.
 * @param answers of the stages, in their order, as `components`
 * @param outputs of the whole model, per request
 */
export function wholeRunOf(
  answers: readonly RunAnswer[],
  components: readonly string[],
  outputs: readonly NamedTensors[],
): HostRun {
  const sum = (of: (answer: RunAnswer) => number) => answers.reduce((total, answer) => total + of(answer), 0);
  const parts = answers.map(({ cpuMs }, index): StagePart => ({ component: components[index] ?? '', cpuMs }));
  return {
    results: outputs.map((tensors, index) => ({
      outputs: tensors,
      nonFiniteInput: answers.some(({ results }) => results[index]?.nonFiniteInput === true),
    })),
    runMs: sum(({ runMs }) => runMs),
    decodeMs: sum(({ decodeMs }) => decodeMs),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    parts,
  };
}
