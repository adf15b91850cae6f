import { EcomapError, messageOf } from '../../signals/errors';

/** What ONNX Runtime says when it cannot load a model, and what a user can do about it. */
const cures: readonly [RegExp, (match: RegExpExecArray) => string][] = [
  [
    /Opset (\d+) is under development/,
    ([, opset]) =>
      `It uses operator set ${opset}, which the installed ONNX Runtime does not know yet. Export it with a lower one ` +
      '(17 is understood nearly everywhere), or update onnxruntime-node.',
  ],
  [
    /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    ([, version, most]) =>
      `It is written in version ${version} of the file format, the installed ONNX Runtime reads up to ${most}. ` +
      'Export it with a lower one, or update onnxruntime-node.',
  ],
  [
    /(?:error: )?(\S+):(\S+)\(-?\d+\) is not a registered function\/op|No opset import for domain '([^']*)'/,
    () =>
      'It uses an operator that is no part of ONNX (a custom operator), for which ONNX Runtime needs a library that is not ' +
      'supported here. Export it with standard operators.',
  ],
  [
    /No Op registered for (\S+) with domain_version of (\d+)/,
    ([, operator, opset]) =>
      `Operator set ${opset} has no operator ${operator}: it is a custom operator, or the model declares the wrong operator ` +
      'set. Export it again with standard operators and a fitting operator set.',
  ],
  [
    /Could not find an implementation for (\S+)/,
    ([, operator]) =>
      `ONNX Runtime cannot compute ${operator} with these element types or this operator set on this execution provider. ` +
      'Export it with operator set 13 or higher, or with other element types.',
  ],
  [
    /not acyclic|Duplicate definition of name|is not a graph input, initializer, or output of a previous node|topologically sorted/,
    () => 'Its graph is not well-formed. Export it again.',
  ],
  [
    /raw_data size|does not match expected size|Out of bounds dimensions|negative/i,
    () => 'The shape of a weight and its data do not belong together. Export it again.',
  ],
  [/Protobuf parsing failed|ParseFromArray/i, () => 'The file is damaged. Copy or export it again.'],
];

/** MODEL_INVALID with the words of the runtime and, where they are known, what to do. */
export function loadFailure(path: string, error: unknown): EcomapError {
  const words = messageOf(error);
  for (const [pattern, cure] of cures) {
    const match = pattern.exec(words);
    if (match !== null) return invalid(path, `${cure(match)} ONNX Runtime says: ${words}`, error);
  }
  return invalid(path, words, error);
}

function invalid(path: string, what: string, cause: unknown): EcomapError {
  return new EcomapError('MODEL_INVALID', `${path} is not a model that ONNX Runtime can load: ${what}`, { cause });
}
