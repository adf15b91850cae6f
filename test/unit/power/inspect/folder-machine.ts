import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { machineAt, type Machine } from '../../../../src/power/machine/machine';

/** A folder that stands for `/`, made of the given files. */
export class FolderMachine {
  readonly root = mkdtempSync(join(tmpdir(), 'ecomap-machine-'));
  readonly machine: Machine = machineAt(this.root, join(this.root, 'usr/bin'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files)) this.put(path, text);
  }

  put(path: string, text: string, mode = 0o644): void {
    const at = join(this.root, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
    chmodSync(at, mode);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A device tree as the firmware shows it: strings that end in NUL. */
export function deviceTree(model: string, ...compatible: string[]): Record<string, string> {
  return {
    'proc/device-tree/model': `${model}\0`,
    'proc/device-tree/compatible': compatible.map((text) => `${text}\0`).join(''),
  };
}

/** cpufreq policies: cores, highest clock in kHz, and the capacity of a core where the kernel tells it. */
export function policies(
  ...list: readonly { readonly cores: readonly number[]; readonly khz: number; readonly capacity?: number }[]
): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { cores, khz, capacity } of list) {
    const folder = `sys/devices/system/cpu/cpufreq/policy${cores[0]}`;
    files[`${folder}/related_cpus`] = `${cores.join(' ')}\n`;
    files[`${folder}/cpuinfo_max_freq`] = `${khz}\n`;
    files[`${folder}/scaling_max_freq`] = `${khz}\n`;
    for (const core of cores) {
      files[`sys/devices/system/cpu/cpu${core}/online`] = '1\n';
      if (capacity !== undefined) files[`sys/devices/system/cpu/cpu${core}/cpu_capacity`] = `${capacity}\n`;
    }
  }
  return files;
}
