import type { Clock } from '../../clock';
import type { Programs, ProgramStream } from '../../machine/programs';

export interface BackOff {
  readonly firstMs: number;
  readonly mostMs: number;
}

const standardBackOff: BackOff = { firstMs: 1000, mostMs: 60_000 };
/** One that has run this long was well; its end is no reason to wait longer. */
const wellMs = 30_000;

/** Keeps a program running whose lines are read: when it ends it is started again, each time a little later. */
export class BackgroundProgram {
  private stream: ProgramStream | null = null;
  private restarting: NodeJS.Timeout | null = null;
  private delayMs: number;
  private closed = false;
  private trouble: string | null = null;
  private notThere = false;
  private settleFirstEnd: () => void = () => undefined;
  /** Resolves when the program has ended for the first time, e.g. at once because there is no such program. */
  readonly firstEnd = new Promise<void>((resolve) => (this.settleFirstEnd = resolve));

  constructor(
    private readonly programs: Programs,
    private readonly program: string,
    private readonly args: readonly string[],
    private readonly onLine: (line: string) => void,
    private readonly clock: Clock,
    private readonly backOff: BackOff = standardBackOff,
  ) {
    this.delayMs = backOff.firstMs;
    this.start();
  }

  /** True when there is no such program, or it may not be run. */
  get missing(): boolean {
    return this.notThere;
  }

  /** In words: why it does not run now; null while it does. */
  get problem(): string | null {
    return this.trouble;
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.restarting !== null) clearTimeout(this.restarting);
    await this.stream?.close();
  }

  private start(): void {
    this.restarting = null;
    const startedAtMs = this.clock.monotonicMs();
    let lastLine = '';
    const stream = this.programs.stream(this.program, this.args, (line) => {
      lastLine = line;
      this.trouble = null;
      this.onLine(line);
    });
    this.stream = stream;
    void stream.ended.then(({ exitCode, missing }) => {
      this.stream = null;
      this.notThere = missing;
      this.trouble = missing
        ? `there is no program ${this.program}`
        : `${this.program} ended (${exitCode === null ? 'killed' : `exit code ${exitCode}`})${lastLine === '' ? '' : `: ${lastLine.slice(0, 200)}`}`;
      this.settleFirstEnd();
      if (this.closed) return;
      if (this.clock.monotonicMs() - startedAtMs >= wellMs) this.delayMs = this.backOff.firstMs;
      // It must not keep Node.js from ending.
      this.restarting = setTimeout(() => this.start(), this.delayMs).unref();
      this.delayMs = Math.min(this.backOff.mostMs, this.delayMs * 2);
    });
  }
}
