import { mismatch, unexpected } from './payload-description';
import { quoted } from '../../signals/parse';
import type { TensorSpec } from './tensors';

/** Characters in one input, all its texts together: what a message of a flow may reasonably hold. */
const mostCharacters = 16 * 1024 * 1024;

/**
 * The elements of a `string` tensor, as they are.
 * @throws EcomapError INPUT_MISMATCH naming the first element that is no text or cannot be passed on whole, or when there is too much
 */
export function textsToData(values: ArrayLike<unknown>, spec: TensorSpec, count: number): string[] {
  const texts: string[] = [];
  let characters = 0;
  for (let index = 0; index < count; index += 1) {
    const text = values[index];
    if (typeof text !== 'string') throw unexpected(spec, `${quoted(text)} as element ${index}, which is no text`);
    if (text.includes('\0')) {
      throw mismatch(
        `Element ${index} of the input "${spec.name}" holds a null character, where ONNX Runtime would cut it off: take it out.`,
      );
    }
    characters += text.length;
    if (characters > mostCharacters) {
      throw mismatch(
        `The input "${spec.name}" holds more than ${mostCharacters} characters: send less text in one request.`,
      );
    }
    texts.push(text);
  }
  return texts;
}
