import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { GroupFiles, GroupOwner } from '../../../src/power/actuators/cgroup';

/**
 * A control group file system made of ordinary files: groups get their control files when they are made, a process is in one
 * group at a time, and a group with processes cannot be removed.
 */
export class GroupTree {
  readonly root = mkdtempSync(join(tmpdir(), 'ecomap-cgroup-'));
  readonly procCgroupFile = join(this.root, 'proc-self-cgroup');
  /** Every write that was refused or taken, as `group/file=text`. */
  readonly writes: string[] = [];
  /** Text of a path that refuses writing, with its error code. */
  readonly refusals = new Map<string, string>();
  /** Groups whose quota always reads as this. */
  readonly stuckAt = new Map<string, string>();

  constructor(readonly version: 'v1' | 'v2') {
    if (version === 'v1') {
      writeFileSync(this.procCgroupFile, '3:cpu,cpuacct:/\n2:memory:/\n0::/\n');
      this.makeGroup(join(this.root, 'cpu'));
    } else {
      writeFileSync(this.procCgroupFile, '0::/app.slice/node-red.service\n');
      this.makeGroup(join(this.root, 'app.slice'));
      writeFileSync(join(this.root, 'app.slice', 'cgroup.subtree_control'), 'cpu memory\n');
      this.makeGroup(join(this.root, 'app.slice', 'node-red.service'));
    }
  }

  /** Where our groups appear. */
  get parent(): string {
    return join(this.root, this.version === 'v1' ? 'cpu' : 'app.slice');
  }

  get home(): string {
    return this.version === 'v1' ? this.parent : join(this.parent, 'node-red.service');
  }

  get groupNames(): string[] {
    return readdirSync(this.parent).filter((name) => name.startsWith('ecomap-'));
  }

  makeGroup(folder: string, pids: readonly number[] = []): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
    if (this.version === 'v1') {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), '100000\n');
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), '-1\n');
    } else {
      writeFileSync(join(folder, 'cpu.max'), 'max 100000\n');
      writeFileSync(join(folder, 'cgroup.subtree_control'), '\n');
    }
  }

  members(folder: string): number[] {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  }

  /** Cores allowed to a group by its quota; null without one. */
  coresOf(group: string): number | null {
    const folder = join(this.parent, group);
    if (this.version === 'v2') {
      const [quota, period] = readFileSync(join(folder, 'cpu.max'), 'utf8').trim().split(' ');
      return quota === 'max' ? null : Number(quota) / Number(period);
    }
    const quota = Number(readFileSync(join(folder, 'cpu.cfs_quota_us'), 'utf8'));
    return quota < 0 ? null : quota / Number(readFileSync(join(folder, 'cpu.cfs_period_us'), 'utf8'));
  }

  readonly files: GroupFiles = {
    makeFolder: async (path) => {
      await mkdir(path);
      this.makeGroup(path);
    },
    removeFolder: (path) => {
      if (this.members(path).length > 0) return Promise.reject(errorWithCode('EBUSY'));
      rmSync(path, { recursive: true });
      return Promise.resolve();
    },
    list: (path) => readdir(path),
    read: async (path) => this.stuckAt.get(basename(path)) ?? (await readFile(path, 'utf8')),
    write: async (path, text) => {
      this.writes.push(`${basename(dirname(path))}/${basename(path)}=${text}`);
      const refusal = this.refusals.get(basename(path));
      if (refusal !== undefined) throw errorWithCode(refusal);
      if (basename(path) === 'cgroup.procs') this.move(Number(text), dirname(path));
      else await writeFile(path, `${text}\n`);
    },
    changedAtMs: async (path) => (await stat(path)).mtimeMs,
  };

  private move(pid: number, to: string): void {
    for (const folder of [this.parent, this.home, ...this.groupNames.map((name) => join(this.parent, name))]) {
      const others = this.members(folder).filter((member) => member !== pid);
      writeFileSync(join(folder, 'cgroup.procs'), others.map((member) => `${member}\n`).join(''));
    }
    writeFileSync(join(to, 'cgroup.procs'), [...this.members(to), pid].map((member) => `${member}\n`).join(''));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  options(owner: Partial<GroupOwner> = {}): {
    cgroupRoot: string;
    procCgroupFile: string;
    files: GroupFiles;
    owner: GroupOwner;
  } {
    return {
      cgroupRoot: this.root,
      procCgroupFile: this.procCgroupFile,
      files: this.files,
      owner: { pid: 77, startedAtMs: Date.now() - 60_000, isAlive: () => true, ...owner },
    };
  }
}

function errorWithCode(code: string): Error {
  return Object.assign(new Error(`${code}: refused by the test`), { code });
}
