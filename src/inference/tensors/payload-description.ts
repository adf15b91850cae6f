import { EcomapError } from '../../signals/errors';
import { describeTensor, type TensorSpec } from './tensors';

export function mismatch(text: string, cause?: unknown): EcomapError {
  return new EcomapError('INPUT_MISMATCH', text, { cause });
}

/** "Expected float32 [1, 3]. Got null." */
export function unexpected(spec: TensorSpec, got: string): EcomapError {
  return mismatch(`Expected ${describeTensor(spec.type, spec.dims)}. Got ${got}.`);
}

/** What was in the payload, in a few words and without its content. */
export function describePayload(payload: unknown): string {
  if (payload === undefined) return 'nothing (msg.payload is missing)';
  if (payload === null) return 'null';
  if (typeof payload === 'string') return `text of ${payload.length} characters`;
  if (Buffer.isBuffer(payload)) return `a Buffer of ${payload.length} bytes`;
  const kind = typedArrayKind(payload);
  if (kind !== null) return `a ${kind} of ${lengthOf(payload)} elements`;
  if (ArrayBuffer.isView(payload)) return `a DataView of ${payload.byteLength} bytes, which does not say its type`;
  if (Array.isArray(payload)) return `an array of ${payload.length} elements`;
  if (payload instanceof ArrayBuffer)
    return `an ArrayBuffer of ${payload.byteLength} bytes: send a typed array over it`;
  if (typeof payload === 'object') {
    const names = Object.keys(payload).slice(0, 5);
    const shown = names.map((name) => name.slice(0, 40)).join(', ');
    return `an object with ${names.length === 0 ? 'no properties' : `the properties ${shown}`}`;
  }
  return `a ${typeof payload}`;
}

const readKind = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get;

/**
 * "Float32Array" and so on, or null for anything that is no typed array. Function nodes have classes of their own, so
 * `instanceof` does not see what comes from there.
 */
export function typedArrayKind(value: unknown): string | null {
  const kind: unknown = readKind?.call(value);
  return typeof kind === 'string' ? kind : null;
}

/** Elements of a typed array. */
export function lengthOf(view: unknown): number {
  return ArrayBuffer.isView(view) && 'length' in view && typeof view.length === 'number' ? view.length : 0;
}
