import { accessSync, chmodSync, constants, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EcomapError } from '../../signals/errors';
import type { BoardFiles } from './board-files';
import type { DeviceTree } from './tree/device-tree';
import { simulationFolder, type RailFiles } from './tree/layout';
import type { NvpmodelFault } from './tree/programs/facts';

/** What can be made to go wrong with a simulated device. */
export class Faults {
  constructor(
    private readonly tree: DeviceTree,
    private readonly files: BoardFiles,
  ) {}

  /** The rail's files are gone, as with a driver that was unloaded. @throws EcomapError INVALID_CONFIG for an unknown label */
  removeRail(label: string): void {
    const rail = this.railOf(label);
    for (const path of [rail.labelFile, rail.voltageFile, rail.currentFile, rail.powerFile]) {
      if (path !== null) this.remove(path);
    }
  }

  /** Reading the rail's values fails while its label can be read, as with EIO. @throws EcomapError INVALID_CONFIG */
  breakRail(label: string): void {
    const rail = this.railOf(label);
    for (const path of [rail.voltageFile, rail.currentFile, rail.powerFile])
      if (path !== null) this.makeUnreadable(path);
  }

  /** The rail says something absurd from now on, e.g. 65535 mA. @throws EcomapError INVALID_CONFIG */
  freezeRail(label: string, currentMa: number): void {
    const rail = this.railOf(label);
    for (const path of [rail.currentFile, rail.powerFile]) {
      if (path === null) continue;
      this.remove(path);
      writeFileSync(this.at(path), `${currentMa}\n`);
      this.frozen.add(path);
    }
  }

  /** Files that `freezeRail` holds. */
  readonly frozen = new Set<string>();

  /** A file is gone. */
  remove(path: string): void {
    this.files.forget(path);
    rmSync(this.at(path), { recursive: true, force: true });
  }

  /** Every read of the file fails with an error of the device, also for root: a folder takes its place. */
  makeUnreadable(path: string): void {
    this.remove(path);
    mkdirSync(this.at(path));
  }

  /**
   * Nobody but root may write the file any more.
   * @returns false when this process may all the same, because it is root
   */
  makeReadOnly(path: string): boolean {
    this.files.forget(path);
    chmodSync(this.at(path), statSync(this.at(path)).mode & 0o555);
    try {
      accessSync(this.at(path), constants.W_OK);
      return false;
    } catch {
      return true;
    }
  }

  /** How nvpmodel behaves from now on; null: as it should. */
  setNvpmodel(fault: NvpmodelFault | null): void {
    const path = this.at(`${simulationFolder}/nvpmodel-fault`);
    if (fault === null) rmSync(path, { force: true });
    else writeFileSync(path, `${fault}\n`);
  }

  private railOf(label: string): RailFiles {
    const rails = this.tree.layout.monitors.flatMap((monitor) => monitor.rails);
    const rail = rails.find((one) => one.label === label);
    if (rail !== undefined) return rail;
    const known = rails.map((one) => one.label).join(', ');
    throw new EcomapError(
      'INVALID_CONFIG',
      `the simulated ${this.tree.board.label} has no rail ${label}: take one of ${known}`,
    );
  }

  private at(path: string): string {
    return join(this.tree.root, path);
  }
}
