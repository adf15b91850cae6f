import assert from 'node:assert/strict';
import { jetpackOf, parseL4tRelease } from '../../../../src/power/inspect/board-facts';
import { inspectMachine, type InspectionParts } from '../../../../src/power/inspect/inspect-machine';
import type { MachineInspection } from '../../../../src/power/inspect/inspection';
import { deviceTree, FolderMachine } from './folder-machine';

const nothing: InspectionParts = {
  findSensors: () => Promise.resolve({ sensors: [], findings: [] }),
  findActuators: () => Promise.resolve({ actuators: [], findings: [] }),
  findOtherManagers: () => Promise.resolve([]),
};

async function inspectFiles(files: Readonly<Record<string, string>>): Promise<MachineInspection> {
  const folder = new FolderMachine(files);
  try {
    return await inspectMachine({ machine: folder.machine, parts: nothing });
  } finally {
    folder.remove();
  }
}

const tegraRelease = (release: number, revision: string): Record<string, string> => ({
  'etc/nv_tegra_release': `# R${release} (release), REVISION: ${revision}, GCID: 1, BOARD: t000ref, EABI: aarch64, DATE: a day\n`,
});

const armCpuinfo = 'processor\t: 0\nFeatures\t: fp asimd fphp asimdhp asimddp\nCPU implementer\t: 0x4e\n';

describe('boards by their device tree', () => {
  const cases: readonly (readonly [string, string, readonly string[], string, string | null])[] = [
    [
      'AGX Xavier, JetPack 4',
      'Jetson-AGX',
      ['nvidia,jetson-xavier', 'nvidia,p2822-0000+p2888-0001', 'nvidia,tegra194'],
      'jetson-agx-xavier',
      'nvidia,tegra194',
    ],
    [
      'AGX Xavier, JetPack 5',
      'NVIDIA Jetson AGX Xavier Developer Kit',
      ['nvidia,p2972-0000', 'nvidia,tegra194'],
      'jetson-agx-xavier',
      'nvidia,tegra194',
    ],
    [
      'Xavier NX',
      'NVIDIA Jetson Xavier NX Developer Kit',
      ['nvidia,p3509-0000+p3668-0000', 'nvidia,tegra194'],
      'jetson-xavier-nx',
      'nvidia,tegra194',
    ],
    [
      'AGX Orin',
      'NVIDIA Jetson AGX Orin Developer Kit',
      ['nvidia,p3737-0000+p3701-0005', 'nvidia,p3701-0005', 'nvidia,tegra234'],
      'jetson-agx-orin',
      'nvidia,tegra234',
    ],
    [
      'Orin NX on the carrier of another maker',
      'Some Carrier Mk 2',
      ['maker,carrier', 'nvidia,p3768-0000+p3767-0000', 'nvidia,tegra234'],
      'jetson-orin-nx',
      'nvidia,tegra234',
    ],
    [
      'Orin Nano',
      'NVIDIA Jetson Orin Nano Developer Kit',
      ['nvidia,p3768-0000+p3767-0005', 'nvidia,tegra234'],
      'jetson-orin-nano',
      'nvidia,tegra234',
    ],
    [
      'Nano',
      'NVIDIA Jetson Nano Developer Kit',
      ['nvidia,p3450-0000', 'nvidia,jetson-nano', 'nvidia,tegra210'],
      'jetson-nano',
      'nvidia,tegra210',
    ],
    [
      'TX1',
      'NVIDIA Jetson TX1 Developer Kit',
      ['nvidia,p2371-2180', 'nvidia,tegra210'],
      'jetson-tx1',
      'nvidia,tegra210',
    ],
    ['TX2', 'quill', ['nvidia,quill', 'nvidia,tegra186'], 'jetson-tx2', 'nvidia,tegra186'],
    [
      'AGX Thor',
      'NVIDIA Jetson AGX Thor Developer Kit',
      ['nvidia,p3971-0089+p3834-0008', 'nvidia,tegra264'],
      'jetson-agx-thor',
      'nvidia,tegra264',
    ],
    [
      'a Jetson to come',
      'NVIDIA Jetson Something',
      ['nvidia,p9999-0000', 'nvidia,tegra999'],
      'jetson',
      'nvidia,tegra999',
    ],
    [
      'Raspberry Pi 4',
      'Raspberry Pi 4 Model B Rev 1.4',
      ['raspberrypi,4-model-b', 'brcm,bcm2711'],
      'raspberry-pi-4',
      'brcm,bcm2711',
    ],
    [
      'Raspberry Pi 5',
      'Raspberry Pi 5 Model B Rev 1.0',
      ['raspberrypi,5-model-b', 'brcm,bcm2712'],
      'raspberry-pi-5',
      'brcm,bcm2712',
    ],
    [
      'an older Raspberry Pi',
      'Raspberry Pi 3 Model B Plus Rev 1.3',
      ['raspberrypi,3-model-b-plus', 'brcm,bcm2837'],
      'raspberry-pi',
      'brcm,bcm2837',
    ],
    ['another Arm board', 'Acme Board', ['acme,board', 'rockchip,rk3588'], 'other', 'rockchip,rk3588'],
  ];
  for (const [what, model, compatible, id, soc] of cases) {
    it(`${what} is ${id}`, async () => {
      const { board } = await inspectFiles({ ...deviceTree(model, ...compatible), 'proc/cpuinfo': armCpuinfo });
      assert.equal(board.id, id);
      assert.equal(board.model, model);
      assert.equal(board.soc, soc);
      assert.equal(board.from, 'device tree');
      assert.equal(board.arch, 'arm64');
    });
  }

  it('are told by DMI on x86, without what vendors write when they have nothing to say', async () => {
    const cpuinfo = 'processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma\n';
    const named = await inspectFiles({
      'sys/class/dmi/id/sys_vendor': 'LENOVO\n',
      'sys/class/dmi/id/product_name': 'ThinkPad\n',
      'proc/cpuinfo': cpuinfo,
    });
    assert.deepEqual(
      [named.board.from, named.board.label, named.board.cpuModel, named.board.arch],
      ['DMI', 'LENOVO ThinkPad', 'Some CPU', 'x64'],
    );
    const unnamed = await inspectFiles({
      'sys/class/dmi/id/sys_vendor': 'To Be Filled By O.E.M.\n',
      'sys/class/dmi/id/product_name': 'System Product Name\n',
    });
    assert.deepEqual([unnamed.board.from, unnamed.board.model], ['nothing', null]);
  });
});

