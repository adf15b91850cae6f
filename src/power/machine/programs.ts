import { execFile } from 'node:child_process';

export interface ProgramOutcome {
  /** null when the program was ended (time-out, signal). */
  readonly exitCode: number | null;
  /** Standard output and standard error as one text: some tools write their answers to either. */
  readonly text: string;
  readonly timedOut: boolean;
  /** True when there is no such program, or it may not be run. */
  readonly missing: boolean;
}

/** Runs the few tools without which some hardware says nothing. */
export interface Programs {
  /**
   * Runs a program with a closed standard input, so that a prompt can never be answered by accident, and never in a shell.
   * Does not throw: what went wrong is in the outcome.
   */
  run(program: string, args: readonly string[], options: { readonly timeoutMs: number }): Promise<ProgramOutcome>;
}

const mostOutputBytes = 1 << 20;

/** @param searchPath stands for PATH, e.g. the folder of a simulated device's programs */
export function localPrograms(searchPath?: string): Programs {
  return {
    run: (program, args, { timeoutMs }) =>
      new Promise((resolve) => {
        const env = { ...process.env, LC_ALL: 'C', ...(searchPath === undefined ? {} : { PATH: searchPath }) };
        const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: mostOutputBytes } as const;
        const child = execFile(program, [...args], options, (error, stdout, stderr) => {
          const text = [stdout, stderr].filter((part) => part !== '').join('\n');
          const code = error?.code ?? 0;
          resolve({
            exitCode: typeof code === 'number' && error?.killed !== true ? code : null,
            text,
            timedOut: error?.killed === true,
            missing: code === 'ENOENT' || code === 'EACCES',
          });
        });
        child.stdin?.end();
      }),
  };
}
