import { describePayload, mismatch, unexpected } from './payload-description';
import { describeTensor, elementCount, type TensorSpec } from './tensors';

/** Beyond this many elements nothing is even looked at (256 MB of float32). */
const mostElements = 64 * 1024 * 1024;
/**
 * Elements of plain arrays, and of typed arrays of another type than the model's, that are converted one by one while Node-RED
 * waits: either takes at most some 50 ms.
 */
const mostListed = 1.5 * 1024 * 1024;
const mostConverted = 8 * 1024 * 1024;
const mostAxes = 8;

/** `dims` as a payload tells them. @throws EcomapError INPUT_MISMATCH when they are none, or not those of the model */
export function readDims(dims: unknown, spec: TensorSpec): number[] {
  const like = `[${spec.dims.join(', ')}]`;
  if (!Array.isArray(dims) || dims.length > mostAxes) {
    throw mismatch(`Expected payload.dims like ${like}. Got ${describePayload(dims)}.`);
  }
  const shape = Array.from(dims, (dim: unknown) => {
    if (typeof dim === 'number' && Number.isSafeInteger(dim) && dim > 0) return dim;
    const got = typeof dim === 'number' ? String(dim) : describePayload(dim);
    throw mismatch(`Expected whole numbers above 0 in payload.dims, like ${like}. Got ${got}.`);
  });
  if (!fitsDims(shape, spec)) throw unexpected(spec, describeTensor(spec.type, shape));
  return shape;
}

/** Whether a shape is one that the model takes. */
export function fitsDims(shape: readonly number[], { dims }: TensorSpec): boolean {
  return shape.length === dims.length && dims.every((dim, axis) => typeof dim === 'string' || dim === shape[axis]);
}

/**
 * The dimensions of `count` elements in a row; one free dimension is computed, a free batch dimension beside it is 1.
 * @throws EcomapError INPUT_MISMATCH when there are too few, too many, or more than one way to arrange them
 */
export function resolveFlat(count: number, spec: TensorSpec, value: unknown): number[] {
  const free = spec.dims.flatMap((dim, axis) => (typeof dim === 'string' ? [axis] : []));
  const batchIsOne = free.length === 2 && free[0] === 0;
  const open = batchIsOne ? free[1] : free[0];
  if (free.length > 2 || (free.length === 2 && !batchIsOne)) {
    throw mismatch(
      `The model leaves ${free.length} dimensions of ${describeTensor(spec.type, spec.dims)} open: ` +
        'send {data, dims, type} with dims, or nested arrays.',
    );
  }
  const fixed = elementCount(spec.dims.filter((dim) => typeof dim === 'number'));
  const rest = fixed === 0 ? 0 : count / fixed;
  const fits = rest > 0 && count <= mostElements && (open === undefined ? rest === 1 : Number.isInteger(rest));
  if (!fits) {
    const what = spec.type === 'string' ? 'texts' : 'numbers';
    const wanted = open === undefined ? `${fixed} ${what}` : `a multiple of ${fixed} ${what}`;
    throw mismatch(`Expected ${describeTensor(spec.type, spec.dims)}: ${wanted}. Got ${describePayload(value)}.`);
  }
  return spec.dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === open ? rest : 1));
}

/**
 * The dimensions and elements of nested arrays. The shape is compared before anything is walked.
 * @throws EcomapError INPUT_MISMATCH when the shape is not the model's, or the arrays are not all of the same length
 */
export function unfold(value: readonly unknown[], spec: TensorSpec): { dims: number[]; elements: unknown[] } {
  const shape = nestedShape(value, spec);
  const dims = resolveNested(shape, spec);
  refuseTooMany(elementCount(shape), spec, value);
  return { dims, elements: leavesOf(value, shape, spec) };
}

/** @throws EcomapError INPUT_MISMATCH when so many elements would keep Node-RED from everything else while they are converted */
export function refuseTooMany(count: number, spec: TensorSpec, value: unknown): void {
  const most = ArrayBuffer.isView(value) ? mostConverted : mostListed;
  if (count <= most) return;
  const cure = spec.type === 'string' ? 'send fewer in one request' : `send a typed array of the type ${spec.type}`;
  throw mismatch(
    `Expected ${describeTensor(spec.type, spec.dims)}. Got ${describePayload(value)}: ${count} elements, of which at most ` +
      `${most} can be converted without keeping Node-RED waiting; ${cure}.`,
  );
}

/** The shape as the first element of each level has it. */
function nestedShape(value: readonly unknown[], spec: TensorSpec): number[] {
  const shape: number[] = [];
  let level: unknown = value;
  while (Array.isArray(level)) {
    shape.push(level.length);
    if (shape.length > mostAxes || elementCount(shape) > mostElements || level.length === 0) {
      throw unexpected(spec, `nested arrays of [${shape.slice(0, 4).join(', ')}, ...]`);
    }
    level = level[0];
  }
  return shape;
}

/** Axes of length 1 do not change the order of the elements, so nested arrays may leave them out. */
function resolveNested(shape: readonly number[], spec: TensorSpec): number[] {
  const fail = () => unexpected(spec, `nested arrays of [${shape.join(', ')}]`);
  if (spec.dims.every((dim) => typeof dim === 'number')) {
    const wanted = spec.dims.filter((dim) => dim !== 1);
    const got = shape.filter((dim) => dim !== 1);
    if (wanted.length !== got.length || wanted.some((dim, axis) => dim !== got[axis])) throw fail();
    return [...spec.dims];
  }
  const padded = [...new Array<number>(Math.max(0, spec.dims.length - shape.length)).fill(1), ...shape];
  if (!fitsDims(padded, spec)) throw fail();
  return padded;
}

/** The elements in row order; iterative, and never more than the shape says. */
function leavesOf(value: readonly unknown[], shape: readonly number[], spec: TensorSpec): unknown[] {
  let level: unknown[] = [...value];
  for (let axis = 1; axis < shape.length; axis += 1) {
    const next: unknown[] = [];
    for (const part of level) {
      if (!Array.isArray(part) || part.length !== shape[axis]) {
        throw unexpected(
          spec,
          `nested arrays that are not all of the same length (axis ${axis}: ${shape[axis]} and ${describePayload(part)})`,
        );
      }
      for (const item of part as unknown[]) next.push(item);
    }
    level = next;
  }
  return level;
}
