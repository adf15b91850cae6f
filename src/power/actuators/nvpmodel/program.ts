import type { Machine } from '../../machine/machine';
import type { ProgramOutcome } from '../../machine/programs';

// Together under the 15 s that Node-RED gives a node to close: a question and a change that hang may both be under way.
const queryTimeoutMs = 3_000;
const changeTimeoutMs = 8_000;
/** A program that hung is not asked again so soon. */
const hungForMs = 30_000;

/** Where the program is when it is not on the search path, as under a service manager. */
const usualPlace = '/usr/sbin/nvpmodel';

/** The command as the sudo recipe of the package lists it, one line for each mode. */
const commandOf = (id: number): string[] => [usualPlace, '-m', String(id)];

/**
 * The program `nvpmodel`. It is only ever asked for the mode, or given one by number: never `--force` (it reboots), never a
 * configuration file, and its standard input is closed, so that it can never be told to reboot.
 */
export class NvpmodelProgram {
  private hung: { readonly outcome: ProgramOutcome; readonly atMs: number } | null = null;

  constructor(private readonly machine: Machine) {}

  async query(): Promise<ProgramOutcome> {
    if (this.hung !== null && performance.now() - this.hung.atMs < hungForMs) return this.hung.outcome;
    const outcome = await this.run(['-q'], queryTimeoutMs);
    this.hung = outcome.timedOut ? { outcome, atMs: performance.now() } : null;
    return outcome;
  }

  /** Asks for each setting of the mode in force, and what is really there. */
  queryVerbosely(): Promise<ProgramOutcome> {
    return this.run(['-q', '--verbose'], queryTimeoutMs);
  }

  /** Asks for the modes as it has understood them. */
  listVerbosely(): Promise<ProgramOutcome> {
    return this.run(['-p', '--verbose'], queryTimeoutMs);
  }

  /** @returns what it said, which proves nothing: read the hardware back */
  change(id: number, by: 'ourselves' | 'sudo'): Promise<ProgramOutcome> {
    if (by === 'ourselves') return this.run(['-m', String(id)], changeTimeoutMs);
    return this.machine.programs.run('sudo', ['-n', ...commandOf(id)], { timeoutMs: changeTimeoutMs });
  }

  /** Does sudo permit this user exactly this change, without a password? Changes nothing. */
  async maySudo(id: number): Promise<boolean> {
    // A folder that stands for `/` must never reach this machine's own nvpmodel.
    if (this.machine.files.root !== '/') return false;
    const outcome = await this.machine.programs.run('sudo', ['-n', '-l', ...commandOf(id)], {
      timeoutMs: queryTimeoutMs,
    });
    return outcome.exitCode === 0 && !outcome.missing;
  }

  private async run(args: readonly string[], timeoutMs: number): Promise<ProgramOutcome> {
    const outcome = await this.machine.programs.run('nvpmodel', args, { timeoutMs });
    if (!outcome.missing || this.machine.files.root !== '/') return outcome;
    return this.machine.programs.run(usualPlace, args, { timeoutMs });
  }
}
