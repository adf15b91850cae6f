import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EcomapError } from '../../../signals/errors';
import { boards, modesOf } from '../boards';
import { clocksOf, type Board, type BoardModes, type BoardName, type JetPack } from '../boards/board';
import { FolderWriter } from './folder-writer';
import {
  cpuFolder,
  firstCores,
  layoutOf,
  policyFolder,
  programFolder,
  simulationFolder,
  type TreeLayout,
} from './layout';
import { nvpmodelConf } from './nvpmodel-conf';
import { programFacts } from './programs/facts';
import { nvpmodelProgram } from './programs/nvpmodel';
import { tegrastatsProgram } from './programs/tegrastats';
import { writePowerMonitors, writeThermal } from './sensor-files';

export interface DeviceTreeOptions {
  readonly board: BoardName;
  /** null or absent: the newest that the board has. */
  readonly jetPack?: JetPack | null;
  /** Name of the mode in force; absent: the board's default. */
  readonly mode?: string;
  /** Modes that the configuration does not have, so that its IDs have gaps. */
  readonly withoutModes?: readonly string[];
  /** False: nothing has used the GPU since the start, so that masks can change without a reboot. */
  readonly gpuInUse?: boolean;
}

/** A simulated device as files: what a meter or an actuator sees of it. */
export interface DeviceTree {
  /** The folder that stands for `/`. */
  readonly root: string;
  /** The folder with the device's programs, on this machine. */
  readonly programFolder: string;
  readonly board: Board;
  readonly jetPack: JetPack;
  readonly release: BoardModes;
  readonly layout: TreeLayout;
}

/**
 * Writes the files that a Jetson shows under `/sys`, `/proc`, `/etc` and `/var`, and the programs `nvpmodel` and
 * `tegrastats`, into a folder. The files stand still until a `SimulatedBoard` brings them to life.
 * @throws EcomapError INVALID_CONFIG for a release that the board never had or a mode that it does not know
 */
export function createDeviceTree(folder: string, options: DeviceTreeOptions): DeviceTree {
  const root = resolve(folder);
  const board = boards[options.board];
  const complete = modesOf(board, options.jetPack ?? null);
  const left = new Set(options.withoutModes ?? []);
  const release = { ...complete, modes: complete.modes.filter((mode) => !left.has(mode.name)) };
  const { jetPack } = release;
  const layout = layoutOf(board, jetPack);
  mkdirSync(root, { recursive: true });
  const tree = new FolderWriter(root);
  const mode =
    release.modes.find((one) =>
      options.mode === undefined ? one.id === release.defaultId : one.name === options.mode,
    ) ?? unknownMode(board, options.mode ?? `ID ${release.defaultId}`, release);

  writeIdentity(tree, board, jetPack);
  const clocks = clocksOf(board, mode);
  writeCpus(tree, board, clocks.cores, clocks.cpuMhz * 1000);
  writeGpu(tree, board, layout, mode.tpcMask, clocks.gpuMhz * 1e6);
  tree.file(layout.emcCap, mode.emcMhz === null ? 0 : Math.round(mode.emcMhz * 1e6));
  tree.files('/sys/kernel/debug/bpmp/debug/clk/emc', {
    rate: Math.round(clocks.emcMhz * 1e6),
    state: 1,
    mrq_rate_locked: 0,
  });
  for (const path of layout.dlaCaps) tree.file(path, Math.round(clocks.dlaMhz * 1e6));
  writePowerMonitors(tree, board, layout);
  writeThermal(tree, board, layout);

  tree.file(layout.conf, nvpmodelConf(board, release, layout));
  tree.link('/etc/nvpmodel.conf', layout.conf);
  const fan = jetPack === 4 ? ' fmode:fan_mode_cool' : '';
  tree.file(layout.status, `pmode:${String(mode.id).padStart(4, '0')}${fan}\n`);
  tree.file(`${simulationFolder}/programs.json`, `${JSON.stringify(programFacts(board, layout), null, 2)}\n`);
  tree.file(`${simulationFolder}/gpu-in-use`, options.gpuInUse === false ? 0 : 1);
  for (const [name, text] of [
    ['nvpmodel', nvpmodelProgram],
    ['tegrastats', tegrastatsProgram],
  ] as const) {
    tree.file(`${programFolder}/${name}`, `#!${process.execPath}\n${text}`, { mode: 0o755 });
  }
  return { root, programFolder: join(root, programFolder), board, jetPack, release, layout };
}

function unknownMode(board: Board, name: string, release: BoardModes): never {
  const known = release.modes.map((mode) => mode.name).join(', ');
  throw new EcomapError('INVALID_CONFIG', `the simulated ${board.label} has no mode ${name}: take one of ${known}`);
}

