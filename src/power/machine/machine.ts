import { delimiter, join } from 'node:path';
import type { MachineFiles } from './files';
import { localFiles } from './local-files';
import { localPrograms, type Programs } from './programs';

/** What meters, actuators and detection see of a machine: this one, or a simulated one that looks like it. */
export interface Machine {
  readonly files: MachineFiles;
  readonly programs: Programs;
}

export const thisMachine: Machine = { files: localFiles(), programs: localPrograms() };

/** A machine whose `/` is a folder and whose programs are looked for there first, e.g. a simulated device. */
export function machineAt(root: string, programFolder: string): Machine {
  return { files: localFiles(root), programs: localPrograms(`${programFolder}:${process.env['PATH'] ?? ''}`) };
}

/** A folder that stands for `/`, with its own programs only: what this machine could answer would not be about it. */
export function machineInFolder(root: string): Machine {
  const folders = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(root, folder));
  return { files: localFiles(root), programs: localPrograms(folders.join(delimiter)) };
}
