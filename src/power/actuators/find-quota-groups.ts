import { messageOf } from '../../signals/errors';
import { kernelGroupFiles, QuotaGroups, thisProcess, type GroupFiles, type GroupOwner } from './cgroup';
import { parentsV1 } from './cgroup-v1';
import { parentsV2 } from './cgroup-v2';

export interface QuotaGroupOptions {
  /** Stands for /sys/fs/cgroup in tests. */
  readonly cgroupRoot?: string;
  /** The file that says which group this process is in. */
  readonly procCgroupFile?: string;
  readonly files?: GroupFiles;
  readonly owner?: GroupOwner;
}

export interface QuotaGroupsFound {
  /** null where CPU quotas cannot be set. */
  readonly groups: QuotaGroups | null;
  /** In words: which way was found, or why there is none and what would help. */
  readonly finding: string;
  /** Names of the groups of dead processes that were removed. */
  readonly swept: readonly string[];
}

const advice =
  'To allow it, run Node-RED under systemd with Delegate=cpu (or as root outside of a container); ' +
  'until then hosts are slowed down by pauses between runs, which holds the same average.';

/** Looks for a place where this process may really set CPU quotas: writes one, reads it back, removes it. */
export async function findQuotaGroups(options: QuotaGroupOptions = {}): Promise<QuotaGroupsFound> {
  const files = options.files ?? kernelGroupFiles;
  const root = options.cgroupRoot ?? '/sys/fs/cgroup';
  let procCgroup: string;
  try {
    procCgroup = await files.read(options.procCgroupFile ?? '/proc/self/cgroup');
  } catch {
    return {
      groups: null,
      finding: 'CPU quotas: this system has no control groups. Hosts are paced instead.',
      swept: [],
    };
  }
  const parents = [...(await parentsV2(files, root, procCgroup)), ...(await parentsV1(files, root, procCgroup))];
  const refusals: string[] = [];
  for (const parent of parents) {
    const groups = new QuotaGroups(parent, options.owner ?? thisProcess(), files);
    try {
      const swept = await groups.sweep();
      await groups.probe();
      return { groups, finding: `${groups.how()} is available (written and read back)`, swept };
    } catch (error) {
      refusals.push(`cgroup ${parent.dialect.version} at ${parent.folder}: ${messageOf(error)}`);
    }
  }
  const why = refusals.length > 0 ? refusals.join('; ') : 'no group hands the cpu controller down to this process';
  return { groups: null, finding: `CPU quotas cannot be set here (${why}). ${advice}`, swept: [] };
}
