import { clocksOf, type Board, type BoardMode, type BoardModes } from '../boards/board';
import { cpuFolder, firstCores, policyFolder, type TreeLayout } from './layout';

const unlimited = -1;
const inHz = (mhz: number): number => Math.round(mhz * 1e6);

/** How often a `PARAM` line is written as NVIDIA's own files sometimes have it: without the space, or with two. */
function opening(type: string, name: string): string {
  if (name === 'EMC') return `<PARAM TYPE=${type} NAME=${name} >`;
  if (name === 'DLA_CORE') return `<  PARAM  TYPE=${type}  NAME=${name}>`;
  return `< PARAM TYPE=${type} NAME=${name} >`;
}

function clockPaths(folder: string, other: string, prefix: string, table: string): string[] {
  return [
    `FREQ_TABLE ${folder}/${table}`,
    `MAX_FREQ ${folder}/${prefix}max_freq`,
    `MIN_FREQ ${folder}/${prefix}min_freq`,
    `FREQ_TABLE_KNEXT ${other}/${table}`,
    `MAX_FREQ_KNEXT ${other}/${prefix}max_freq`,
    `MIN_FREQ_KNEXT ${other}/${prefix}min_freq`,
  ];
}

/**
 * A configuration for nvpmodel in the grammar of NVIDIA's files, written for this simulator, with what trips a parser: a
 * missing space, double spaces, trailing comments, `*_KNEXT` paths of another kernel, HWMON entries, and whatever gaps in the
 * IDs the list of modes has.
 */
export function nvpmodelConf(board: Board, release: BoardModes, layout: TreeLayout): string {
  const { jetPack } = layout;
  const clusters = firstCores(board);
  const monitor = layout.monitors[0];
  // Orin's kernels know the limit of the module's current; the entry is a guard, not a budget.
  const guard = board.totalOf[0] === 'VDD_IN' && monitor !== undefined && monitor.hwmon !== null ? monitor : null;
  // Before JetPack 6 the plain path is this kernel's and the KNEXT path does not exist; from then on the other way round.
  const gpuOld = `/sys/devices/17000000.${board.gpu.node}/devfreq/17000000.${board.gpu.node}`;
  const gpuNew = '/sys/devices/platform/17000000.gpu/devfreq_dev';
  const maskFolder = layout.gpuAliases[0] ?? layout.gpuDevice;
  const lines = [
    `# Modes of a simulated ${board.label}, JetPack ${jetPack}.`,
    '# Same grammar as on a device; text and figures belong to the simulator.',
    '',
    opening('FILE', 'CPU_ONLINE'),
    ...Array.from({ length: board.cpu.cores }, (_, core) => `CORE_${core} ${cpuFolder}/cpu${core}/online`),
    '',
    opening('FILE', 'TPC_POWER_GATING'),
    `TPC_PG_MASK ${maskFolder}/tpc_pg_mask   # a set bit switches a cluster off`,
    '',
    opening('FILE', 'GPU_POWER_CONTROL_ENABLE'),
    `GPU_PWR_CNTL_EN ${maskFolder}/power/control`,
    '',
    ...clusters.flatMap((first, index) => [
      opening('CLOCK', `CPU_CLUSTER_${index}`),
      `FREQ_TABLE ${policyFolder(first)}/scaling_available_frequencies`,
      `MAX_FREQ  ${cpuFolder}/cpu${first}/cpufreq/scaling_max_freq`,
      `MIN_FREQ  ${cpuFolder}/cpu${first}/cpufreq/scaling_min_freq`,
      '',
    ]),
    opening('CLOCK', 'GPU'),
    ...clockPaths(gpuOld, gpuNew, '', 'available_frequencies'),
    '',
    opening('CLOCK', 'EMC'),
    `MAX_FREQ ${layout.emcCap}`,
    '',
    ...(layout.dlaCaps.length === 0
      ? []
      : [
          opening('CLOCK', 'DLA_CORE'),
          ...layout.dlaCaps.map((path, index) => `MAX_FREQ${index === 0 ? '' : `_${index}`} ${path}`),
          '',
        ]),
    ...(guard === null
      ? []
      : [
          opening('HWMON', 'VDDIN_OC_LIMIT'),
          `WARN ${guard.device}/hwmon curr1_max`,
          `CRIT ${guard.device}/hwmon curr1_crit`,
          '',
        ]),
    ...release.modes.flatMap((mode) => [...modeLines(board, mode, layout, guard !== null), '']),
    '# The mode after the first start',
    `< PM_CONFIG DEFAULT=${release.defaultId} >`,
    ...(jetPack === 4 ? ['< FAN_CONFIG DEFAULT=cool >'] : []),
    '',
  ];
  return lines.join('\n');
}

function modeLines(board: Board, mode: BoardMode, layout: TreeLayout, guarded: boolean): string[] {
  const cpu = mode.cpuKhz ?? unlimited;
  return [
    `< POWER_MODEL ID=${mode.id} NAME=${mode.name} >`,
    ...Array.from({ length: board.cpu.cores }, (_, core) => `CPU_ONLINE CORE_${core} ${core < mode.cores ? 1 : 0}`),
    `TPC_POWER_GATING TPC_PG_MASK ${mode.tpcMask}`,
    'GPU_POWER_CONTROL_ENABLE GPU_PWR_CNTL_EN on',
    ...firstCores(board).flatMap((first, index) => [
      `CPU_CLUSTER_${index} MIN_FREQ ${Math.min(board.cpu.leastKhz, clocksOf(board, mode).cpuMhz * 1000)}`,
      `CPU_CLUSTER_${index} MAX_FREQ  ${cpu}${first === 0 ? '   # kHz' : ''}`,
    ]),
    'GPU MIN_FREQ 0',
    `GPU MAX_FREQ ${mode.gpuMhz === null ? unlimited : inHz(mode.gpuMhz)}`,
    'GPU_POWER_CONTROL_ENABLE GPU_PWR_CNTL_EN auto',
    `EMC MAX_FREQ ${mode.emcMhz === null ? 0 : inHz(mode.emcMhz)}  # 0: no cap`,
    ...layout.dlaCaps.map(
      (_, index) =>
        `DLA_CORE MAX_FREQ${index === 0 ? '' : `_${index}`} ${mode.dlaMhz === null ? unlimited : inHz(mode.dlaMhz)}`,
    ),
    ...(guarded ? ['VDDIN_OC_LIMIT WARN 5000', 'VDDIN_OC_LIMIT CRIT 5000'] : []),
  ];
}
