import { fitsInline, inlineFrames, type SlotFile } from '../shared-memory/slot-file';
import type { NamedTensors } from '../tensors';
import { splitOutputs } from './batch';
import type { TensorFrame } from './protocol';

/**
 * The outputs of a run as the frames of each request's answer: small ones inside the message, others through the slot. With
 * `handOverFrom`, another host goes on with them: then they do not take the way through Node-RED, however small they are.
 * @throws EcomapError MODEL_INVALID when the model did not give a row for each row of the batch
 */
export async function frameAnswers(
  outputs: NamedTensors,
  rows: readonly number[],
  slot: SlotFile,
  handOverFrom?: number,
): Promise<TensorFrame[][]> {
  const answers = splitOutputs(outputs, rows);
  const frames = await framesOf(answers, slot, handOverFrom);
  if (handOverFrom === undefined) return frames;
  return frames.map((tensors) => tensors.map((frame) => ({ ...frame, isComputed: true })));
}

async function framesOf(
  answers: readonly NamedTensors[],
  slot: SlotFile,
  handOverFrom?: number,
): Promise<TensorFrame[][]> {
  if (handOverFrom === undefined && fitsInline(answers)) return answers.map(inlineFrames);
  try {
    return await slot.write(answers, handOverFrom);
  } catch (error) {
    // A full memory file system (a container often has 64 MB) must not cost the answer: the slower way still works.
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return answers.map(inlineFrames);
    throw error;
  }
}
