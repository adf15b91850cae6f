/** Power modes of a board as tests need them; figures as read from boards, text of our own. */
export interface BoardMode {
  readonly id: number;
  readonly name: string;
  readonly cores: number;
  /** -1: as much as there is. */
  readonly cpuKhz: number;
  readonly tpcMask: number;
  readonly gpuMhz: number;
  /** 0: no cap. */
  readonly emcMhz: number;
  readonly dlaMhz: number | null;
}

export interface Board {
  readonly compatible: string;
  readonly confName: string;
  readonly cores: number;
  readonly coresPerCluster: number;
  readonly cpuMinKhz: number;
  readonly cpuTableKhz: readonly number[];
  readonly gpuFolder: string;
  readonly gpuNode: string;
  readonly gpuTableMhz: readonly number[];
  readonly emcPath: string;
  readonly maskFolder: string;
  readonly defaultId: number;
  readonly modes: readonly BoardMode[];
}

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

const mode = (
  id: number,
  name: string,
  [cores, cpuKhz, tpcMask, gpuMhz, emcMhz]: readonly [number, number, number, number, number],
  dlaMhz: number | null = null,
): BoardMode => ({ id, name, cores, cpuKhz, tpcMask, gpuMhz, emcMhz, dlaMhz });

export const agxXavier: Board = {
  compatible: 'nvidia,p2972-0000nvidia,tegra194',
  confName: 'nvpmodel_t194.conf',
  cores: 8,
  coresPerCluster: 2,
  cpuMinKhz: 1_200_000,
  cpuTableKhz: [
    115_200, 1_190_400, 1_267_200, 1_344_000, 1_420_800, 1_574_400, 1_728_000, 1_804_800, 1_881_600, 2_035_200,
    2_188_800, 2_265_600,
  ],
  gpuFolder: '/sys/devices/17000000.gv11b/devfreq/17000000.gv11b',
  gpuNode: 'gv11b',
  gpuTableMhz: [
    114.75, 216.75, 318.75, 420.75, 522.75, 624.75, 675.75, 828.75, 905.25, 1032.75, 1198.5, 1236.75, 1338.75, 1377,
  ],
  emcPath: '/sys/kernel/nvpmodel_emc_cap/emc_iso_cap',
  maskFolder: '/sys/devices/gpu.0',
  defaultId: 7,
  modes: [
    mode(0, 'MAXN', [8, -1, 0, -1, 0], -1),
    mode(1, 'MODE_10W', [2, 1_200_000, 5, 520, 1065.6], 550),
    mode(2, 'MODE_15W', [4, 1_200_000, 0, 670, 1331.2], 750),
    mode(3, 'MODE_30W_ALL', [8, 1_200_000, 0, 900, 1600], 1050),
    mode(4, 'MODE_30W_6CORE', [6, 1_450_000, 0, 900, 1600], 1050),
    mode(5, 'MODE_30W_4CORE', [4, 1_780_000, 0, 900, 1600], 1050),
    mode(6, 'MODE_30W_2CORE', [2, 2_100_000, 0, 900, 1600], 1050),
    mode(7, 'MODE_15W_DESKTOP', [4, 2_188_800, 0, 670, 1331.2], 115.2),
  ],
};

/** Mode 0 is not the highest. */
export const orinNanoSuper: Board = {
  compatible: 'nvidia,p3768-0000+p3767-0005nvidia,p3767-0005nvidia,tegra234',
  confName: 'nvpmodel_p3767_0003_super.conf',
  cores: 6,
  coresPerCluster: 4,
  cpuMinKhz: 729_600,
  cpuTableKhz: range(115_200, 1_728_000, 76_800),
  gpuFolder: '/sys/devices/platform/17000000.gpu/devfreq_dev',
  gpuNode: 'gpu',
  gpuTableMhz: range(306, 1020, 102),
  emcPath: '/sys/kernel/nvpmodel_clk_cap/emc',
  maskFolder: '/sys/devices/platform/gpu.0',
  defaultId: 1,
  modes: [
    mode(0, '15W', [6, 1_497_600, 240, 612, 2133]),
    mode(1, '25W', [6, 1_344_000, 240, 918, 3199]),
    mode(2, 'MAXN_SUPER', [6, -1, 240, -1, 0]),
    mode(3, '7W', [4, 960_000, 252, 408, 2133]),
  ],
};

