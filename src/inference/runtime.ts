import { createRequire } from 'node:module';
import type * as OnnxRuntime from 'onnxruntime-node';
import { EcomapError, messageOf } from '../signals/errors';

export type Runtime = typeof OnnxRuntime;
export type { InferenceSession } from 'onnxruntime-node';

let runtime: Runtime | null = null;

/** Alpine and its kin: the binaries of onnxruntime-node are linked against glibc. */
function usesMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const report: unknown = process.report?.getReport();
  if (typeof report !== 'object' || report === null || !('header' in report)) return false;
  const { header } = report;
  return typeof header === 'object' && header !== null && !('glibcVersionRuntime' in header);
}

function unavailable(cause: unknown): EcomapError {
  const missing =
    cause instanceof Error && 'code' in cause && cause.code === 'MODULE_NOT_FOUND'
      ? 'The package onnxruntime-node is not installed.'
      : `The package onnxruntime-node does not load here: ${messageOf(cause).split('\n')[0]}.`;
  const cure = usesMusl()
    ? 'It needs glibc and this system uses musl (Alpine): run Node-RED on a Debian-based image.'
    : 'In the Node-RED user directory run `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node` ' +
      '(`skip` leaves out a download of CUDA libraries that is not needed), then restart Node-RED.';
  return new EcomapError('RUNTIME_UNAVAILABLE', `${missing} ${cure}`, { cause });
}

/**
 * Where Node.js has a Float16Array (from 24 on), the JavaScript side of the runtime (1.30) turns the bits of halves into one,
 * and its native side then finds no data in it. It looks for the class once, with its first tensor: here that is this one.
 */
function keepHalvesAsBits({ Tensor }: Runtime): void {
  const halves = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (halves === undefined) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    new Tensor('float16', new Uint16Array(1), [1]);
  } finally {
    Object.defineProperty(globalThis, 'Float16Array', halves);
  }
}

/**
 * ONNX Runtime, loaded on first use. This file is the only one that does so and runs in child processes alone: a run is a
 * synchronous native call that would freeze Node-RED, and a native crash takes its process along.
 * @throws EcomapError RUNTIME_UNAVAILABLE with the one line that mends it.
 */
export function loadRuntime(load?: (name: string) => unknown): Runtime {
  if (runtime !== null) return runtime;
  let loaded: Runtime;
  try {
    loaded = (load ?? createRequire(__filename))('onnxruntime-node') as Runtime;
  } catch (error) {
    throw unavailable(error);
  }
  keepHalvesAsBits(loaded);
  runtime = loaded;
  return loaded;
}
