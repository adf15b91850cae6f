import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProgramOutcome {
  /** null when the program was ended (time-out, signal). */
  readonly exitCode: number | null;
  /** Standard output and standard error as one text: some tools write their answers to either. */
  readonly text: string;
  readonly timedOut: boolean;
  /** True when there is no such program, or it may not be run. */
  readonly missing: boolean;
}

/** A program that runs on and says something now and then. */
export interface ProgramStream {
  /** Settles when the program has ended, by itself or by {@link close}; never rejects. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly missing: boolean }>;
  /** Ends the program and resolves when it is gone. */
  close(): Promise<void>;
}

/** Runs the few tools without which some hardware says nothing. */
export interface Programs {
  /**
   * Runs a program with a closed standard input, so that a prompt can never be answered by accident, and never in a shell.
   * Does not throw: what went wrong is in the outcome.
   */
  run(program: string, args: readonly string[], options: { readonly timeoutMs: number }): Promise<ProgramOutcome>;
  /**
   * Starts a program that prints lines until it is closed, with a closed standard input and never in a shell; lines of both
   * outputs go to `onLine`, which must not throw. Does not throw: that there is no such program is in `ended`.
   */
  stream(program: string, args: readonly string[], onLine: (line: string) => void): ProgramStream;
  /** True where changes by this program are made with root's rights for us (a root helper). Absent: they are not. */
  runsAsRoot?(program: string): Promise<boolean>;
}

const mostOutputBytes = 1 << 20;
/** A program that has not ended this long after it was asked to is killed. */
const patienceMs = 1000;
/** Time for the last lines of a program that has ended. */
const lastWordsMs = 100;

/** @param searchPath stands for PATH, e.g. the folder of a simulated device's programs */
export function localPrograms(searchPath?: string): Programs {
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    LC_ALL: 'C',
    ...(searchPath === undefined ? {} : { PATH: searchPath }),
  });
  return {
    stream: (program, args, onLine) => startStream(program, args, environment(), onLine),
    run: (program, args, { timeoutMs }) =>
      new Promise((resolve) => {
        const env = environment();
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

function startStream(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): ProgramStream {
  const child = spawn(program, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let closing = false;
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      if (!closing) onLine(line);
    });
  }
  const ended = new Promise<{ exitCode: number | null; missing: boolean }>((resolve) => {
    child.once('error', (error) => {
      const code = 'code' in error ? error.code : null;
      resolve({ exitCode: null, missing: code === 'ENOENT' || code === 'EACCES' });
    });
    child.once('close', (exitCode) => resolve({ exitCode, missing: false }));
    child.once('exit', () => {
      // What the program itself has started may hold its outputs open; that is not waited for long.
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, lastWordsMs);
    });
  });
  return {
    ended,
    async close() {
      closing = true;
      child.kill('SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await ended;
      clearTimeout(killing);
    },
  };
}
