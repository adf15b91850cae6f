import type { Board } from '../../boards/board';
import type { TreeLayout } from '../layout';

/** How nvpmodel misbehaves on demand. */
export type NvpmodelFault =
  'exit-0-without-change' | 'exit-255-after-change' | 'status-without-change' | 'denied' | 'hang';

/** What the simulated programs know of their device, as a JSON file in the tree: they run in processes of their own. */
interface ProgramFacts {
  readonly jetPack: number;
  readonly cores: number;
  readonly memoryMb: number;
  readonly dlas: number;
  readonly gpu: { readonly devfreq: string; readonly load: string; readonly clusters: number };
  readonly emcRate: string;
  readonly status: string;
  readonly tpcMask: string;
  /** In the order in which tegrastats prints them. */
  readonly rails: readonly {
    readonly label: string;
    readonly voltage: string;
    readonly current: string;
    readonly power: string | null;
  }[];
}

export function programFacts(board: Board, layout: TreeLayout): ProgramFacts {
  const rails = layout.monitors.flatMap((monitor) => monitor.rails).filter(({ label }) => label !== 'NC');
  return {
    jetPack: layout.jetPack,
    cores: board.cpu.cores,
    memoryMb: board.memoryMb,
    dlas: board.dla.count,
    gpu: { devfreq: layout.devfreq, load: layout.gpuLoad, clusters: board.gpu.tpcs > 4 ? 2 : 1 },
    emcRate: layout.emcRate,
    status: layout.status,
    tpcMask: layout.tpcMask,
    rails: rails
      // From JetPack 6 on the rail that lies inside of another one is not printed any more.
      .filter(({ label }) => layout.jetPack < 6 || !label.startsWith('VDDQ'))
      .map(({ label, voltageFile, currentFile, powerFile }) => ({
        label,
        voltage: voltageFile,
        current: currentFile,
        power: powerFile,
      })),
  };
}
