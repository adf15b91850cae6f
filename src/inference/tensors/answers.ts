import { EcomapError } from '../../signals/errors';
import type { Tensor } from '../../signals/tensor';
import type { Tenant } from '../../signals/tenant';
import { fromFloat16 } from './float16';
import { describeTensor, isTexts, type NamedTensors } from './tensors';

type OutputDeclaration = Tenant['output'];

export interface LabelAnswer {
  readonly label: string;
  readonly index: number;
  /** The model's own output for the label: a probability where the model ends in a softmax. */
  readonly score: number;
  readonly scores: readonly number[];
}

export interface ValueAnswer {
  readonly value: number;
  readonly unit: string;
}

function outputTensor(outputs: NamedTensors, name: string | null): Tensor {
  const tensor = name === null ? Object.values(outputs)[0] : outputs[name];
  if (tensor !== undefined) return tensor;
  const names = Object.keys(outputs).join(', ');
  throw new EcomapError('INVALID_CONFIG', `The tenant declares the output "${name}", but the model's are: ${names}.`);
}

/** @throws EcomapError INVALID_CONFIG for texts */
function numbersOf({ type, dims, data }: Tensor): number[] {
  if (isTexts(data)) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `The tenant's output is a label or a value, but the model gives texts: ${describeTensor(type, dims)}. ` +
        'Declare the output as tensors.',
    );
  }
  const numbers = type === 'float16' && data instanceof Uint16Array ? fromFloat16(data) : data;
  return Array.from(numbers as ArrayLike<number | bigint>, Number);
}

function labelAnswer(scores: readonly number[], labels: readonly string[]): LabelAnswer {
  // NaN loses against any number. Where there is nothing else the first label answers, and its score shows what happened.
  let index = 0;
  scores.forEach((score, candidate) => {
    const best = scores[index] ?? NaN;
    if (score > best || (Number.isNaN(best) && !Number.isNaN(score))) index = candidate;
  });
  return { label: labels[index] ?? String(index), index, score: scores[index] ?? NaN, scores };
}

/** Halves as numbers, since bits are of no use to a flow; the type stays, so that the tensor can be sent on as it is. */
function readable(tensor: Tensor): Tensor {
  const { type, dims, data } = tensor;
  return type === 'float16' && data instanceof Uint16Array ? { type, dims, data: fromFloat16(data) } : tensor;
}

/**
 * Turns the model's outputs into the form that the tenant declares. A batch gives an array of answers. NaN and infinity in
 * an output are passed on as they are: no pass over large outputs is spent on looking for them.
 * @throws EcomapError INVALID_CONFIG when the declaration does not fit what the model gives.
 */
export function decodeOutputs(outputs: NamedTensors, declaration: OutputDeclaration): unknown {
  if (declaration.kind === 'tensors') {
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, readable(tensor)]));
  }
  const tensor = outputTensor(outputs, declaration.name);
  const perAnswer = declaration.kind === 'label' ? declaration.labels.length : 1;
  const batch = tensor.dims.length > 1 ? (tensor.dims[0] ?? 1) : 1;
  // Before anything is walked: it may be large.
  if (tensor.data.length !== perAnswer * batch) {
    const wanted =
      declaration.kind === 'label' ? `${perAnswer} labels are declared` : 'one value per answer is declared';
    throw new EcomapError(
      'INVALID_CONFIG',
      `${wanted}, but the model gives ${describeTensor(tensor.type, tensor.dims)}: correct the tenant's output.`,
    );
  }
  const numbers = numbersOf(tensor);
  const answers: (LabelAnswer | ValueAnswer)[] = [];
  for (let start = 0; start < numbers.length; start += perAnswer) {
    const part = numbers.slice(start, start + perAnswer);
    answers.push(
      declaration.kind === 'label'
        ? labelAnswer(part, declaration.labels)
        : { value: part[0] ?? NaN, unit: declaration.unit },
    );
  }
  return batch === 1 ? answers[0] : answers;
}
