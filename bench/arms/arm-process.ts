import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What an arm offers: methods that take one object and give one, both of which cross between processes. */
export type ArmMethods = Record<string, (argument: never) => Promise<unknown>>;

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}
export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

export interface ArmOptions {
  /** Logical CPUs that the process is bound to; as they come by default. */
  readonly cores?: readonly number[];
  readonly nodeArguments?: readonly string[];
}

type Argument<Method> = Method extends (argument: infer Taken) => Promise<unknown> ? Taken : never;
type Result<Method> = Method extends (argument: never) => Promise<infer Given> ? Given : never;

/**
 * One way of running the models, in a process of its own, so that none inherits another's threads or memory. All arms of a
 * comparison are alive at once and measured in turn: a noisy machine then disturbs them alike.
 */
export class ArmProcess<Methods> {
  private static readonly alive = new Set<ChildProcess>();
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private calls = 0;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    child.on('message', (message) => {
      const reply = message as Reply;
      const { resolve, reject } = this.waiting.get(reply.id) ?? {};
      this.waiting.delete(reply.id);
      if ('error' in reply) reject?.(new Error(`${name}: ${reply.error}`));
      else resolve?.(reply.value);
    });
    ArmProcess.alive.add(child);
    child.on('exit', (code, signal) => {
      ArmProcess.alive.delete(child);
      const error = new Error(`the arm ${name} ended (${signal ?? code}) before it had a result`);
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  /** Starts the arm of that name of the running program and waits until it is ready. */
  static async start<Methods>(name: string, argument: unknown, options: ArmOptions = {}): Promise<ArmProcess<Methods>> {
    const { cores, nodeArguments = [] } = options;
    const pinned = cores === undefined ? null : ['-c', cores.join(','), process.execPath];
    const child = fork(process.argv[1] ?? __filename, ['--arm', name], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execPath: pinned === null ? process.execPath : 'taskset',
      execArgv: [...(pinned ?? []), ...nodeArguments],
    });
    const arm = new ArmProcess<Methods>(name, child);
    await arm.send('start', argument);
    return arm;
  }

  /** Ends the arms that a failure has left behind. */
  static abandonAll(): void {
    // An arm ends when its parent is gone, and its children likewise.
    for (const child of ArmProcess.alive) child.disconnect();
  }

  call<Name extends keyof Methods & string>(
    method: Name,
    argument: Argument<Methods[Name]>,
  ): Promise<Result<Methods[Name]>> {
    return this.send(method, argument) as Promise<Result<Methods[Name]>>;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    await Promise.race([this.send('close', null), exit]);
    await exit;
  }

  private send(method: string, argument: unknown): Promise<unknown> {
    this.calls += 1;
    const call: Call = { id: this.calls, method, argument };
    return new Promise((resolve, reject) => {
      this.waiting.set(call.id, { resolve, reject });
      this.child.send(call, (error) => {
        if (error !== null) reject(error);
      });
    });
  }
}