/** No mode without limits. */
export const xavierNx: Board = {
  ...agxXavier,
  compatible: 'nvidia,p3509-0000+p3668-0001nvidia,tegra194',
  confName: 'nvpmodel_t194_p3668.conf',
  cores: 6,
  cpuTableKhz: [...range(1_190_400, 1_881_600, 76_800), 1_907_200],
  cpuMinKhz: 1_190_400,
  gpuTableMhz: [
    114.75, 204, 306, 408, 510, 599.25, 701.25, 752.25, 803.25, 854.25, 905.25, 956.25, 1007.25, 1058.25, 1109.25,
  ],
  defaultId: 6,
  modes: [
    mode(0, 'MODE_15W_2CORE', [2, 1_907_200, 1, 1109.25, 1600], 1100.8),
    mode(1, 'MODE_15W_4CORE', [4, 1_420_800, 1, 1109.25, 1600], 1100.8),
    mode(2, 'MODE_15W_6CORE', [6, 1_420_800, 1, 1109.25, 1600], 1100.8),
    mode(3, 'MODE_10W_2CORE', [2, 1_497_600, 1, 803.25, 1600], 896),
    mode(4, 'MODE_10W_4CORE', [4, 1_190_400, 1, 803.25, 1600], 896),
    mode(5, 'MODE_10W_DESKTOP', [4, 1_907_200, 1, 510, 1600], 115.2),
    mode(6, 'MODE_20W_2CORE', [2, 1_907_200, 1, 1109.25, 1866], 1100.8),
    mode(7, 'MODE_20W_4CORE', [4, 1_420_800, 1, 1109.25, 1866], 1100.8),
    mode(8, 'MODE_20W_6CORE', [6, 1_420_800, 1, 1109.25, 1866], 1100.8),
  ],
};

export const clusterOf = (board: Board, core: number): number => core - (core % board.coresPerCluster);

/** A configuration file for a board, with every oddity of form that real ones have. */
export function confText(board: Board): string {
  const hz = (mhz: number): number => (mhz <= 0 ? mhz : Math.round(mhz * 1e6));
  const clusters = [...new Set(Array.from({ length: board.cores }, (_, core) => clusterOf(board, core)))];
  const cpu = '/sys/devices/system/cpu';
  const lines = [
    '# Made for tests.',
    '',
    '< PARAM TYPE=FILE NAME=CPU_ONLINE >',
    ...Array.from({ length: board.cores }, (_, core) => `CORE_${core} ${cpu}/cpu${core}/online`),
    '',
    '< PARAM  TYPE=FILE  NAME=TPC_POWER_GATING >   # double spaces',
    'TPC_PG_MASK /sys/devices/gpu.0/tpc_pg_mask',
    'TPC_PG_MASK_KNEXT /sys/devices/platform/gpu.0/tpc_pg_mask',
    '',
    '< PARAM TYPE=FILE NAME=GPU_POWER_CONTROL_ENABLE >',
    'GPU_PWR_CNTL_EN /sys/devices/gpu.0/power/control',
    '',
    ...clusters.flatMap((core, index) => [
      `< PARAM TYPE=CLOCK NAME=CPU_CLUSTER_${index} >`,
      `FREQ_TABLE ${cpu}/cpu${core}/cpufreq/scaling_available_frequencies`,
      `MAX_FREQ ${cpu}/cpu${core}/cpufreq/scaling_max_freq`,
      `MIN_FREQ ${cpu}/cpu${core}/cpufreq/scaling_min_freq`,
      '',
    ]),
    '< PARAM TYPE=CLOCK NAME=GPU>',
    `FREQ_TABLE ${board.gpuFolder}/available_frequencies`,
    'MAX_FREQ /sys/devices/earlier.gv11b/devfreq/earlier.gv11b/max_freq',
    `MAX_FREQ_KNEXT ${board.gpuFolder}/max_freq # the later kernel`,
    `MIN_FREQ ${board.gpuFolder}/min_freq`,
    '',
    '<PARAM TYPE=CLOCK NAME=EMC >',
    `MAX_FREQ ${board.emcPath}`,
    '',
    '< PARAM TYPE=CLOCK NAME=DLA_CORE >',
    'MAX_FREQ /sys/kernel/nvpmodel_emc_cap/nafll_dla',
    '',
    '< PARAM TYPE=HWMON NAME=VDDIN_OC_LIMIT >',
    'WARN /sys/devices/platform/c250000.i2c/i2c-7/7-0040/hwmon curr1_max',
    '',
  ];
  for (const { id, name, cores, cpuKhz, tpcMask, gpuMhz, emcMhz, dlaMhz } of board.modes) {
    lines.push(
      `< POWER_MODEL ID=${id} NAME=${name} >`,
      ...Array.from({ length: board.cores }, (_, core) => `CPU_ONLINE CORE_${core} ${core < cores ? 1 : 0}`),
      `TPC_POWER_GATING  TPC_PG_MASK ${tpcMask}`,
      'GPU_POWER_CONTROL_ENABLE GPU_PWR_CNTL_EN on',
      ...clusters.flatMap((_, index) => [
        `CPU_CLUSTER_${index} MIN_FREQ ${board.cpuMinKhz}`,
        `CPU_CLUSTER_${index} MAX_FREQ ${cpuKhz}`,
      ]),
      'GPU MIN_FREQ -1',
      `GPU MAX_FREQ ${hz(gpuMhz)}`,
      `EMC MAX_FREQ ${hz(emcMhz)}`,
      ...(dlaMhz === null ? [] : [`DLA_CORE MAX_FREQ ${hz(dlaMhz)}`]),
      'VDDIN_OC_LIMIT WARN 3000',
      '',
    );
  }
  lines.push('# mandatory', `< PM_CONFIG DEFAULT=${board.defaultId} >`, '< FAN_CONFIG DEFAULT=quiet >');
  return lines.join('\n');
}
