import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { stepDown, stepUp, tpcsOn, type ClockState } from './boards/board';
import { cpuFolder, firstCores, policyFolder } from './tree/layout';
import type { DeviceTree } from './tree/device-tree';

interface OpenFile {
  readonly descriptor: number;
  text: string;
  width: number;
}

/**
 * The files of a tree as the simulated hardware sees them: settings are read, sensors written. Files stay open and each value
 * is one write of constant width, so that a reader in another thread or process never sees half of one.
 */
export class BoardFiles {
  private readonly open = new Map<string, OpenFile>();

  constructor(private readonly tree: DeviceTree) {}

  /** null where the file is missing, unreadable or no number. */
  readNumber(path: string): number | null {
    try {
      const value = Number.parseFloat(readFileSync(join(this.tree.root, path), 'utf8'));
      return Number.isFinite(value) ? value : null;
    } catch {
      return null;
    }
  }

  /** The texts of `<folder>/<prefix>0/<name>`, `<prefix>1` and so on. */
  readTexts(folder: string, prefix: string, name: string): string[] {
    const texts: string[] = [];
    for (;;) {
      const path = join(this.tree.root, folder, `${prefix}${texts.length}`, name);
      if (!existsSync(path)) return texts;
      texts.push(readFileSync(path, 'utf8').trim());
    }
  }

  /** What the settings in the tree allow, as clocks that the hardware has, and the numbers of the cores that are on. */
  readSettings(): { readonly clocks: ClockState; readonly coresOn: readonly number[] } {
    const { board, layout } = this.tree;
    const gpuMhz = (this.readNumber(`${layout.devfreq}/max_freq`) ?? Number.POSITIVE_INFINITY) / 1e6;
    const emcHz = this.readNumber(layout.emcCap) ?? 0;
    const dlaHz = layout.dlaCaps.map((path) => this.readNumber(path) ?? Number.POSITIVE_INFINITY);
    const coresOn = this.coresOn();
    const capsKhz = firstCores(board)
      .filter((first) => coresOn.some((core) => core >= first && core < first + board.cpu.coresPerPolicy))
      .map((first) => this.readNumber(`${policyFolder(first)}/scaling_max_freq`) ?? Number.POSITIVE_INFINITY);
    const cpuKhz = Math.max(...capsKhz.map((khz) => stepDown(board.cpu.stepsKhz, khz)));
    const clocks = {
      // A cap between two steps is rounded up, one above the highest is none.
      gpuMhz: stepUp(board.gpu.stepsMhz, gpuMhz),
      tpcs: tpcsOn(board, this.readNumber(layout.tpcMask) ?? 0),
      cpuMhz: cpuKhz / 1000,
      cores: coresOn.length,
      emcMhz: stepUp(board.emc.stepsMhz, emcHz > 0 ? emcHz / 1e6 : Number.POSITIVE_INFINITY),
      dlaMhz: Math.min(board.dla.mostMhz, ...dlaHz.map((hz) => hz / 1e6)),
    };
    return { clocks, coresOn };
  }

  /** Numbers of the cores that are on; core 0 always is. */
  private coresOn(): number[] {
    return Array.from({ length: this.tree.board.cpu.cores }, (_, core) => core).filter(
      (core) => core === 0 || this.readNumber(`${cpuFolder}/cpu${core}/online`) !== 0,
    );
  }

  /** Sets a file that exists; where a fault has taken it away, nothing happens. */
  write(path: string, text: string): void {
    const file = this.fileOf(path);
    if (file === null || file.text === text) return;
    try {
      // What is shorter than before is filled up with spaces: writing and cutting off would show a reader a mixture.
      file.width = Math.max(file.width, text.length);
      writeSync(file.descriptor, `${text.padEnd(file.width)}\n`, 0);
      file.text = text;
    } catch {
      this.forget(path);
    }
  }

  /** Call it when a fault has replaced the file. */
  forget(path: string): void {
    const known = this.open.get(path);
    if (known !== undefined) closeSync(known.descriptor);
    this.open.delete(path);
  }

  close(): void {
    for (const path of [...this.open.keys()]) this.forget(path);
  }

  private fileOf(path: string): OpenFile | null {
    const known = this.open.get(path);
    if (known !== undefined) return known;
    const place = join(this.tree.root, path);
    try {
      const { size } = statSync(place);
      const file: OpenFile = { descriptor: openSync(place, 'r+'), text: '', width: Math.max(0, size - 1) };
      this.open.set(path, file);
      return file;
    } catch {
      return null;
    }
  }
}
