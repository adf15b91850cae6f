import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineAt } from '../../../../src/power/machine/machine';
import type { Machine } from '../../../../src/power/machine/machine';
import {
  createDeviceTree,
  SimulatedBoard,
  type DeviceTree,
  type DeviceTreeOptions,
} from '../../../../src/simulation/devices';

export interface SimulatedMachine {
  readonly tree: DeviceTree;
  readonly board: SimulatedBoard;
  readonly machine: Machine;
}

/** Makes simulated machines in folders of their own, and removes them. */
export class Trees {
  private readonly made: { folder: string; board: SimulatedBoard }[] = [];

  make(options: DeviceTreeOptions, seed = 1): SimulatedMachine {
    const folder = mkdtempSync(join(tmpdir(), 'simulated-device-'));
    const tree = createDeviceTree(folder, options);
    const board = new SimulatedBoard(tree, { seed });
    this.made.push({ folder, board });
    return { tree, board, machine: machineAt(tree.root, tree.programFolder) };
  }

  remove(): void {
    for (const { folder, board } of this.made.splice(0)) {
      board.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Every board with every JetPack that it has. */
export const kinds = [
  ['agx-xavier', 4],
  ['agx-xavier', 5],
  ['agx-orin', 5],
  ['agx-orin', 6],
  ['orin-nx-16gb', 5],
  ['orin-nx-16gb', 6],
  ['orin-nano-8gb', 5],
  ['orin-nano-8gb', 6],
] as const;
