import { fitsInline, inlineFrames, type SlotFile } from '../shared-memory/slot-file';
import type { NamedTensors } from '../tensors/tensors';
import { splitOutputs } from './batch';
import type { TensorFrame } from './protocol';

/** How the outputs of a stage leave it; see the command `run`. */
export interface OutputWay {
  readonly outputFrom?: number;
  readonly handOver?: boolean;
}

/**
 * The outputs of a run as the frames of each request's answer: small ones inside the message, others through the slot. Where
 * another host goes on with them, they do not take the way through Node-RED, however small they are.
 * @throws EcomapError MODEL_INVALID when the model did not give a row for each row of the batch
 */
export async function frameAnswers(
  outputs: NamedTensors,
  rows: readonly number[],
  slot: SlotFile,
  { outputFrom = 0, handOver = false }: OutputWay = {},
): Promise<TensorFrame[][]> {
  const answers = splitOutputs(outputs, rows);
  if (!handOver && fitsInline(answers)) return answers.map(inlineFrames);
  const frames = await slot.write(answers, outputFrom).catch((error: unknown) => {
    // A full memory file system (a container often has 64 MB) must not cost the answer: the slower way still works.
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return answers.map(inlineFrames);
    throw error;
  });
  return handOver ? frames.map((tensors) => tensors.map((frame) => ({ ...frame, isComputed: true }))) : frames;
}
