import type { Operator } from '../../signals/operator-profile';

const blockedDomain = 'com.microsoft.nchwc';

/** What the runtime merges with an activation or an addition costs what the operator costs that is named here. */
const merged: Readonly<Record<string, string>> = { FusedConv: 'Conv', FusedGemm: 'Gemm', FusedMatMul: 'MatMul' };

/** The operator of ONNX that stands behind one that the runtime has merged. */
export function baseType({ type }: Operator): string {
  return merged[type] ?? type;
}

/** The groups of a convolution. */
export function groupsOf({ attributes }: Operator): number {
  const group = attributes['group'];
  return typeof group === 'number' && group > 0 ? group : 1;
}

/** The spatial sizes of the kernel of a convolution or a pool; empty where there is none. */
export function kernelShapeOf(operator: Operator): readonly number[] {
  const shape = operator.attributes['kernel_shape'];
  if (Array.isArray(shape)) return shape;
  return baseType(operator) === 'Conv' ? (operator.inputs[1]?.dims?.slice(2) ?? []) : [];
}

/**
 * The type for which costs are learned: operators of ONNX by their names; convolutions told apart by how they read their input;
 * "blocked" where the runtime has rearranged channels in blocks, which is a kernel of its own; others with their domain.
 */
export function kindOf(operator: Operator): string {
  const type = baseType(operator);
  const blocked = operator.domain === blockedDomain;
  const foreign = operator.domain !== '' && !blocked && type === operator.type;
  const name = foreign ? `${operator.domain}.${type}` : type;
  return [name, type === 'Conv' ? convolutionKind(operator) : '', blocked ? 'blocked' : '']
    .filter((part) => part !== '')
    .join(' ');
}

function convolutionKind(operator: Operator): string {
  const groups = groupsOf(operator);
  if (groups > 1) return operator.inputs[1]?.dims?.[1] === 1 ? 'depthwise' : 'grouped';
  return kernelShapeOf(operator).every((size) => size === 1) ? 'pointwise' : '';
}
