import { dirname, join } from 'node:path';
import { quotaPeriodUs, type GroupDialect, type GroupFiles, type GroupParent } from './cgroup';

export const dialectV2: GroupDialect = {
  version: 'v2',
  async writeQuota(files, folder, quotaUs) {
    await files.write(join(folder, 'cpu.max'), `${quotaUs ?? 'max'} ${quotaPeriodUs}`);
  },
  async readQuota(files, folder) {
    const match = /^(max|\d+) (\d+)/.exec(await files.read(join(folder, 'cpu.max')));
    if (match === null) throw new Error(`${folder}/cpu.max is not "quota period"`);
    return { quotaUs: match[1] === 'max' ? null : Number(match[1]), periodUs: Number(match[2]) };
  },
};

/** The path of a process in the unified hierarchy, from the text of /proc/<pid>/cgroup; null when it has none. */
export function pathInV2(procCgroup: string): string | null {
  return /^0::(\/.*)$/m.exec(procCgroup)?.[1] ?? null;
}

/**
 * Where groups of version 2 can be made: beside our own group or below it, where the `cpu` controller is already handed
 * down. A group with processes in it hands nothing down, and what another manager has set up is not changed for us.
 */
export async function parentsV2(files: GroupFiles, root: string, procCgroup: string): Promise<GroupParent[]> {
  const own = pathInV2(procCgroup);
  if (own === null) return [];
  const home = join(root, own);
  const parents: GroupParent[] = [];
  for (const folder of new Set([home, own === '/' ? home : dirname(home)])) {
    try {
      const handedDown = (await files.read(join(folder, 'cgroup.subtree_control'))).trim().split(/\s+/);
      if (handedDown.includes('cpu')) parents.push({ dialect: dialectV2, folder, home });
    } catch {
      // Not a control group, or not ours to read.
    }
  }
  return parents;
}
