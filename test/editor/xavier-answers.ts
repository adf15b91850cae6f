import type { LiveReading } from '../../nodes/device/live-reading';
import type { Inspection } from '../../src/power/inspect/inspection';

const state = { cpuMhz: 1200, emcMhz: 1600, dlaMhz: 1050, gpuUnits: 4, powerLimitW: null, refusal: null };

/** What the runtime might say of a Jetson AGX Xavier whose clocks may not be set and one of whose rails is broken. */
export const xavierInspection: Inspection = {
  board: {
    id: 'jetson-agx-xavier',
    label: 'Jetson AGX Xavier',
    model: 'Jetson-AGX',
    soc: 'nvidia,tegra194',
    from: 'device tree',
    arch: 'arm64',
    cpuModel: 'Jetson-AGX',
  },
  system: {
    platform: 'linux',
    distribution: 'Ubuntu 20.04.6 LTS',
    kernel: '5.10.120-tegra',
    l4t: '35.4.1',
    jetpack: 'JetPack 5',
    libc: { kind: 'glibc', version: '2.31' },
    container: null,
    virtualMachine: null,
    memoryMiB: 30000,
    availableMemoryMiB: 20000,
    nodeVersion: '20.20.2',
    runsAsRoot: false,
  },
  cores: { usable: [0, 1, 2, 3, 4, 5, 6, 7], from: 'affinity', canPin: true, clusters: [], flags: null },
  accelerators: [
    { name: 'gpu', kind: 'gpu', hardware: '17000000.gv11b' },
    { name: 'dla0', kind: 'dla', hardware: '15880000.nvdla0' },
  ],
  sensors: [],
  sensorFindings: [{ level: 'ok', text: 'INA3221, sum of six rails' }],
  actuators: [
    {
      name: 'nvpmodel',
      level: 'usable',
      text: 'nvpmodel, 2 modes in /etc/nvpmodel/nvpmodel_t194.conf',
      problem: null,
      states: [
        { ...state, name: 'MODE_30W_ALL', gpuMhz: 905.25, cores: 8, inForce: true },
        {
          ...state,
          name: 'MODE_10W',
          gpuMhz: 522.75,
          cores: 2,
          refusal: 'it would need a reboot',
          inForce: false,
        },
      ],
    },
    {
      name: 'clocks',
      level: 'denied',
      text: '/sys/class/devfreq/17000000.gv11b/max_freq may not be written by this user',
      problem: null,
      states: [],
    },
  ],
  cpuQuotas: { level: 'ok', text: 'cgroup v2 at /sys/fs/cgroup may be written' },
  otherManagers: [{ level: 'problem', text: 'jtop.service is running and may set clocks' }],
  permissions: [],
  problems: [],
  packageVersion: '0.1.0',
  inspectedAt: '2025-01-01T00:00:00.000Z',
  ofFolder: false,
  modelCosts: null,
  runtime: {
    version: '1.30.0',
    providers: [
      { name: 'cpu', ran: true, why: '' },
      { name: 'cuda', ran: false, why: 'no' },
    ],
  },
};

export function xavierPower(powerW: number): LiveReading {
  const rail = { inTotal: true, problem: null };
  return {
    device: { powerW: 6, source: 'modelled', scope: 'wall', method: 'a power law' },
    sensors: [
      {
        name: 'ina3221',
        method: 'INA3221, sum of six rails',
        scope: 'module',
        source: 'measured',
        accuracy: 0.05,
        powerW,
        rails: [
          { ...rail, name: 'GPU', powerW: 0.467 },
          { ...rail, name: 'CPU', powerW: 0.467 },
          { ...rail, name: 'SOC', powerW: 1.245 },
          { ...rail, name: 'CV', powerW: null, problem: 'cannot be read (EIO)' },
          { ...rail, name: 'VDDRQ', powerW: 0.311 },
          { ...rail, name: 'SYS5V', powerW: 2.768 },
        ],
      },
    ],
  };
}
