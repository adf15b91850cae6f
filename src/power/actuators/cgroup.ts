import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** The few calls that control groups need; a test's version works on an ordinary folder. */
export interface GroupFiles {
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
  list(path: string): Promise<string[]>;
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** When the folder was made or last changed, ms since the epoch. */
  changedAtMs(path: string): Promise<number>;
}

export const kernelGroupFiles: GroupFiles = {
  makeFolder: (path) => mkdir(path),
  removeFolder: (path) => rmdir(path),
  list: (path) => readdir(path),
  read: (path) => readFile(path, 'utf8'),
  write: (path, text) => writeFile(path, text),
  changedAtMs: async (path) => (await stat(path)).mtimeMs,
};

/** What differs between version 1 and 2 of control groups. */
export interface GroupDialect {
  readonly version: 'v1' | 'v2';
  /** Microseconds of CPU time per period, null for no limit. */
  writeQuota(files: GroupFiles, folder: string, quotaUs: number | null): Promise<void>;
  readQuota(files: GroupFiles, folder: string): Promise<{ quotaUs: number | null; periodUs: number }>;
}

/** Where new groups go. */
export interface GroupParent {
  readonly dialect: GroupDialect;
  /** Our groups are made here. */
  readonly folder: string;
  /** The group that our processes come from and go back to. */
  readonly home: string;
}

/** Short, so that a throttled inference waits 10 ms more, not 100 (see the project's measurements of 10, 20 and 100 ms). */
export const quotaPeriodUs = 20_000;

/** A killed process keeps its group busy until the kernel has buried it. */
const removalWaitsMs = [5, 20, 50, 100, 200, 400];

/** The kernel takes no quota under 1 ms. */
const leastQuotaUs = 1_000;

export interface GroupOwner {
  readonly pid: number;
  /** When that process started, ms since the epoch. */
  readonly startedAtMs: number;
  isAlive(pid: number): boolean;
}

export const thisProcess = (): GroupOwner => ({
  pid: process.pid,
  startedAtMs: Date.now() - process.uptime() * 1000,
  isAlive(pid) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  },
});

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

const pidsIn = (text: string): number[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(Number);

/** One control group with a CPU quota. */
export class QuotaGroup {
  constructor(
    readonly folder: string,
    private readonly parent: GroupParent,
    private readonly files: GroupFiles,
  ) {}

  /** Limits the group to so many cores (1.5 = one and a half), null lifts the limit; returns what the kernel says is in force. */
  async limit(cores: number | null): Promise<number | null> {
    const quotaUs = cores === null ? null : Math.max(leastQuotaUs, Math.round(cores * quotaPeriodUs));
    await this.parent.dialect.writeQuota(this.files, this.folder, quotaUs);
    return this.coresAllowed();
  }

  async coresAllowed(): Promise<number | null> {
    const { quotaUs, periodUs } = await this.parent.dialect.readQuota(this.files, this.folder);
    return quotaUs === null ? null : quotaUs / periodUs;
  }

  /** Moves a process with all its threads in. False when there is no such process any more. */
  async admit(pid: number): Promise<boolean> {
    try {
      await this.files.write(join(this.folder, 'cgroup.procs'), String(pid));
    } catch (error) {
      if (hasCode(error, 'ESRCH')) return false;
      throw error;
    }
    return true;
  }

  async members(): Promise<number[]> {
    return pidsIn(await this.files.read(join(this.folder, 'cgroup.procs')));
  }

  /** Sends the members home and removes the group; waits a little for processes that are just ending. */
  async remove(): Promise<void> {
    for (const waitMs of [...removalWaitsMs, null]) {
      try {
        await this.sendHome();
        await this.files.removeFolder(this.folder);
        return;
      } catch (error) {
        if (waitMs === null || !hasCode(error, 'EBUSY')) throw error;
        await setTimeout(waitMs);
      }
    }
  }

  private async sendHome(): Promise<void> {
    for (const pid of await this.members()) {
      try {
        await this.files.write(join(this.parent.home, 'cgroup.procs'), String(pid));
      } catch (error) {
        if (!hasCode(error, 'ESRCH')) throw error;
      }
    }
  }
}

/** Makes our groups, named `ecomap-<pid of Node-RED>-<component>`, and clears away what a crashed predecessor left. */
export class QuotaGroups {
  constructor(
    readonly parent: GroupParent,
    private readonly owner: GroupOwner,
    private readonly files: GroupFiles,
  ) {}

  how(): string {
    return `CPU quota (cgroup ${this.parent.dialect.version}, ${quotaPeriodUs / 1000} ms period)`;
  }

  async create(component: string): Promise<QuotaGroup> {
    const name = `ecomap-${this.owner.pid}-${component.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
    // A second device of this Node-RED has components of the same names: it gets groups of its own.
    for (let copy = 1; ; copy += 1) {
      const folder = join(this.parent.folder, copy === 1 ? name : `${name}.${copy}`);
      try {
        await this.files.makeFolder(folder);
        return new QuotaGroup(folder, this.parent, this.files);
      } catch (error) {
        if (!hasCode(error, 'EEXIST') || copy >= 100) throw error;
      }
    }
  }

  /** Writes a real quota and reads it back. Throws whatever stands in the way. */
  async probe(): Promise<void> {
    const group = await this.create('probe');
    try {
      const cores = await group.limit(0.5);
      if (cores !== 0.5) throw new Error(`wrote a quota of half a core and read back ${cores ?? 'no limit'}`);
    } finally {
      await this.files.removeFolder(group.folder);
    }
  }

  /**
   * Removes empty groups of dead processes; returns their names. A group with members stays: they may be another
   * container's, whose process numbers mean nothing here.
   */
  async sweep(): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await this.files.list(this.parent.folder)) {
      const pid = Number(/^ecomap-(\d+)-/.exec(name)?.[1]);
      if (Number.isNaN(pid)) continue;
      const folder = join(this.parent.folder, name);
      try {
        if (!(await this.isStale(pid, folder))) continue;
        if (pidsIn(await this.files.read(join(folder, 'cgroup.procs'))).length > 0) continue;
        await this.files.removeFolder(folder);
        removed.push(basename(folder));
      } catch (error) {
        // Another Node-RED may be sweeping too, or is just moving a process in.
        if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EBUSY')) throw error;
      }
    }
    return removed;
  }

  private async isStale(pid: number, folder: string): Promise<boolean> {
    // In a container every start has the same process number: then older than this process means the predecessor's.
    if (pid === this.owner.pid) return (await this.files.changedAtMs(folder)) < this.owner.startedAtMs - 1_000;
    return !this.owner.isAlive(pid);
  }
}
