import type { Machine } from '../../machine/machine';

const classFolder = '/sys/class/devfreq';

/** Names of a Jetson's GPU in the device tree: Xavier, TX2, Orin, Thor, and any of them since JetPack 6. */
const gpuNodeNames = new Set(['gv11b', 'gp10b', 'ga10b', 'gb10b', 'gpu']);

/** Where the GPU's clock has been on the releases so far, for kernels whose device tree does not tell. */
const knownFolders = [
  '/sys/devices/17000000.gv11b/devfreq/17000000.gv11b',
  '/sys/devices/17000000.gv11b/devfreq_dev',
  '/sys/devices/platform/17000000.gv11b/devfreq/17000000.gv11b',
  '/sys/devices/17000000.ga10b/devfreq/17000000.ga10b',
  '/sys/devices/platform/17000000.ga10b/devfreq/17000000.ga10b',
  '/sys/devices/platform/17000000.gpu/devfreq_dev',
  '/sys/devices/platform/bus@0/17000000.gpu/devfreq_dev',
  '/sys/devices/platform/17000000.gpu/devfreq/17000000.gpu',
  '/sys/devices/platform/bus@0/17000000.gpu/devfreq/17000000.gpu',
  '/sys/devices/gpu.0/devfreq/57000000.gpu',
  '/sys/class/devfreq/gpu-gpc-0',
];

/** The folder with the clock limits of a Jetson's GPU; null when there is none (yet: it may come late after a boot). */
export async function findGpuDevfreq({ files }: Machine): Promise<string | null> {
  const found: string[] = [];
  for (const name of await files.list(classFolder)) {
    const folder = `${classFolder}/${name}`;
    const node = await files.readIfThere(`${folder}/device/of_node/name`).catch(() => null);
    if (node !== null && gpuNodeNames.has(node) && (await files.exists(`${folder}/max_freq`))) found.push(folder);
  }
  // A Thor has two clocks: that of the graphics cores is the one that counts.
  const scanned = found.find((folder) => folder.includes('gpu-gpc')) ?? found[0];
  if (scanned !== undefined) return scanned;
  for (const folder of knownFolders) if (await files.exists(`${folder}/max_freq`)) return folder;
  return null;
}
