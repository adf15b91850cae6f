import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../../../../src/power/clock';
import { machineAt, type Machine } from '../../../../src/power/machine/machine';
import type { ProcessIdentity, Processes } from '../../../../src/power/safety/process-identity';

/** A machine made of ordinary files below a temporary folder, with a state directory beside it. */
export class FolderMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'ecomap-machine-'));
  readonly root = join(this.folder, 'root');
  readonly stateDirectory = join(this.folder, 'user');
  readonly machine: Machine = machineAt(this.root, join(this.root, 'bin'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    mkdirSync(join(this.root, 'bin'), { recursive: true });
    mkdirSync(this.stateDirectory);
    for (const [path, text] of Object.entries(files)) this.put(path, text);
  }

  put(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), `${text}\n`);
  }

  /** An executable script, e.g. in place of a tool. */
  putProgram(name: string, script: string): void {
    writeFileSync(join(this.root, 'bin', name), script, { mode: 0o755 });
  }

  get(path: string): string {
    return readFileSync(join(this.root, path), 'utf8').trim();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class FakeClock implements Clock {
  nowMs = 1_000_000;
  monotonicMs(): number {
    return this.nowMs;
  }
}

/** A process that says of itself and others what a test wants. */
export const fakeProcesses = (self: ProcessIdentity, alive: readonly number[] = []): Processes => ({
  self: () => self,
  isAlive: ({ pid }) => Promise.resolve(alive.includes(pid)),
});
