import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { messageOf } from '../../signals/errors';
import { mayBeThere, turnToStart } from './program-start';

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

const notThere: ProgramOutcome = { exitCode: null, text: '', timedOut: false, missing: true };

/** @param searchPath stands for PATH, e.g. the folder of a simulated device's programs */
export function localPrograms(searchPath?: string): Programs {
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    LC_ALL: 'C',
    ...(searchPath === undefined ? {} : { PATH: searchPath }),
  });
  return {
    stream: (program, args, onLine) => startStream(program, args, environment(), onLine),
    async run(program, args, { timeoutMs }) {
      const env = environment();
      if (!(await mayBeThere(program, env['PATH']))) return notThere;
      await turnToStart();
      try {
        return await runToEnd(program, args, env, timeoutMs);
      } catch (error) {
        // E.g. no memory for another process.
        return { exitCode: null, text: messageOf(error), timedOut: false, missing: false };
      }
    },
  };
}

function runToEnd(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
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
  });
}

type StreamEnd = Awaited<ProgramStream['ended']>;

function startStream(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): ProgramStream {
  let closing = false;
  let child: ChildProcess | null = null;
  const start = async (): Promise<StreamEnd> => {
    if (!(await mayBeThere(program, env['PATH']))) return { exitCode: null, missing: true };
    await turnToStart();
    if (closing) return { exitCode: null, missing: false };
    try {
      child = spawn(program, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      onLine(messageOf(error));
      return { exitCode: null, missing: false };
    }
    return endOf(child, (line) => {
      if (!closing) onLine(line);
    });
  };
  const ended = start();
  return {
    ended,
    async close() {
      closing = true;
      child?.kill('SIGTERM');
      const killing = setTimeout(() => child?.kill('SIGKILL'), patienceMs);
      await ended;
      clearTimeout(killing);
    },
  };
}

/** Reads the lines of both outputs. @returns when the program has ended; never rejects */
function endOf(child: ChildProcess, onLine: (line: string) => void): Promise<StreamEnd> {
  const outputs = [child.stdout, child.stderr].filter((output) => output != null);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      const code = 'code' in error ? error.code : null;
      resolve({ exitCode: null, missing: code === 'ENOENT' || code === 'EACCES' });
    });
    child.once('close', (exitCode) => resolve({ exitCode, missing: false }));
    child.once('exit', () => {
      // What the program itself has started may hold its outputs open; that is not waited for long.
      setTimeout(() => {
        for (const output of outputs) output.destroy();
      }, lastWordsMs);
    });
    for (const output of outputs) createInterface({ input: output }).on('line', onLine);
  });
}
