import { detectMachine, parseCpuList, type Detection } from '../detect';
import type { MachineFiles } from '../machine/files';
import type { CoreFacts } from './inspection';
import { readText, valueOf } from './read-text';

/** Vector and dot-product instructions that ONNX Runtime's kernels choose between, as /proc/cpuinfo spells them. */
const flagsThatMatter: Readonly<Record<'x64' | 'arm64', readonly string[]>> = {
  x64: ['avx', 'f16c', 'fma', 'avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'avx512_bf16', 'amx_int8', 'amx_bf16'],
  // asimdhp: fp16 arithmetic; asimddp: 8-bit dot products; i8mm: 8-bit matrix products.
  arm64: ['asimd', 'asimdhp', 'asimddp', 'i8mm', 'bf16', 'sve', 'sve2'],
};

/** The processor's kind by its own words, for a folder that may come from another machine. */
async function archOf(files: MachineFiles): Promise<string> {
  const cpuinfo = (await readText(files, '/proc/cpuinfo')) ?? '';
  if (/^CPU implementer\s*:/m.test(cpuinfo)) return 'arm64';
  if (/^vendor_id\s*:/m.test(cpuinfo)) return 'x64';
  return (await files.exists('/proc/device-tree/compatible')) ? 'arm64' : 'unknown';
}

async function countOfCores(files: MachineFiles): Promise<number> {
  const online = await readText(files, '/sys/devices/system/cpu/online');
  const listed = online === null ? null : parseCpuList(online);
  if (listed !== null) return listed.length;
  return (await files.list('/sys/devices/system/cpu')).filter((name) => /^cpu\d+$/.test(name)).length;
}

/** Detection of the machine behind the files: this one, or the one that a folder was taken from. */
export async function detectIn(files: MachineFiles, isThisMachine: boolean): Promise<Detection> {
  if (isThisMachine) return detectMachine();
  const cores = await countOfCores(files);
  const cpuModel = valueOf(await readText(files, '/proc/cpuinfo'), 'model name');
  const found = detectMachine({
    fileRoot: files.root,
    arch: await archOf(files),
    parallelism: () => cores,
    searchPath: `${files.root}/usr/bin:${files.root}/bin`,
  });
  // What this process knows of its own processor says nothing about the folder's.
  return { ...found, cpuModel: cpuModel ?? found.boardModel ?? 'unknown' };
}

export async function findCores(files: MachineFiles, detection: Detection): Promise<CoreFacts> {
  const cpuinfo = await readText(files, '/proc/cpuinfo');
  const words = valueOf(cpuinfo, 'flags') ?? valueOf(cpuinfo, 'Features');
  const { arch } = detection;
  const matter = arch === 'x64' || arch === 'arm64' ? flagsThatMatter[arch] : null;
  const found = new Set(words?.split(/\s+/));
  return {
    usable: [...detection.cores],
    from: detection.coresFrom,
    canPin: detection.canPin,
    clusters: (detection.clusters ?? []).map(({ cores, highestMhz, capacity }) => ({
      cores: [...cores],
      highestMhz,
      capacity,
    })),
    flags:
      words === null || matter === null
        ? null
        : {
            present: matter.filter((flag) => found.has(flag)),
            absent: matter.filter((flag) => !found.has(flag)),
          },
  };
}