describe('the release of a Jetson', () => {
  it('is read from nv_tegra_release and told as JetPack', async () => {
    for (const [release, revision, l4t, jetpack] of [
      [32, '7.4', '32.7.4', 'JetPack 4'],
      [35, '4.1', '35.4.1', 'JetPack 5'],
      [36, '4.3', '36.4.3', 'JetPack 6'],
      [38, '2', '38.2', 'JetPack 7'],
    ] as const) {
      const { system } = await inspectFiles(tegraRelease(release, revision));
      assert.deepEqual([system.l4t, system.jetpack], [l4t, jetpack]);
    }
  });

  it('is unknown where the file is missing, says something else or names a release that is not known yet', async () => {
    const { system } = await inspectFiles(deviceTree('Jetson-AGX', 'nvidia,tegra194'));
    assert.deepEqual([system.l4t, system.jetpack], [null, null]);
    assert.equal(parseL4tRelease('R35 4.1'), null);
    assert.equal(parseL4tRelease(''), null);
    assert.equal(jetpackOf('99.1'), null);
  });
});

describe('the system of a folder', () => {
  it('is told by its own files, never by those of the machine that looks', async () => {
    const { system, cores } = await inspectFiles({
      'etc/os-release': 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 20.04.6 LTS"\n',
      'proc/sys/kernel/osrelease': '5.10.120-tegra\n',
      'proc/meminfo': 'MemTotal:       15831968 kB\nMemFree: 1 kB\nMemAvailable:   12000000 kB\n',
      'proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-3\n',
      'proc/1/cgroup': '0::/init.scope\n',
      'proc/cpuinfo': armCpuinfo,
      'lib/aarch64-linux-gnu/libc-2.31.so': '',
    });
    assert.equal(system.distribution, 'Ubuntu 20.04.6 LTS');
    assert.equal(system.kernel, '5.10.120-tegra');
    assert.deepEqual([system.memoryMiB, system.availableMemoryMiB], [15461, 11719]);
    assert.deepEqual(system.libc, { kind: 'glibc', version: '2.31' });
    assert.deepEqual([system.container, system.virtualMachine], [null, null]);
    assert.equal(system.runsAsRoot, null);
    assert.deepEqual(cores.usable, [0, 1, 2, 3]);
    assert.deepEqual(cores.flags, {
      present: ['asimd', 'asimdhp', 'asimddp'],
      absent: ['i8mm', 'bf16', 'sve', 'sve2'],
    });
  });

  it('knows musl, containers and virtual machines', async () => {
    const { system } = await inspectFiles({
      'lib/ld-musl-x86_64.so.1': '',
      '.dockerenv': '',
      'sys/class/dmi/id/sys_vendor': 'QEMU\n',
    });
    assert.equal(system.libc.kind, 'musl');
    assert.equal(system.container, 'docker');
    assert.equal(system.virtualMachine, 'KVM/QEMU');
    const pod = await inspectFiles({ 'proc/1/cgroup': '0::/kubepods/burstable/pod1/abc\n' });
    assert.equal(pod.system.container, 'kubepods');
  });

  it('is unknown, not guessed, where there are no files at all', async () => {
    const { system, cores, board, sensors, permissions, problems } = await inspectFiles({});
    assert.deepEqual(system.libc, { kind: 'unknown', version: null });
    assert.deepEqual([system.container, system.virtualMachine, system.memoryMiB], ['unknown', 'unknown', null]);
    assert.equal(cores.flags, null);
    assert.equal(board.cpuModel, 'unknown');
    assert.deepEqual([sensors, permissions, problems], [[], [], []]);
  });
});
