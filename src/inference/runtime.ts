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
 * ONNX Runtime, loaded on first use. This file is the only one that does so and runs in child processes alone: a run is a
 * synchronous native call that would freeze Node-RED, and a native crash takes its process along.
 * @throws EcomapError RUNTIME_UNAVAILABLE with the one line that mends it.
 */
export function loadRuntime(load: (name: string) => unknown = createRequire(__filename)): Runtime {
  if (runtime !== null) return runtime;
  try {
    runtime = load('onnxruntime-node') as Runtime;
  } catch (error) {
    throw unavailable(error);
  }
  return runtime;
}
