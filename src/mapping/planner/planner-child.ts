import { fork, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { ChildProgram } from '../../models/child-program';
import { lowerPriority } from '../../models/lower-priority';
import { describeIssues } from '../../signals/parse';
import { plannerMessageSchema, type PlannerCommand, type PlannerMessage } from './protocol';

export interface PlannerChildEvents {
  readonly onMessage: (message: PlannerMessage) => void;
  /** It is gone; `how` ends a sentence that begins with what it was. Told once, and not after a close. */
  readonly onGone: (how: string) => void;
}

/** Of what the process says on stderr, this much is kept for its obituary. */
const keptCharacters = 2000;

/** One process that plans, from its start to its end. */
export class PlannerChild {
  private readonly child: ChildProcess;
  private readonly gone: Promise<void>;
  private said = '';
  private why: string | null = null;
  private over = false;

  /** @throws Error where no process can be started */
  constructor(
    program: ChildProgram,
    private readonly events: PlannerChildEvents,
  ) {
    this.child = fork(program.script, [], {
      execArgv: [...program.execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.said = (this.said + chunk.toString('utf8')).slice(-keptCharacters);
    });
    this.child.on('message', (message) => this.hear(message));
    this.child.on('error', (error) => this.end(`could not be started or told anything (${error.message})`));
    this.gone = new Promise((resolve) => {
      this.child.once('close', () => resolve());
      // Where it never started there is nothing to close.
      this.child.once('error', () => this.child.pid === undefined && resolve());
    });
    this.child.once('close', (code: number | null, signal: string | null) =>
      this.end(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
    );
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Lets serving go first. It is not done before the process is ready: on a busy machine its start would take long. */
  yieldToOthers(): void {
    // Not the lowest: caps want an answer also on a machine that is busy all the time.
    if (!this.over && this.child.pid !== undefined)
      lowerPriority(this.child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  }

  send(command: PlannerCommand): void {
    // A channel that is closed says so by an error event, and the process itself by its end.
    if (!this.over && this.child.connected) this.child.send(command, (error) => error && this.kill());
  }

  /** Ends it the hard way; `onGone` is told, with this reason where there is one. */
  kill(why: string | null = null): void {
    this.why ??= why;
    this.child.kill('SIGKILL');
  }

  /** Ends it; nothing of it is left when this resolves. */
  async close(): Promise<void> {
    this.over = true;
    this.kill();
    await this.gone;
  }

  private hear(message: unknown): void {
    if (this.over) return;
    const parsed = plannerMessageSchema.safeParse(message);
    if (parsed.success) this.events.onMessage(parsed.data);
    // What talks nonsense is not to be trusted with plans.
    else this.kill(`answered what is no answer (${describeIssues(parsed.error)})`);
  }

  private end(how: string): void {
    if (this.over) return;
    this.over = true;
    const lines = this.said.trim().split('\n');
    const last = lines.find((line) => /\bError\b/.test(line)) ?? lines.at(-1) ?? '';
    this.kill();
    this.events.onGone(this.why ?? (last === '' ? how : `${how} (${last})`));
  }
}
