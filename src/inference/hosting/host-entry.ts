import { childProgram, type ChildProgram } from '../../models/child-program';

/** The program of an inference host and the arguments that Node.js needs to run it. */
export type HostEntry = ChildProgram;

/** dist/host/inference-host.js of this package; from source the same, bundled on demand. */
export function defaultHostEntry(file: string = __filename): HostEntry {
  return childProgram('src/inference/host/main.ts', 'dist/host/inference-host.js', file);
}
