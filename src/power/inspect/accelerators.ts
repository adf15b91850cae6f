import type { MachineFiles } from '../machine/files';
import type { Accelerator } from './inspection';
import { readText } from './read-text';

/** Device tree names of Tegra GPUs, Xavier to Thor. */
const tegraGpus = new Set(['gv11b', 'gp10b', 'ga10b', 'gb10b', 'gpu']);

async function findTegraGpu(files: MachineFiles): Promise<Accelerator[]> {
  for (const entry of await files.list('/sys/class/devfreq')) {
    const node = await readText(files, `/sys/class/devfreq/${entry}/device/of_node/name`);
    const isNamed = /\.(gv11b|gp10b|ga10b|gb10b|gpu)$|^gpu-gpc-\d+$/.test(entry);
    if (isNamed || (node !== null && tegraGpus.has(node))) return [{ name: 'gpu', kind: 'gpu', hardware: entry }];
  }
  return [];
}

/** DLAs appear below the host controller, at a place that differs by release. */
async function findDlas(files: MachineFiles): Promise<Accelerator[]> {
  const parents = ['/sys/devices', '/sys/devices/platform', '/sys/devices/platform/bus@0'];
  const hosts: string[] = [];
  for (const parent of parents) {
    for (const name of await files.list(parent)) if (name.endsWith('.host1x')) hosts.push(`${parent}/${name}`);
  }
  const found = new Map<string, string>();
  for (const host of hosts) {
    for (const name of await files.list(host)) {
      const index = /\.nvdla(\d)$/.exec(name)?.[1];
      if (index !== undefined && !found.has(`dla${index}`)) found.set(`dla${index}`, name);
    }
  }
  // Xavier's older kernels tell of its two DLAs only by the limit of their common clock.
  const commonClock = '/sys/kernel/nvpmodel_emc_cap/nafll_dla';
  if (found.size === 0 && (await files.exists(commonClock)))
    for (const name of ['dla0', 'dla1']) found.set(name, 'nafll_dla');
  return [...found].sort().map(([name, hardware]) => ({ name, kind: 'dla', hardware }));
}

async function findNvidiaCards(files: MachineFiles): Promise<Accelerator[]> {
  const cards = await files.list('/proc/driver/nvidia/gpus');
  return Promise.all(
    cards.map(async (card, index): Promise<Accelerator> => {
      const information = await readText(files, `/proc/driver/nvidia/gpus/${card}/information`);
      const model = /^Model:\s*(.+)$/m.exec(information ?? '')?.[1]?.trim();
      return { name: cards.length === 1 ? 'gpu' : `gpu${index}`, kind: 'gpu', hardware: model ?? `NVIDIA GPU ${card}` };
    }),
  );
}

/** Processing units beside the CPU, whether or not anything here can compute on them. */
export async function findAccelerators(files: MachineFiles): Promise<Accelerator[]> {
  const tegra = await findTegraGpu(files);
  return [...(tegra.length > 0 ? tegra : await findNvidiaCards(files)), ...(await findDlas(files))];
}
