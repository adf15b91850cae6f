import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { findCpufreq } from '../../../../src/power/actuators/cpufreq';
import { findHostActuators } from '../../../../src/power/actuators/find-host-actuators';
import type { HardwareActuator } from '../../../../src/power/actuators/hardware-actuator';
import { findNvidiaSmi } from '../../../../src/power/actuators/nvidia-smi';
import { powerSteps } from '../../../../src/power/actuators/power-steps';
import { findRapl } from '../../../../src/power/actuators/rapl';
import type { Machine } from '../../../../src/power/machine/machine';
import { recordPathOf } from '../../../../src/power/safety/change-record';
import { openMachineChanges } from '../../../../src/power/safety/machine-changes';
import type { MachineChanges } from '../../../../src/power/safety/setting';
import { isEcomapError } from '../../../../src/signals/errors';
import { FakeClock, FolderMachine } from '../safety/folder-machine';

const failsWith =
  (code: string, text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === code && text.test(error.message);

const names = async (actuator: HardwareActuator): Promise<string[]> =>
  (await actuator.states()).map(({ name }) => name);

let folder: FolderMachine;
let clock: FakeClock;
let changes: MachineChanges;
const open = (dryRun = false, machine: Machine = folder.machine): MachineChanges =>
  openMachineChanges({ machine, stateDirectory: folder.stateDirectory, dryRun, clock, owner: 'test' });

/** The same machine for a process that may read everything and write nothing. */
const denied = (): Machine => ({
  ...folder.machine,
  files: { ...folder.machine.files, isWritable: () => Promise.resolve(false) },
});

/** A machine whose firmware answers each write to a file in its own way. */
const firmware = (answer: (path: string, text: string) => string): Machine => ({
  ...folder.machine,
  files: {
    ...folder.machine.files,
    write: (path, text) => {
      folder.put(path, answer(path, text));
      return Promise.resolve();
    },
  },
});

const missingProgram: Machine['programs']['run'] = () =>
  Promise.resolve({ exitCode: null, text: '', timedOut: false, missing: true });
const withoutPrograms = (): Machine => ({
  ...folder.machine,
  programs: { ...folder.machine.programs, run: missingProgram },
});

function found<Found extends { actuator: HardwareActuator | null }>({ actuator }: Found): HardwareActuator {
  assert.ok(actuator);
  return actuator;
}

describe('limits of ordinary computers', () => {
  beforeEach(() => {
    folder = new FolderMachine();
    clock = new FakeClock();
    changes = open();
  });
  afterEach(async () => {
    await changes.restore();
    folder.remove();
  });

  describe('RAPL limits', () => {
    const msr = '/sys/class/powercap/intel-rapl:0';
    const mmio = '/sys/class/powercap/intel-rapl-mmio:0';

    function zone(path: string, limitW: number, { name = 'package-0', maxW = 28, enabled = '1' } = {}): void {
      folder.put(`${path}/name`, name);
      folder.put(`${path}/enabled`, enabled);
      folder.put(`${path}/constraint_0_name`, 'long_term');
      folder.put(`${path}/constraint_0_power_limit_uw`, String(limitW * 1e6));
      folder.put(`${path}/constraint_0_time_window_us`, '27983872');
      folder.put(`${path}/constraint_0_max_power_uw`, String(maxW * 1e6));
      folder.put(`${path}/constraint_1_name`, 'short_term');
      folder.put(`${path}/constraint_1_power_limit_uw`, '64000000');
    }
    const limit = (path: string): number => Number(folder.get(`${path}/constraint_0_power_limit_uw`)) / 1e6;

    it('are written by both interfaces, read back and restored exactly', async () => {
      zone(msr, 28);
      zone(mmio, 26);
      zone('/sys/class/powercap/intel-rapl:0:0', 99, { name: 'core' });
      zone('/sys/class/powercap/intel-rapl:1', 99, { name: 'psys' });
      const { actuator, finding } = await findRapl(folder.machine, changes);
      assert.ok(actuator);
      assert.equal(finding.level, 'usable');
      assert.match(finding.text, /package-0 28 W over 27\.98 s \(intel-rapl\)/);
      const offered = await names(actuator);
      assert.deepEqual(
        [offered[0], offered.at(-1)],
        ['26 W', '7 W'],
        'from the stricter limit to a quarter of the rating',
      );
      const { inForce, changes: made } = await actuator.apply('15 W');
      assert.deepEqual([inForce?.name, inForce?.powerLimitW], ['15 W', 15]);
      assert.equal(made.length, 2);
      assert.deepEqual([limit(msr), limit(mmio)], [15, 15]);
      assert.equal(limit('/sys/class/powercap/intel-rapl:0:0'), 99);
      assert.equal(limit('/sys/class/powercap/intel-rapl:1'), 99);
      assert.equal((await names(actuator))[0], '26 W', 'our own limit is no ceiling');
      await changes.restore();
      assert.deepEqual([limit(msr), limit(mmio)], [28, 26]);
    });

    it('share the watts between two packages', async () => {
      zone(msr, 100, { maxW: 100 });
      zone('/sys/class/powercap/intel-rapl:1', 100, { name: 'package-1', maxW: 100 });
      const rapl = found(await findRapl(folder.machine, changes));
      const offered = await names(rapl);
      assert.deepEqual([offered[0], offered.at(-1)], ['200 W', '50 W']);
      assert.ok(offered.length <= 40);
      assert.equal((await rapl.apply('120 W')).inForce?.powerLimitW, 120);
      assert.deepEqual([limit(msr), limit('/sys/class/powercap/intel-rapl:1')], [60, 60]);
    });

    it('take what the register has rounded, and still know it as theirs', async () => {
      zone(msr, 28);
      const machine = firmware((_, text) => String(Math.floor(Number(text) / 125_000) * 125_000 - 62_500));
      const rapl = found(await findRapl(machine, changes));
      assert.equal((await rapl.apply('15 W')).inForce?.name, '15 W');
      assert.match(readFileSync(recordPathOf(folder.stateDirectory, folder.root), 'utf8'), /14937500/);
    });

    it('say that the firmware has locked them, and leave them as they were', async () => {
      zone(msr, 28);
      const rapl = found(
        await findRapl(
          firmware((path) => folder.get(path)),
          changes,
        ),
      );
      await assert.rejects(rapl.apply('15 W'), failsWith('CAP_NOT_ENFORCEABLE', /did not keep.*firmware/));
      assert.equal(limit(msr), 28);
    });

    it('shorten the window where asked to, and restore it', async () => {
      zone(msr, 28);
      const rapl = found(await findRapl(folder.machine, changes, { windowS: 1 }));
      await rapl.apply('15 W');
      assert.equal(folder.get(`${msr}/constraint_0_time_window_us`), '1000000');
      await changes.restore();
      assert.equal(folder.get(`${msr}/constraint_0_time_window_us`), '27983872');
    });

    it('are missing on AMD, in a virtual machine and where they are switched off, with what to do', async () => {
      assert.match((await findRapl(folder.machine, changes)).finding.text, /virtual machines/);
      folder.put(`${msr}/name`, 'package-0');
      folder.put('/proc/cpuinfo', 'vendor_id\t: AuthenticAMD');
      const amd = await findRapl(folder.machine, changes);
      assert.deepEqual([amd.actuator, amd.finding.level], [null, 'missing']);
      assert.match(amd.finding.text, /AMD.*cpufreq/);
      zone(msr, 28, { enabled: '0' });
      assert.match((await findRapl(folder.machine, changes)).finding.text, /switched off/);
    });

    it('are denied without permission, and then only told in a dry run', async () => {
      zone(msr, 28);
      const real = await findRapl(denied(), changes);
      assert.deepEqual([real.actuator, real.finding.level], [null, 'denied']);
      assert.match(real.finding.text, /constraint_0_power_limit_uw.*recipe/);
      const dry = await findRapl(denied(), open(true));
      assert.equal(dry.finding.level, 'denied');
      const told = await found(dry).apply('15 W');
      assert.equal(told.changes[0]?.inForce, null);
      assert.equal(told.inForce?.name, '28 W');
      assert.equal(limit(msr), 28);
    });

    it('refuse a limit that is not offered', async () => {
      zone(msr, 28);
      const rapl = found(await findRapl(folder.machine, changes));
      for (const name of ['29 W', '1 W', '', 'NaN W']) {
        await assert.rejects(rapl.apply(name), failsWith('INVALID_CONFIG', /from 28 W down to 7 W/));
      }
    });
  });

  describe('CPU clock limits', () => {
    const cpufreq = '/sys/devices/system/cpu/cpufreq';
    const pstate = '/sys/devices/system/cpu/intel_pstate';

    function policy(
      number: number,
      options: { table?: string; minKhz?: number; maxKhz: number; floorKhz?: number },
    ): void {
      const { table, minKhz = 600_000, maxKhz, floorKhz = minKhz } = options;
      const path = `${cpufreq}/policy${number}`;
      folder.put(`${path}/scaling_driver`, table === undefined ? 'intel_pstate' : 'cpufreq-dt');
      folder.put(`${path}/cpuinfo_min_freq`, String(minKhz));
      folder.put(`${path}/cpuinfo_max_freq`, String(maxKhz));
      folder.put(`${path}/scaling_min_freq`, String(floorKhz));
      folder.put(`${path}/scaling_max_freq`, String(maxKhz));
      if (table !== undefined) folder.put(`${path}/scaling_available_frequencies`, table);
    }
    const limit = (number: number): string => folder.get(`${cpufreq}/policy${number}/scaling_max_freq`);

    it('come from the live table and not below the lower limit in force', async () => {
      policy(0, { table: '600000 1000000 1400000 1800000', maxKhz: 1_800_000, floorKhz: 1_000_000 });
      const { actuator, finding } = await findCpufreq(folder.machine, changes);
      assert.equal(finding.level, 'usable');
      assert.ok(actuator);
      assert.deepEqual(await names(actuator), ['CPU 1.80 GHz', 'CPU 1.40 GHz', 'CPU 1.00 GHz']);
      const { inForce } = await actuator.apply('CPU 1.00 GHz');
      assert.deepEqual([inForce?.name, inForce?.cpuMhz], ['CPU 1.00 GHz', 1000]);
      assert.equal(limit(0), '1000000');
      assert.equal((await actuator.readBack())?.name, 'CPU 1.00 GHz');
      await changes.restore();
      assert.equal(limit(0), '1800000');
    });

    it('go down together where clusters have tables of their own', async () => {
      policy(0, { table: '600000 900000 1200000 1800000', maxKhz: 1_800_000 });
      policy(4, { table: '700000 1200000 1600000 2400000', maxKhz: 2_400_000, minKhz: 700_000 });
      const actuator = found(await findCpufreq(folder.machine, changes));
      await actuator.apply('CPU 1.60 GHz');
      assert.deepEqual([limit(4), limit(0)], ['1600000', '1200000']);
    });

    it('are even steps where the driver has no table', async () => {
      policy(0, { maxKhz: 3_000_000, minKhz: 400_000 });
      const actuator = found(await findCpufreq(folder.machine, changes));
      const offered = await names(actuator);
      assert.deepEqual([offered[0], offered.at(-1)], ['CPU 3.00 GHz', 'CPU 0.40 GHz']);
      assert.ok(offered.length > 10 && offered.length <= 26);
      await actuator.apply(offered[5] ?? '');
      assert.equal((await actuator.readBack())?.name, offered[5]);
    });

    it('use the one limit of intel_pstate where there is one, and restore its per cent exactly', async () => {
      policy(0, { maxKhz: 4_000_000, minKhz: 400_000 });
      policy(1, { maxKhz: 4_000_000, minKhz: 400_000 });
      folder.put(`${pstate}/max_perf_pct`, '93');
      folder.put(`${pstate}/min_perf_pct`, '20');
      folder.put(`${pstate}/no_turbo`, '0');
      const { actuator, finding } = await findCpufreq(folder.machine, changes);
      assert.match(finding.text, /max_perf_pct/);
      assert.ok(actuator);
      const offered = await names(actuator);
      assert.equal(offered[0], 'CPU 3.72 GHz', 'never above what was found');
      assert.ok(Number(/[\d.]+/.exec(offered.at(-1) ?? '')?.[0]) >= 0.8);
      await actuator.apply(offered[4] ?? '');
      assert.equal((await actuator.readBack())?.name, offered[4]);
      assert.equal(limit(0), '4000000', 'the policies stay as they are');
      await changes.restore();
      assert.equal(folder.get(`${pstate}/max_perf_pct`), '93');
    });

    it('are missing in a virtual machine and denied without permission', async () => {
      assert.equal((await findCpufreq(folder.machine, changes)).finding.level, 'missing');
      policy(0, { table: '600000 1800000', maxKhz: 1_800_000 });
      const { actuator, finding } = await findCpufreq(denied(), changes);
      assert.deepEqual([actuator, finding.level], [null, 'denied']);
      assert.match(finding.text, /policy0\/scaling_max_freq.*recipe/);
    });
  });

  describe('limits of NVIDIA cards', () => {
    /** A tool that keeps limits in files, as the driver does. */
    function putTool(cards: readonly string[], refusal = ''): void {
      const lines = cards.map((card, at) => {
        const [, , limit = ''] = card.split(', ');
        folder.put(`/limit-${at}`, limit);
        return `uuid=${card.split(', ')[0]}; file=${folder.root}/limit-${at}; line='${card}'; show`;
      });
      folder.putProgram(
        'nvidia-smi',
        `#!/bin/sh
case "$*" in
*-pl*)
  ${refusal}
  case "$2" in
  ${cards.map((card, at) => `${card.split(', ')[0]}) echo "$4" > ${folder.root}/limit-${at} ;;`).join('\n')}
  esac
  echo "Power limit for GPU was set to $4 W"; exit 0 ;;
esac
show() {
  limit=$(cat $file)
  echo "$line" | sed "s/, LIMIT_IN_FORCE,/, $limit,/g; s/ENFORCED/$limit/"
}
${lines.join('\n').replaceAll(/(line='[^,]*, [^,]*), [^,]*,/g, '$1, LIMIT_IN_FORCE,')}
`,
      );
    }
    const one = 'GPU-1, NVIDIA T400, 70.00, 20.00, 75.00, ENFORCED';

    it('are set between the least and what was found, read back as enforced, and restored', async () => {
      putTool([one]);
      const { actuator, finding } = await findNvidiaSmi(folder.machine, changes, { isRoot: true });
      assert.deepEqual([finding.level, finding.text.includes('NVIDIA T400 70 W (20 W to 75 W)')], ['usable', true]);
      assert.ok(actuator);
      const offered = await names(actuator);
      assert.deepEqual([offered[0], offered.at(-1)], ['70 W', '20 W']);
      const name = offered[10] ?? '';
      assert.equal((await actuator.apply(name)).inForce?.name, name);
      assert.equal(`${folder.get('/limit-0')} W`, name);
      await changes.restore();
      assert.equal(folder.get('/limit-0'), '70');
    });

    it('are shared by the ranges of two cards', async () => {
      putTool([one, 'GPU-2, NVIDIA A2, 60.00, 40.00, 60.00, ENFORCED']);
      const actuator = found(await findNvidiaSmi(folder.machine, changes, { isRoot: true }));
      const least = (await names(actuator)).at(-1) ?? '';
      assert.equal(least, '60 W');
      await actuator.apply(least);
      assert.deepEqual([folder.get('/limit-0'), folder.get('/limit-1')], ['20', '40']);
    });

    it('say when a card does not hold what it took', async () => {
      putTool(['GPU-1, NVIDIA T400, 70.00, 20.00, 75.00, 70.00']);
      const actuator = found(await findNvidiaSmi(folder.machine, changes, { isRoot: true }));
      await assert.rejects(
        actuator.apply('20 W'),
        failsWith('CAP_NOT_ENFORCEABLE', /took a limit of 20 W but holds 70 W/),
      );
    });

    it('of this machine are never reached from a folder that stands for another', async () => {
      const ours: Machine['programs']['run'] = () =>
        Promise.resolve({ exitCode: 0, text: one.replace('ENFORCED', '70'), timedOut: false, missing: false });
      const machine = { ...folder.machine, programs: { ...folder.machine.programs, run: ours } };
      assert.equal((await findNvidiaSmi(machine, changes, { isRoot: true })).finding.level, 'missing');
    });

    it('are denied to others than root, by the tool too', async () => {
      putTool([one], 'echo "Changing power management limit: Insufficient Permissions"; exit 4');
      const { actuator, finding } = await findNvidiaSmi(folder.machine, changes, { isRoot: false });
      assert.deepEqual([actuator, finding.level], [null, 'denied']);
      const asRoot = found(await findNvidiaSmi(folder.machine, changes, { isRoot: true }));
      await assert.rejects(asRoot.apply('20 W'), failsWith('POWER_DENIED', /Only root/));
    });

    it('are missing where the driver says [N/A], the tool fails, or there is none', async () => {
      folder.putProgram('nvidia-smi', '#!/bin/sh\necho "GPU-1, NVIDIA GeForce MX450, [N/A], [N/A], [N/A], [N/A]"\n');
      const fixed = await findNvidiaSmi(folder.machine, changes, { isRoot: true });
      assert.deepEqual([fixed.actuator, fixed.finding.level], [null, 'missing']);
      assert.match(fixed.finding.text, /MX450.*\[N\/A\]/);
      folder.putProgram('nvidia-smi', '#!/bin/sh\necho "couldn\'t communicate with the NVIDIA driver" >&2\nexit 9\n');
      assert.match((await findNvidiaSmi(folder.machine, changes)).finding.text, /communicate with the NVIDIA driver/);
      assert.match((await findNvidiaSmi(withoutPrograms(), changes)).finding.text, /no nvidia-smi/);
    });
  });

  describe('together', () => {
    it('are looked for all at once; nothing is changed', async () => {
      const { actuators, findings } = await findHostActuators(withoutPrograms(), open(true), { isRoot: false });
      assert.deepEqual(actuators, []);
      assert.deepEqual(
        findings.map(({ name, level }) => `${name} ${level}`),
        ['rapl missing', 'cpufreq missing', 'nvidia-smi missing'],
      );
    });

    it('in watts are whole, few, and none where there is nothing between', () => {
      assert.deepEqual(powerSteps(7, 10.9), [10, 9, 8, 7]);
      assert.deepEqual(powerSteps(7.2, 7.9), []);
      assert.deepEqual(powerSteps(0, 10), []);
      assert.deepEqual(powerSteps(20, 10), []);
      assert.ok(powerSteps(100, 700).length <= 40);
    });
  });
});
