import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MachineFileError, type FileProblem, type MachineFiles } from '../../../../src/power/machine/files';
import { localFiles } from '../../../../src/power/machine/local-files';
import { localPrograms } from '../../../../src/power/machine/programs';
import type { Machine } from '../../../../src/power/machine/machine';

/** A machine made of a temporary folder, whose files can be made to fail and whose programs are scripts. */
export class MachineTree implements Machine {
  readonly root = mkdtempSync(join(tmpdir(), 'ecomap-machine-'));
  /** How reading a path goes wrong. */
  readonly troubles = new Map<string, FileProblem>();
  /** Files that say something new with each reading. */
  readonly changing = new Map<string, () => string>();
  /** Paths in the order in which they were read. */
  readonly reads: string[] = [];
  readonly programs = localPrograms(`${join(this.root, 'bin')}:/usr/bin:/bin`);
  readonly files: MachineFiles;

  constructor() {
    mkdirSync(join(this.root, 'bin'));
    const files = localFiles(this.root);
    const read = async (path: string): Promise<string> => {
      this.reads.push(path);
      const trouble = this.troubles.get(path);
      if (trouble !== undefined) throw new MachineFileError(path, trouble, new Error(`${trouble}, says the test`));
      return this.changing.get(path)?.() ?? files.read(path);
    };
    this.files = {
      ...files,
      read,
      open: (path) => Promise.resolve({ read: () => read(path), close: () => Promise.resolve() }),
      readIfThere: async (path) => ((await files.exists(path)) ? read(path) : null),
    };
  }

  put(path: string, text: string | number): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  }

  take(path: string): void {
    rmSync(join(this.root, path), { recursive: true });
  }

  install(program: string, script: string): void {
    const file = join(this.root, 'bin', program);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Rails as [name, W]; `NC` for a channel that is not connected. */
export type Rails = readonly (readonly [string, number])[];

export const agxXavier: readonly Rails[] = [
  [
    ['GPU', 8.1],
    ['CPU', 1.2],
    ['SOC', 2.3],
  ],
  [
    ['CV', 0],
    ['VDDRQ', 0.7],
    ['SYS5V', 3.4],
  ],
];

/** JetPack 5 and 6: one hwmon folder per chip, with the shunt channels that are no rails. @returns the folders */
export function putHwmon(tree: MachineTree, chips: readonly Rails[], firstNumber = 3): string[] {
  return chips.map((rails, chip) => {
    const folder = `/sys/class/hwmon/hwmon${firstNumber + chip}`;
    tree.put(`${folder}/name`, 'ina3221');
    rails.forEach(([name, powerW], index) => {
      tree.put(`${folder}/in${index + 1}_label`, name);
      tree.put(`${folder}/in${index + 1}_input`, 5000);
      tree.put(`${folder}/curr${index + 1}_input`, (powerW / 5) * 1000);
      tree.put(`${folder}/in${index + 4}_input`, 40);
    });
    tree.put(`${folder}/in7_label`, 'sum of shunt voltages');
    tree.put(`${folder}/in7_input`, 120);
    tree.put(`${folder}/curr4_input`, 9999);
    return folder;
  });
}

/** JetPack 4: milliwatts in iio devices. @returns the folders */
export function putIio(tree: MachineTree, chips: readonly Rails[], bus = 1): string[] {
  return chips.map((rails, chip) => {
    const folder = `/sys/bus/i2c/drivers/ina3221x/${bus}-004${chip}/iio:device${chip}`;
    rails.forEach(([name, powerW], index) => {
      tree.put(`${folder}/rail_name_${index}`, name);
      tree.put(`${folder}/in_power${index}_input`, powerW * 1000);
      tree.put(`${folder}/crit_current_limit_${index}`, '32760 ma');
    });
    return folder;
  });
}
