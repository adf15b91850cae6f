import assert from 'node:assert/strict';
import { openTegrastats, parseTegrastats } from '../../../../src/power/meters/sensors/tegrastats';
import { railTotalOf } from '../../../../src/power/meters/rails/totals';
import { ManualClock } from '../fakes';
import { MachineTree } from './machine-tree';

// Lines as the tool prints them, by board and release; rails in mW, now.
const lines: readonly { board: string; line: string; rails: Record<string, number>; totalMw: number | null }[] = [
  {
    board: 'AGX Xavier 16GB, JetPack 4',
    line: 'RAM 1903/15692MB (lfb 3251x4MB) CPU [1%@1190,1%@1190,2%@1190,0%@1190,0%@1190,0%@1190,0%@1190,0%@1190] EMC_FREQ 0% GR3D_FREQ 0% AO@32.5C GPU@32C Tboard@32C Tdiode@34.75C AUX@31.5C CPU@33.5C thermal@32.9C PMIC@100C GPU 0/0 CPU 216/216 SOC 864/864 CV 0/0 VDDRQ 144/144 SYS5V 1889/1889',
    rails: { GPU: 0, CPU: 216, SOC: 864, CV: 0, VDDRQ: 144, SYS5V: 1889 },
    totalMw: 3113,
  },
  {
    board: 'AGX Xavier 32GB, JetPack 4, four cores off',
    line: 'RAM 4083/31919MB (lfb 6179x4MB) SWAP 0/15959MB (cached 0MB) CPU [0%@1190,0%@1190,0%@1190,1%@1190,off,off,off,off] EMC_FREQ 0% GR3D_FREQ 0% AO@42C GPU@42C Tdiode@44.75C PMIC@100C AUX@41.5C CPU@42C thermal@41.6C Tboard@41C GPU 0/16 CPU 310/432 SOC 931/953 CV 0/0 VDDRQ 466/488 SYS5V 1522/1559',
    rails: { GPU: 0, CPU: 310, SOC: 931, CV: 0, VDDRQ: 466, SYS5V: 1522 },
    totalMw: 3229,
  },
  {
    board: 'AGX Xavier, JetPack 5, the end of a line',
    line: '[0%@1190,1%@1190,0%@1190,0%@1189,0%@1190,0%@1191,0%@1190,0%@1190] EMC_FREQ 0%@1331 GR3D_FREQ 0%@114 VIC_FREQ 115 APE 150 AUX@36C CPU@36.5C thermal@35.7C Tboard@37C AO@35C GPU@35C Tdiode@38.75C PMIC@50C GPU 467mW/467mW CPU 467mW/467mW SOC 1245mW/1245mW CV 0mW/0mW VDDRQ 311mW/311mW SYS5V 2768mW/2768mW',
    rails: { GPU: 467, CPU: 467, SOC: 1245, CV: 0, VDDRQ: 311, SYS5V: 2768 },
    totalMw: 5258,
  },
  {
    board: 'Xavier NX, JetPack 5',
    line: 'RAM 2690/6854MB (lfb 6x1MB) SWAP 479/3427MB (cached 3MB) CPU [3%@1904,7%@1906,1%@1905,0%@1907,off,off] EMC_FREQ 0%@1600 GR3D_FREQ 0%@[510] VIC_FREQ 601 APE 150 AUX@39C CPU@39.5C AO@37.5C GPU@37.5C PMIC@50C VDD_IN 5079mW/5079mW VDD_CPU_GPU_CV 696mW/696mW VDD_SOC 1104mW/1104mW',
    rails: { VDD_IN: 5079, VDD_CPU_GPU_CV: 696, VDD_SOC: 1104 },
    totalMw: 5079,
  },
  {
    board: 'AGX Orin 64GB, JetPack 5, CPU and DLA busy',
    line: '11-21-2025 08:49:48 RAM 13983/62780MB (lfb 424x4MB) SWAP 126/31390MB (cached 0MB) CPU [90%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201,100%@2201] EMC_FREQ 1%@2133 GR3D_FREQ 14%@[407,407] VIC_FREQ 115 NVDLA0_FREQ @1600 APE 174 CV0@73.625C CPU@77.281C Tboard@62C SOC2@70C Tdiode@62.25C SOC0@69.531C CV1@72.5C GPU@69.125C tj@77.281C SOC1@68.968C CV2@67.25C VDD_GPU_SOC 3150mW/2971mW VDD_CPU_CV 14312mW/12415mW VIN_SYS_5V0 4968mW/5048mW VDDQ_VDD2_1V8AO 1091mW/1091mW',
    rails: { VDD_GPU_SOC: 3150, VDD_CPU_CV: 14312, VIN_SYS_5V0: 4968, VDDQ_VDD2_1V8AO: 1091 },
    totalMw: 22430,
  },
  {
    board: 'AGX Orin 64GB, JetPack 6',
    line: '05-09-2026 18:42:06 RAM 18207/62841MB (lfb 466x4MB) SWAP 86/31420MB (cached 0MB) CPU [14%@2188,5%@2112,8%@2035,14%@2201,46%@1267,47%@1267,2%@1267,10%@1267,4%@1036,5%@1036,6%@1036,10%@1036] EMC_FREQ 3%@2133 GR3D_FREQ 0%@[0,0] NVENC 79%@166 NVDEC off NVJPG off NVJPG1 off VIC 36%@115 OFA off NVDLA0 off NVDLA1 off PVA0_FREQ off APE 174 cpu@52.562C soc2@48.437C soc0@49.093C tj@52.562C soc1@49.656C VDD_GPU_SOC 2412mW/2412mW VDD_CPU_CV 1607mW/1607mW VIN_SYS_5V0 4707mW/4707mW',
    rails: { VDD_GPU_SOC: 2412, VDD_CPU_CV: 1607, VIN_SYS_5V0: 4707 },
    totalMw: 8726,
  },
  {
    board: 'Orin Nano 8GB, JetPack 6',
    line: '11-15-2024 08:38:09 RAM 6185/7620MB (lfb 8x2MB) SWAP 851/3810MB (cached 1MB) CPU [15%@729,11%@729,14%@729,13%@729,11%@729,8%@729] EMC_FREQ 43%@2133 GR3D_FREQ 63%@[621] NVDEC off NVJPG off NVJPG1 off VIC off OFA off APE 200 cpu@53.968C soc2@52.437C soc0@50.75C gpu@53.343C tj@53.968C soc1@51.656C VDD_IN 12479mW/12479mW VDD_CPU_GPU_CV 4667mW/4667mW VDD_SOC 2817mW/2817mW',
    rails: { VDD_IN: 12479, VDD_CPU_GPU_CV: 4667, VDD_SOC: 2817 },
    totalMw: 12479,
  },
  {
    board: 'AGX Thor, JetPack 7, without GPU and memory clocks',
    line: '07-31-2026 14:45:55 RAM 86905/125772MB (lfb 368x4MB) CPU [12%@972,10%@972,off,33%@1890] cpu@39.812C tj@39.906C soc012@38.812C gpu@39.906C soc345@38.625C VDD_GPU 3561mW/3561mW VDD_CPU_SOC_MSS 7910mW/7910mW VIN_SYS_5V0 7620mW/7620mW VIN 26686mW/26686mW',
    rails: { VDD_GPU: 3561, VDD_CPU_SOC_MSS: 7910, VIN_SYS_5V0: 7620, VIN: 26686 },
    totalMw: 26686,
  },
  {
    board: 'TX2, JetPack 4',
    line: 'RAM 1345/7829MB (lfb 1290x4MB) SWAP 0/512MB (cached 0MB) CPU [2%@345,off,off,off,off,off] EMC_FREQ 13%@40 GR3D_FREQ 0%@114 APE 150 BCPU@35C MCPU@35C GPU@41C PLL@35C AO@35.5C Tboard@35C Tdiode@36C PMIC@100C thermal@35.5C VDD_IN 2003/2658 VDD_CPU 320/518 VDD_GPU 400/735 VDD_SOC 400/415 VDD_WIFI 0/0 VDD_DDR 240/348',
    rails: { VDD_IN: 2003, VDD_CPU: 320, VDD_GPU: 400, VDD_SOC: 400, VDD_WIFI: 0, VDD_DDR: 240 },
    totalMw: 2003,
  },
  {
    board: 'TX1, JetPack 4, with IRAM',
    line: 'RAM 1179/3983MB (lfb 120x4MB) IRAM 0/252kB(lfb 252kB) CPU [1%@102,4%@102,0%@102,0%@102] EMC_FREQ 7%@408 GR3D_FREQ 0%@76 APE 25 AO@42.5C CPU@37.5C GPU@39C PLL@37C Tdiode@42.75C PMIC@100C Tboard@42C thermal@38.5C VDD_IN 2532/2698 VDD_CPU 76/178 VDD_GPU 19/19',
    rails: { VDD_IN: 2532, VDD_CPU: 76, VDD_GPU: 19 },
    totalMw: 2532,
  },
  {
    board: 'Nano, JetPack 4',
    line: 'RAM 613/3964MB (lfb 634x4MB) SWAP 0/1982MB (cached 0MB) CPU [2%@102,1%@102,0%@102,0%@102] EMC_FREQ 0% GR3D_FREQ 0% PLL@39C CPU@40.5C PMIC@100C GPU@41C AO@46C thermal@41C POM_5V_IN 900/943 POM_5V_GPU 0/0 POM_5V_CPU 123/123',
    rails: { POM_5V_IN: 900, POM_5V_GPU: 0, POM_5V_CPU: 123 },
    totalMw: 900,
  },
  {
    board: 'triples of now, mean and highest',
    line: 'tj@39.906C VDD_GPU 3561mW/3500mW/4000mW VDD_CPU_SOC_MSS 7910mW/7000mW/9000mW VIN_SYS_5V0 7620mW/7620mW/8000mW VIN 26686mW/25000mW/30000mW',
    rails: { VDD_GPU: 3561, VDD_CPU_SOC_MSS: 7910, VIN_SYS_5V0: 7620, VIN: 26686 },
    totalMw: 26686,
  },
  { board: 'a complaint', line: 'tegrastats: permission denied 3/4 times', rails: { denied: 3 }, totalMw: null },
];

