import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { machineAt, type Machine } from '../../../../src/power/machine/machine';
import { clusterOf, confText, type Board, type BoardMode } from './jetson-boards';

/** How the tree's nvpmodel behaves. */
export interface NvpmodelBehaviour {
  /** What `-m` does to the hardware: all of it, nothing, or only the cores. */
  readonly does: 'all' | 'nothing' | 'cores';
  readonly exitCode: number;
  readonly says: string;
  /** Whether its status says so afterwards. */
  readonly claims: boolean;
  readonly hangs: boolean;
}

const works: NvpmodelBehaviour = { does: 'all', exitCode: 0, says: '', claims: true, hangs: false };

// Stands in for the program: it knows for each mode which files get which text.
const programText = `#!/usr/bin/env node
const { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync, appendFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { root, modes } = JSON.parse(readFileSync(join(__dirname, 'modes.json'), 'utf8'));
const behaviour = JSON.parse(readFileSync(join(__dirname, 'behaviour.json'), 'utf8'));
const args = process.argv.slice(2);
appendFileSync(join(__dirname, 'calls'), args.join(' ') + '\\n');
const statusFile = join(root, 'var/lib/nvpmodel/status');
const id = args[0] === '-m' ? Number(args[1]) : null;
if (id === null) {
  const current = Number(/pmode:(\\d+)/.exec(readFileSync(statusFile, 'utf8'))[1]);
  console.error('NVPM WARN: fan mode is not set!');
  console.log('NV Power Mode: ' + modes.find((mode) => mode.id === current).name + '\\n' + current);
} else {
  const mode = modes.find((candidate) => candidate.id === id);
  for (const { path, text, what } of mode.writes) {
    if (behaviour.does === 'nothing' || (behaviour.does === 'cores' && what !== 'core')) continue;
    const place = join(root, path);
    if (text === null) rmSync(place, { recursive: true, force: true });
    else {
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, text);
    }
  }
  if (behaviour.claims) writeFileSync(statusFile, 'pmode:' + String(id).padStart(4, '0') + ' fmode:quiet');
  if (behaviour.says !== '') console.error(behaviour.says);
  if (behaviour.hangs) setInterval(() => {}, 1000);
  else process.exitCode = behaviour.exitCode;
}
`;

interface Write {
  readonly path: string;
  /** null: the path is gone. */
  readonly text: string | null;
  readonly what: 'core' | 'clock' | 'mask';
}

const cpu = '/sys/devices/system/cpu';

/** A Jetson as a folder: the files of its hardware and a stand-in for nvpmodel. */
export class JetsonTree {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ecomap-jetson-')));
  private readonly programs = join(this.root, 'usr/sbin');
  readonly machine: Machine;

  constructor(
    readonly board: Board,
    modeName: string,
  ) {
    this.write('/proc/device-tree/compatible', board.compatible);
    this.write(`/etc/nvpmodel/${board.confName}`, confText(board));
    symlinkSync(`nvpmodel/${board.confName}`, join(this.root, 'etc/nvpmodel.conf'));
    this.write(board.emcPath, '0');
    this.write('/sys/kernel/nvpmodel_emc_cap/nafll_dla', '0');
    this.write(`${board.maskFolder}/tpc_pg_mask`, '0');
    this.write(`${board.gpuFolder}/available_frequencies`, board.gpuTableMhz.map((mhz) => mhz * 1e6).join(' '));
    this.write(`${board.gpuFolder}/min_freq`, String((board.gpuTableMhz[0] ?? 0) * 1e6));
    this.write(`${board.gpuFolder}/max_freq`, '0');
    const inClass = join(this.root, 'sys/class/devfreq');
    mkdirSync(inClass, { recursive: true });
    symlinkSync(join(this.root, board.gpuFolder), join(inClass, 'gpu'));
    this.write(`${board.gpuFolder}/device/of_node/name`, `${board.gpuNode}\0`);
    for (let core = 0; core < board.cores; core += 1) {
      if (core > 0) this.write(`${cpu}/cpu${core}/online`, '1');
      else mkdirSync(join(this.root, `${cpu}/cpu0`), { recursive: true });
      symlinkSync(`../cpufreq/policy${clusterOf(board, core)}`, join(this.root, `${cpu}/cpu${core}/cpufreq`));
    }
    const now = board.modes.find(({ name }) => name === modeName);
    if (now === undefined) throw new Error(`the board has no mode ${modeName}`);
    for (const { path, text } of this.writesOf(now)) if (text !== null) this.write(path, text);
    for (const { path, text } of this.writesOf(now)) if (text === null) this.remove(path);
    this.write('/var/lib/nvpmodel/status', `pmode:${String(now.id).padStart(4, '0')} fmode:quiet`);
    mkdirSync(this.programs, { recursive: true });
    const modes = board.modes.map((mode) => ({ id: mode.id, name: mode.name, writes: this.writesOf(mode) }));
    writeFileSync(join(this.programs, 'modes.json'), JSON.stringify({ root: this.root, modes }));
    writeFileSync(join(this.programs, 'nvpmodel'), programText);
    chmodSync(join(this.programs, 'nvpmodel'), 0o755);
    this.nvpmodel({});
    const { files, programs } = machineAt(this.root, this.programs);
    // Nobody waits long for a program that hangs.
    this.machine = {
      files,
      programs: {
        ...programs,
        run: (program, args, { timeoutMs }) => programs.run(program, args, { timeoutMs: Math.min(timeoutMs, 1500) }),
      },
    };
  }

