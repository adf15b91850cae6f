import type { MachineFiles } from '../machine/files';
import type { Permission } from './inspection';

interface ControlFile {
  readonly what: string;
  /** `*` stands for a part of one name. */
  readonly pattern: string;
  /** Whether anything of ours may ever write it. */
  readonly written: boolean;
}

/** Files that decide what can be measured and set here; one example of each kind is enough. */
const controlFiles: readonly ControlFile[] = [
  { what: 'CPU clock limit', pattern: '/sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq', written: true },
  { what: 'GPU clock limit', pattern: '/sys/class/devfreq/*/max_freq', written: true },
  { what: 'memory clock limit (JetPack 4/5)', pattern: '/sys/kernel/nvpmodel_emc_cap/emc_iso_cap', written: true },
  { what: 'memory clock limit (JetPack 6)', pattern: '/sys/kernel/nvpmodel_clk_cap/emc', written: true },
  { what: 'RAPL energy counter', pattern: '/sys/class/powercap/intel-rapl:*/energy_uj', written: false },
  {
    what: 'RAPL power limit',
    pattern: '/sys/class/powercap/intel-rapl:*/constraint_0_power_limit_uw',
    written: true,
  },
  { what: 'nvpmodel configuration', pattern: '/etc/nvpmodel.conf', written: false },
  { what: 'nvpmodel status', pattern: '/var/lib/nvpmodel/status', written: false },
];

/** Every path that a pattern stands for, in the order of the names. */
async function expand(files: MachineFiles, pattern: string): Promise<string[]> {
  let found = [''];
  for (const part of pattern.split('/').slice(1)) {
    if (!part.includes('*')) {
      found = found.map((folder) => `${folder}/${part}`);
      continue;
    }
    const [start = '', end = ''] = part.split('*');
    const named = (name: string): boolean => name.startsWith(start) && name.endsWith(end);
    const lists = await Promise.all(
      found.map(async (folder) =>
        (await files.list(folder === '' ? '/' : folder)).filter(named).map((name) => `${folder}/${name}`),
      ),
    );
    found = lists.flat();
  }
  return found;
}

async function isReadable(files: MachineFiles, path: string): Promise<boolean> {
  try {
    await files.read(path);
    return true;
  } catch {
    return false;
  }
}

/** What this process may read and write of the files that matter; those that do not exist here are left out. */
export async function findPermissions(files: MachineFiles): Promise<Permission[]> {
  const permissions: Permission[] = [];
  for (const { what, pattern, written } of controlFiles) {
    for (const path of await expand(files, pattern)) {
      if (!(await files.exists(path))) continue;
      permissions.push({
        path,
        what,
        readable: await isReadable(files, path),
        writable: written ? await files.isWritable(path) : null,
      });
    }
  }
  return permissions;
}