describe('tegrastats', () => {
  for (const { board, line, rails, totalMw } of lines) {
    it(`gives the rails of ${board}`, () => {
      const parsed = parseTegrastats(line);
      assert.deepEqual(Object.fromEntries(parsed.map(({ name, powerW }) => [name, Math.round(powerW * 1000)])), rails);
      const total = railTotalOf(Object.keys(rails));
      const sumMw = total === null ? null : total.parts.reduce((sum, part) => sum + (rails[part] ?? NaN), 0);
      assert.equal(sumMw, totalMw);
    });
  }

  it('gives nothing for other lines', () => {
    for (const line of [
      '',
      'RAM 1/2MB (lfb 3x4MB) SWAP 0/9MB (cached 0MB)',
      'NVPM WARN: nothing',
      'GR3D_FREQ 0%@[0,0]',
    ])
      assert.deepEqual(parseTegrastats(line), []);
  });

  describe('in the background', () => {
    let tree: MachineTree;
    beforeEach(() => {
      tree = new MachineTree();
    });
    afterEach(() => {
      tree.remove();
    });

    const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
      for (let tries = 0; tries < 500 && !(await what()); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(await what());
    };

    it('is started once, is asked for its newest line, and is unknown when it falls silent', async () => {
      tree.install('tegrastats', 'echo "$@" > "$0.args"; echo VDD_IN 4000/4000; echo VDD_IN 5000/4500; exec sleep 60');
      const clock = new ManualClock();
      const sensor = openTegrastats(tree.programs, clock);
      await sensor.settle();
      await until(async () => (await sensor.sample()).powerW === 5);
      assert.equal(sensor.method, 'tegrastats, VDD_IN');
      const { atMs } = await sensor.sample();
      clock.passS(1);
      assert.equal((await sensor.sample()).atMs, atMs);
      clock.passS(1);
      const silent = await sensor.sample();
      assert.equal(silent.powerW, null);
      assert.deepEqual(
        silent.rails.map(({ powerW, problem }) => [powerW, problem]),
        [[null, 'tegrastats says nothing']],
      );
      assert.equal((await tree.files.read('/bin/tegrastats.args')).trim(), '--interval 500');
      await sensor.close();
    });

    it('is started again when it dies, a little later each time', async () => {
      tree.install('tegrastats', 'echo x >> "$0.starts"; echo VDD_IN 4000/4000; exit 1');
      const sensor = openTegrastats(tree.programs, new ManualClock(), { firstMs: 5, mostMs: 20 });
      await until(async () => ((await tree.files.readIfThere('/bin/tegrastats.starts')) ?? '').split('\n').length >= 3);
      assert.equal((await sensor.sample()).powerW, 4);
      await sensor.close();
    });

    it('has no total when a rail is no longer in its lines', async () => {
      tree.install(
        'tegrastats',
        'echo error 1/2; echo GPU 1/1 CPU 1/1 SOC 1/1 CV 1/1 VDDRQ 1/1 SYS5V 1000/1; echo GPU 1/1 CPU 1/1; exec sleep 60',
      );
      const sensor = openTegrastats(tree.programs, new ManualClock());
      await sensor.settle();
      const problem = async (): Promise<string | null | undefined> =>
        (await sensor.sample()).rails.find(({ name }) => name === 'SYS5V')?.problem;
      await until(async () => (await problem()) === 'is not in the line');
      assert.equal((await sensor.sample()).powerW, null);
      await sensor.close();
    });
  });
});