  /** From now on nvpmodel behaves so. */
  nvpmodel(behaviour: Partial<NvpmodelBehaviour>): void {
    writeFileSync(join(this.programs, 'behaviour.json'), JSON.stringify({ ...works, ...behaviour }));
  }

  removeNvpmodel(): void {
    rmSync(join(this.programs, 'nvpmodel'));
  }

  /** How nvpmodel was called to change the mode. */
  get changeCalls(): string[] {
    const calls = join(this.programs, 'calls');
    if (!existsSync(calls)) return [];
    return readFileSync(calls, 'utf8')
      .split('\n')
      .filter((call) => call.startsWith('-m'));
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  write(path: string, text: string): void {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  get gpuMaxPath(): string {
    return `${this.board.gpuFolder}/max_freq`;
  }

  get gpuMaxMhz(): number {
    return Number(this.read(this.gpuMaxPath)) / 1e6;
  }

  cpuMaxKhz(cluster: number): number {
    return Number(this.read(`${cpu}/cpufreq/policy${cluster}/scaling_max_freq`));
  }

  discard(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** What the hardware makes of a mode: limits are rounded up to the GPU's table, clusters without a core are gone. */
  private writesOf(mode: BoardMode): Write[] {
    const { board } = this;
    const highestKhz = board.cpuTableKhz.at(-1) ?? 0;
    const gpuMhz = mode.gpuMhz < 0 ? board.gpuTableMhz.at(-1) : board.gpuTableMhz.find((mhz) => mhz >= mode.gpuMhz);
    const writes: Write[] = [
      { path: `${board.maskFolder}/tpc_pg_mask`, text: String(mode.tpcMask), what: 'mask' },
      { path: this.gpuMaxPath, text: String((gpuMhz ?? 0) * 1e6), what: 'clock' },
      { path: board.emcPath, text: String(mode.emcMhz * 1e6), what: 'clock' },
      { path: `${cpu}/online`, text: mode.cores === 1 ? '0' : `0-${mode.cores - 1}`, what: 'core' },
    ];
    for (let core = 1; core < board.cores; core += 1)
      writes.push({ path: `${cpu}/cpu${core}/online`, text: core < mode.cores ? '1' : '0', what: 'core' });
    for (let core = 0; core < board.cores; core += board.coresPerCluster) {
      const folder = `${cpu}/cpufreq/policy${core}`;
      if (core >= mode.cores) {
        writes.push({ path: folder, text: null, what: 'core' });
        continue;
      }
      const fixed: readonly [string, string | number][] = [
        ['scaling_available_frequencies', board.cpuTableKhz.join(' ')],
        ['cpuinfo_min_freq', board.cpuTableKhz[0] ?? 0],
        ['cpuinfo_max_freq', highestKhz],
        ['scaling_min_freq', board.cpuMinKhz],
      ];
      for (const [file, value] of fixed) writes.push({ path: `${folder}/${file}`, text: String(value), what: 'core' });
      const most = mode.cpuKhz < 0 ? highestKhz : mode.cpuKhz;
      writes.push({ path: `${folder}/scaling_max_freq`, text: String(most), what: 'clock' });
    }
    return writes;
  }
}