function writeIdentity(tree: FolderWriter, board: Board, jetPack: JetPack): void {
  const base = '/sys/firmware/devicetree/base';
  // Texts of a device tree end with NUL.
  tree.files(base, {
    model: `${board.model}\0`,
    compatible: `${board.compatible.join('\0')}\0`,
    'serial-number': '0000000000000\0',
  });
  tree.link('/proc/device-tree', base);
  const release = {
    4: '# R32 (release), REVISION: 7.1',
    5: '# R35 (release), REVISION: 5.0',
    6: '# R36 (release), REVISION: 4.4',
  };
  tree.file(
    '/etc/nv_tegra_release',
    `${release[jetPack]}, GCID: 0, BOARD: simulated, EABI: aarch64, DATE: simulated\n`,
  );
  const { implementer, part, modelName } = board.cpu.part;
  tree.file(
    '/proc/cpuinfo',
    Array.from({ length: board.cpu.cores }, (_, core) =>
      [
        `processor\t: ${core}`,
        `model name\t: ${modelName}`,
        'BogoMIPS\t: 62.50',
        'Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm dcpop',
        `CPU implementer\t: ${implementer}`,
        'CPU architecture: 8',
        'CPU variant\t: 0x0',
        `CPU part\t: ${part}`,
        'CPU revision\t: 0',
        '',
      ].join('\n'),
    ).join('\n') + '\n',
  );
  const memoryKb = board.memoryMb * 1024;
  tree.file(
    '/proc/meminfo',
    `MemTotal:       ${memoryKb} kB\nMemFree:        ${Math.round(memoryKb * 0.8)} kB\nMemAvailable:   ${Math.round(memoryKb * 0.85)} kB\n`,
  );
  tree.file(
    '/proc/stat',
    [
      'cpu  0 0 0 0 0 0 0 0 0 0',
      ...Array.from({ length: board.cpu.cores }, (_, core) => `cpu${core} 0 0 0 0 0 0 0 0 0 0`),
      '',
    ].join('\n'),
  );
}

function writeCpus(tree: FolderWriter, board: Board, cores: number, mostKhz: number): void {
  const { stepsKhz, coresPerPolicy, leastKhz } = board.cpu;
  for (const first of firstCores(board)) {
    const related = Array.from(
      { length: Math.min(coresPerPolicy, board.cpu.cores - first) },
      (_, index) => first + index,
    );
    tree.files(policyFolder(first), {
      scaling_available_frequencies: `${stepsKhz.join(' ')} \n`,
      scaling_available_governors: 'userspace performance schedutil\n',
      scaling_governor: 'schedutil\n',
      scaling_driver: 'tegra194\n',
      cpuinfo_min_freq: stepsKhz[0] ?? 0,
      cpuinfo_max_freq: stepsKhz.at(-1) ?? 0,
      scaling_min_freq: stepsKhz.findLast((step) => step <= Math.min(leastKhz, mostKhz)) ?? 0,
      scaling_max_freq: mostKhz,
      scaling_cur_freq: mostKhz,
      related_cpus: `${related.join(' ')}\n`,
      affected_cpus: `${related.filter((core) => core < cores).join(' ')}\n`,
    });
    for (const core of related) {
      tree.link(`${cpuFolder}/cpu${core}/cpufreq`, policyFolder(first));
      tree.file(`${cpuFolder}/cpu${core}/online`, core < cores ? 1 : 0);
      tree.file(`${cpuFolder}/cpu${core}/topology/core_id`, core);
    }
  }
  tree.files(cpuFolder, {
    present: `0-${board.cpu.cores - 1}\n`,
    possible: `0-${board.cpu.cores - 1}\n`,
    online: `0-${cores - 1}\n`,
  });
}

function writeGpu(tree: FolderWriter, board: Board, layout: TreeLayout, tpcMask: number, mostHz: number): void {
  const stepsHz = board.gpu.stepsMhz.map((mhz) => Math.round(mhz * 1e6));
  const { gpuDevice, devfreq, gpuName } = layout;
  tree.files(devfreq, {
    available_frequencies: `${stepsHz.join(' ')}\n`,
    available_governors: 'nvhost_podgov userspace performance simple_ondemand\n',
    governor: 'nvhost_podgov\n',
    min_freq: stepsHz[0] ?? 0,
    max_freq: mostHz,
    cur_freq: stepsHz[0] ?? 0,
    target_freq: stepsHz[0] ?? 0,
    polling_interval: 25,
  });
  tree.link(`${devfreq}/device`, gpuDevice);
  tree.files(gpuDevice, { load: 0, tpc_pg_mask: tpcMask, gpc_pg_mask: 0, fbp_pg_mask: 0, railgate_enable: 1 });
  tree.file(`${gpuDevice}/power/control`, 'auto\n');
  const node = `/sys/firmware/devicetree/base/bus@0/${gpuName}`;
  tree.file(`${node}/name`, `${layout.jetPack === 6 ? 'gpu' : board.gpu.node}\0`);
  tree.link(`${gpuDevice}/of_node`, node);
  if (layout.jetPack !== 4) tree.link(`${gpuDevice}/devfreq_dev`, devfreq);
  for (const alias of layout.gpuAliases) tree.link(alias, gpuDevice);
  tree.link(`/sys/class/devfreq/${gpuName}`, devfreq);
}
