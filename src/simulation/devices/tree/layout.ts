import type { Board, JetPack } from '../boards/board';

/** Where one rail of a power monitor is read. */
export interface RailFiles {
  readonly label: string;
  readonly labelFile: string;
  readonly voltageFile: string;
  readonly currentFile: string;
  /** JetPack 4 only: the newer driver has no file for power. */
  readonly powerFile: string | null;
}

interface MonitorFiles {
  readonly address: string;
  /** The folder of the I2C device. */
  readonly device: string;
  /** The folder with the rail files: `iio:deviceN` or `hwmonN`. */
  readonly folder: string;
  /** `hwmonN`; null on JetPack 4. */
  readonly hwmon: string | null;
  readonly rails: readonly RailFiles[];
}

/** Paths of a Jetson, as absolute paths on the device. */
export interface TreeLayout {
  readonly jetPack: JetPack;
  /** Name of the GPU under /sys/class/devfreq. */
  readonly gpuName: string;
  readonly gpuDevice: string;
  readonly devfreq: string;
  /** Other paths by which the GPU's device is known. */
  readonly gpuAliases: readonly string[];
  readonly tpcMask: string;
  readonly gpuLoad: string;
  readonly emcCap: string;
  readonly emcRate: string;
  readonly dlaCaps: readonly string[];
  readonly monitors: readonly MonitorFiles[];
  /** hwmon folder that counts over-current events; null on JetPack 4. */
  readonly overCurrent: string | null;
  readonly status: string;
  readonly conf: string;
}

export const cpuFolder = '/sys/devices/system/cpu';
export const policyFolder = (first: number): string => `${cpuFolder}/cpufreq/policy${first}`;

/** First cores of the CPU clusters, e.g. 0, 2, 4, 6. */
export function firstCores(board: Board): number[] {
  return Array.from(
    { length: Math.ceil(board.cpu.cores / board.cpu.coresPerPolicy) },
    (_, index) => index * board.cpu.coresPerPolicy,
  );
}

/** Folder of what only the simulation knows, beside what a real device has. */
export const simulationFolder = '/run/simulated-device';
/** Programs of the simulated device. */
export const programFolder = '/usr/sbin';

function monitorFiles(address: string, index: number, labels: readonly string[], jetPack: JetPack): MonitorFiles {
  const bus = { 4: '/sys/devices/3160000.i2c', 5: '/sys/devices/platform/c240000.i2c' } as const;
  const controller = jetPack === 6 ? '/sys/devices/platform/bus@0/c240000.i2c' : bus[jetPack];
  const device = `${controller}/i2c-1/1-${address}`;
  if (jetPack === 4) {
    const folder = `${device}/iio:device${index}`;
    const rails = labels.map((label, rail) => ({
      label,
      labelFile: `${folder}/rail_name_${rail}`,
      voltageFile: `${folder}/in_voltage${rail}_input`,
      currentFile: `${folder}/in_current${rail}_input`,
      powerFile: `${folder}/in_power${rail}_input`,
    }));
    return { address, device, folder, hwmon: null, rails };
  }
  // The numbers depend on the order in which drivers load: nobody may rely on them.
  const hwmon = `hwmon${(jetPack === 5 ? 3 : 1) + index}`;
  const folder = `${device}/hwmon/${hwmon}`;
  const rails = labels.map((label, rail) => ({
    label,
    labelFile: `${folder}/in${rail + 1}_label`,
    voltageFile: `${folder}/in${rail + 1}_input`,
    currentFile: `${folder}/curr${rail + 1}_input`,
    powerFile: null,
  }));
  return { address, device, folder, hwmon, rails };
}

export function layoutOf(board: Board, jetPack: JetPack): TreeLayout {
  const gpuName = jetPack === 6 ? '17000000.gpu' : `17000000.${board.gpu.node}`;
  const gpuDevice = jetPack === 6 ? `/sys/devices/platform/bus@0/${gpuName}` : `/sys/devices/${gpuName}`;
  const gpuAliases = {
    4: ['/sys/devices/gpu.0'],
    5: ['/sys/devices/gpu.0', '/sys/devices/platform/gpu.0', `/sys/devices/platform/${gpuName}`],
    6: ['/sys/devices/platform/gpu.0', `/sys/devices/platform/${gpuName}`],
  }[jetPack];
  const dlaCap = (index: number): string => {
    const unit = `158${index === 0 ? '8' : 'c'}0000.nvdla${index}`;
    if (board.gpu.node === 'gv11b') return '/sys/kernel/nvpmodel_emc_cap/nafll_dla';
    if (jetPack === 6) return `/sys/devices/platform/bus@0/13e00000.host1x/${unit}/clk_cap/dla${index}_core`;
    return `/sys/devices/platform/13e40000.host1x/${unit}/acm/clk_cap/dla${index}_core`;
  };
  return {
    jetPack,
    gpuName,
    gpuDevice,
    devfreq: `${gpuDevice}/devfreq/${gpuName}`,
    gpuAliases,
    tpcMask: `${gpuDevice}/tpc_pg_mask`,
    gpuLoad: `${gpuDevice}/load`,
    emcCap: jetPack === 6 ? '/sys/kernel/nvpmodel_clk_cap/emc' : '/sys/kernel/nvpmodel_emc_cap/emc_iso_cap',
    emcRate: '/sys/kernel/debug/bpmp/debug/clk/emc/rate',
    dlaCaps: [...new Set(Array.from({ length: board.dla.count }, (_, index) => dlaCap(index)))],
    monitors: board.monitors.map(({ address, rails }, index) =>
      monitorFiles(
        address,
        index,
        rails.map((rail) => rail.label),
        jetPack,
      ),
    ),
    overCurrent: jetPack === 4 ? null : '/sys/devices/platform/soctherm-oc-event/hwmon/hwmon0',
    status: '/var/lib/nvpmodel/status',
    conf: `/etc/nvpmodel/${board.confName}`,
  };
}
