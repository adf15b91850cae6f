import os from 'node:os';
import type { MachineFiles } from '../machine/files';
import { jetpackOf, parseL4tRelease } from './board-facts';
import type { SystemFacts } from './inspection';
import { readText, valueOf } from './read-text';

type Libc = SystemFacts['libc'];

/** The C library of the process that runs this: ONNX Runtime's binaries need glibc 2.28 or newer. */
function libcOfThisProcess(): Libc {
  if (process.platform !== 'linux' || process.report === undefined) return { kind: 'unknown', version: null };
  // Without this a report looks up the names of network peers, which may take seconds.
  const { report } = process as { report: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: unknown } };
  report.excludeNetwork = before;
  const version = header?.glibcVersionRuntime;
  return typeof version === 'string' ? { kind: 'glibc', version } : { kind: 'musl', version: null };
}

/** The C library in a folder: by the names of its files, since nothing of it can be run. */
async function libcInFolder(files: MachineFiles): Promise<Libc> {
  const folders = ['/lib', '/lib/aarch64-linux-gnu', '/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];
  const names = (await Promise.all(folders.map((folder) => files.list(folder)))).flat();
  const version = names.map((name) => /^libc-(2\.\d+)\.so$/.exec(name)?.[1]).find((found) => found !== undefined);
  if (version !== undefined) return { kind: 'glibc', version };
  if (names.includes('libc.so.6')) return { kind: 'glibc', version: null };
  if (names.some((name) => /^ld-musl-.*\.so\.1$/.test(name))) return { kind: 'musl', version: null };
  return { kind: 'unknown', version: null };
}

async function findContainer(files: MachineFiles): Promise<string | null> {
  if (await files.exists('/run/.containerenv')) return 'podman';
  if (await files.exists('/.dockerenv')) return 'docker';
  const groups = await readText(files, '/proc/1/cgroup');
  const named = /\b(kubepods|docker|containerd|libpod|lxc)\b/.exec(groups ?? '')?.[1];
  if (named !== undefined) return named === 'libpod' ? 'podman' : named;
  const systemd = await readText(files, '/run/systemd/container');
  if (systemd !== null && systemd !== '') return systemd;
  return (await readText(files, '/proc/self/status')) === null ? 'unknown' : null;
}

/** As the makers of virtual machines name themselves in DMI. */
const hypervisors: readonly (readonly [RegExp, string])[] = [
  [/qemu|kvm/i, 'KVM/QEMU'],
  [/vmware/i, 'VMware'],
  [/innotek|virtualbox/i, 'VirtualBox'],
  [/xen/i, 'Xen'],
  [/microsoft corporation virtual/i, 'Hyper-V'],
  [/amazon ec2/i, 'Amazon EC2'],
  [/google/i, 'Google Compute Engine'],
  [/parallels/i, 'Parallels'],
];

async function findVirtualMachine(files: MachineFiles): Promise<string | null> {
  const names = ['sys_vendor', 'product_name', 'board_vendor'];
  const dmi = (await Promise.all(names.map((name) => readText(files, `/sys/class/dmi/id/${name}`)))).join(' ');
  const named = hypervisors.find(([pattern]) => pattern.test(dmi))?.[1];
  if (named !== undefined) return named;
  if (/microsoft/i.test((await readText(files, '/proc/version')) ?? '')) return 'WSL';
  const cpuinfo = await readText(files, '/proc/cpuinfo');
  if (/^flags\s*:.*\bhypervisor\b/m.test(cpuinfo ?? '')) return 'yes, of a kind that was not recognised';
  return cpuinfo === null ? 'unknown' : null;
}

/** MiB of a line such as `MemTotal: 16318412 kB`. */
function mebibytes(meminfo: string | null, key: string): number | null {
  const kib = Number(/^(\d+) kB$/.exec(valueOf(meminfo, key) ?? '')?.[1] ?? Number.NaN);
  return Number.isFinite(kib) ? Math.round(kib / 1024) : null;
}

/** @param isThisMachine false where a folder stands for `/`: then what this process knows of itself is left out */
export async function findSystem(files: MachineFiles, isThisMachine: boolean): Promise<SystemFacts> {
  const [osRelease, tegraRelease, meminfo, kernel] = await Promise.all([
    readText(files, '/etc/os-release'),
    readText(files, '/etc/nv_tegra_release'),
    readText(files, '/proc/meminfo'),
    readText(files, '/proc/sys/kernel/osrelease'),
  ]);
  const l4t = parseL4tRelease(tegraRelease);
  const bytesToMiB = (bytes: number): number => Math.round(bytes / 2 ** 20);
  return {
    platform: isThisMachine ? process.platform : 'linux',
    distribution: valueOf(osRelease, 'PRETTY_NAME'),
    kernel: kernel ?? (isThisMachine ? os.release() : null),
    l4t,
    jetpack: jetpackOf(l4t),
    libc: isThisMachine ? libcOfThisProcess() : await libcInFolder(files),
    container: await findContainer(files),
    virtualMachine: await findVirtualMachine(files),
    memoryMiB: mebibytes(meminfo, 'MemTotal') ?? (isThisMachine ? bytesToMiB(os.totalmem()) : null),
    availableMemoryMiB: mebibytes(meminfo, 'MemAvailable') ?? (isThisMachine ? bytesToMiB(os.freemem()) : null),
    nodeVersion: process.versions.node,
    runsAsRoot: isThisMachine && process.getuid !== undefined ? process.getuid() === 0 : null,
  };
}
