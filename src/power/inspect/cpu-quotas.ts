import { MachineFileError, type MachineFiles } from '../machine/files';
import type { GroupFiles } from '../actuators/cgroup';
import { parentsV1 } from '../actuators/cgroup-v1';
import { parentsV2 } from '../actuators/cgroup-v2';
import type { InspectionFinding } from './inspection';
import { readText } from './read-text';

const refuse = (): Promise<never> => Promise.reject(new Error('an inspection changes nothing'));

/** Control groups as far as they can be seen without making one. */
function readOnlyGroups(files: MachineFiles): GroupFiles {
  return {
    makeFolder: refuse,
    removeFolder: refuse,
    write: refuse,
    changedAtMs: refuse,
    list: async (path) => [...(await files.list(path))],
    read: (path) => files.read(path),
  };
}

/**
 * Whether CPU quotas can be expected to work, judged by permissions alone; a deployed device writes one and reads it back.
 * @throws never
 */
export async function findCpuQuotas(files: MachineFiles): Promise<InspectionFinding> {
  const procCgroup = await readText(files, '/proc/self/cgroup');
  if (procCgroup === null)
    return { level: 'missing', text: 'this system has no control groups: inference hosts are paced instead' };
  const groups = readOnlyGroups(files);
  try {
    const parents = [
      ...(await parentsV2(groups, '/sys/fs/cgroup', procCgroup)),
      ...(await parentsV1(groups, '/sys/fs/cgroup', procCgroup)),
    ];
    if (parents.length === 0) {
      const text =
        'no control group hands the cpu controller down to this process: run Node-RED under systemd with Delegate=cpu; until then inference hosts are paced';
      return { level: 'missing', text };
    }
    for (const { dialect, folder } of parents) {
      if (await files.isWritable(folder))
        return { level: 'ok', text: `cgroup ${dialect.version} at ${folder} may be written` };
    }
    const places = [...new Set(parents.map(({ folder }) => folder))].join(', ');
    const text = `${places} may not be written by this user: run Node-RED under systemd with Delegate=cpu; until then inference hosts are paced`;
    return { level: 'missing', text };
  } catch (error) {
    const why = error instanceof MachineFileError ? error.problem : String(error);
    return { level: 'unknown', text: `control groups could not be looked at (${why})` };
  }
}
