import { join } from 'node:path';
import { quotaPeriodUs, type GroupDialect, type GroupFiles, type GroupParent } from './cgroup';

export const dialectV1: GroupDialect = {
  version: 'v1',
  async writeQuota(files, folder, quotaUs) {
    await files.write(join(folder, 'cpu.cfs_period_us'), String(quotaPeriodUs));
    await files.write(join(folder, 'cpu.cfs_quota_us'), String(quotaUs ?? -1));
  },
  async readQuota(files, folder) {
    const quotaUs = Number(await files.read(join(folder, 'cpu.cfs_quota_us')));
    const periodUs = Number(await files.read(join(folder, 'cpu.cfs_period_us')));
    if (!Number.isFinite(quotaUs) || !(periodUs > 0)) throw new Error(`${folder} holds no readable quota`);
    return { quotaUs: quotaUs < 0 ? null : quotaUs, periodUs };
  },
};

/** The path of a process in the hierarchy of the `cpu` controller, from the text of /proc/<pid>/cgroup; null when it has none. */
export function pathInV1(procCgroup: string): string | null {
  for (const line of procCgroup.split('\n')) {
    const [, controllers, ...path] = line.split(':');
    if (controllers?.split(',').includes('cpu') === true) return path.join(':');
  }
  return null;
}

/** Where groups of version 1 can be made; each candidate still has to be probed. */
export async function parentsV1(files: GroupFiles, root: string, procCgroup: string): Promise<GroupParent[]> {
  const own = pathInV1(procCgroup);
  if (own === null) return [];
  const parents: GroupParent[] = [];
  for (const mount of ['cpu', 'cpu,cpuacct']) {
    // In a container the path is often that of the host and does not exist here: then the mount point is our own group.
    for (const folder of new Set([join(root, mount, own), join(root, mount)])) {
      try {
        await files.read(join(folder, 'cpu.cfs_quota_us'));
        parents.push({ dialect: dialectV1, folder, home: folder });
      } catch {
        // The root group of some kernels has no quota of its own, but has the list of processes.
        try {
          await files.read(join(folder, 'cgroup.procs'));
          parents.push({ dialect: dialectV1, folder, home: folder });
        } catch {
          // Not mounted here.
        }
      }
    }
    if (parents.length > 0) break;
  }
  return parents;
}
