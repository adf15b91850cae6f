import { accessSync, constants, readFileSync } from 'node:fs';
import os from 'node:os';
import { delimiter, join } from 'node:path';
import { boardOf, parseDeviceTree, type DeviceTree } from './boards';
import { findCoreClusters, type CoreCluster } from './core-clusters';
import type { DeviceClass } from './power-defaults';

/** What this machine is, as far as files can tell; nothing here needs a native module or a privilege. */
export interface Detection {
  readonly arch: string;
  readonly cpuModel: string;
  /** From the device tree, e.g. `Raspberry Pi 4 Model B Rev 1.4`; null where there is none (x86). */
  readonly boardModel: string | null;
  readonly deviceClass: DeviceClass;
  /** Logical CPUs that this process may run on. */
  readonly cores: readonly number[];
  /** How the cores were found. */
  readonly coresFrom: 'affinity' | 'count';
  /** Cores that share a clock, as far as the kernel tells. */
  readonly clusters?: readonly CoreCluster[];
  /** True when processes can be pinned to cores by `taskset`. */
  readonly canPin: boolean;
}

export interface DetectOptions {
  /** Stands for `/` in tests. */
  readonly fileRoot?: string;
  readonly arch?: string;
  readonly parallelism?: () => number;
  readonly searchPath?: string;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', '').trim();
  } catch {
    return null;
  }
}

/** Parses a CPU list of the kernel, e.g. `0-3,8,10-11`; null when it is not one. */
export function parseCpuList(text: string): number[] | null {
  const cores: number[] = [];
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) return null;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first || last - first > 4096) return null;
    for (let core = first; core <= last; core += 1) cores.push(core);
  }
  return [...new Set(cores)].sort((a, b) => a - b);
}

function findCores(root: string, parallelism: () => number): Pick<Detection, 'cores' | 'coresFrom'> {
  // Affinity and cpuset both end up here; the number of CPUs alone would count cores that are not ours.
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readText(join(root, 'proc/self/status')) ?? '')?.[1];
  const cores = allowed === undefined ? null : parseCpuList(allowed);
  if (cores !== null && cores.length > 0) return { cores, coresFrom: 'affinity' };
  return { cores: Array.from({ length: Math.max(1, parallelism()) }, (_, core) => core), coresFrom: 'count' };
}

/** The processor's name: `model name` on x86, else the board's, else what Node.js says. */
function findCpuModel(root: string, boardModel: string | null): string {
  const named = /^model name\s*:\s*(.+)$/m.exec(readText(join(root, 'proc/cpuinfo')) ?? '')?.[1];
  return named?.trim() ?? boardModel ?? os.cpus()[0]?.model.trim() ?? 'unknown';
}

// SMBIOS chassis types: portable, laptop, notebook, sub-notebook, convertible, detachable.
const portableChassis = new Set(['8', '9', '10', '14', '31', '32']);

/** What the firmware says about the board; null where it says nothing (x86). */
export function readDeviceTree(root: string): DeviceTree | null {
  // The strings end in NUL, and `compatible` holds several.
  const raw = (name: string): string | null => {
    try {
      return readFileSync(join(root, 'proc/device-tree', name), 'utf8');
    } catch {
      return null;
    }
  };
  const model = raw('model');
  const compatible = raw('compatible');
  return model === null && compatible === null ? null : parseDeviceTree(model ?? '', compatible ?? '');
}

function classify(root: string, arch: string, deviceTree: DeviceTree | null): DeviceClass {
  const board = deviceTree === null ? null : boardOf(deviceTree);
  if (board?.id === 'raspberry-pi-4' || board?.id === 'jetson-agx-xavier') return board.id;
  if (board?.family === 'jetson') return 'jetson';
  if (portableChassis.has(readText(join(root, 'sys/class/dmi/id/chassis_type')) ?? '')) return 'laptop';
  return arch === 'x64' || arch === 'ia32' ? 'x86-box' : 'arm-board';
}

function isOnPath(program: string, searchPath: string): boolean {
  return searchPath.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** Looks at this machine: a handful of small files, no commands run. */
export function detectMachine(options: DetectOptions = {}): Detection {
  const root = options.fileRoot ?? '/';
  const arch = options.arch ?? os.arch();
  const deviceTree = readDeviceTree(root);
  const boardModel = deviceTree === null || deviceTree.model === '' ? null : deviceTree.model;
  return {
    arch,
    cpuModel: findCpuModel(root, boardModel),
    boardModel,
    deviceClass: classify(root, arch, deviceTree),
    ...findCores(root, options.parallelism ?? os.availableParallelism),
    clusters: findCoreClusters(root),
    canPin: isOnPath('taskset', options.searchPath ?? process.env['PATH'] ?? ''),
  };
}
