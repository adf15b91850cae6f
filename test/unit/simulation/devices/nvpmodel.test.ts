import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Trees, type SimulatedMachine } from './trees';

const timeoutMs = 5000;
const run = (machine: SimulatedMachine, ...args: string[]) =>
  machine.machine.programs.run('nvpmodel', args, { timeoutMs });

describe('the nvpmodel of a simulated device', () => {
  const trees = new Trees();
  afterEach(() => {
    trees.remove();
  });

  it('tells the mode, with the fan on JetPack 4 and with a warning on 5', async () => {
    const old = trees.make({ board: 'agx-xavier', jetPack: 4 });
    assert.equal((await run(old, '-q')).text, 'NV Fan Mode:cool\nNV Power Mode: MODE_15W\n2\n');
    const newer = trees.make({ board: 'agx-xavier', jetPack: 5, mode: 'MODE_30W_ALL' });
    assert.equal(
      (await run(newer, '--query')).text,
      'NVPM WARN: fan mode is not set!\nNV Power Mode: MODE_30W_ALL\n3\n',
    );
    const newest = trees.make({ board: 'orin-nx-16gb' });
    assert.equal((await run(newest, '-q')).text, 'NV Power Mode: 40W\n4\n');
  });

  it('tells with --verbose what is asked for and what is', async () => {
    const machine = trees.make({ board: 'agx-xavier', mode: 'MAXN' });
    const { text } = await run(machine, '-q', '--verbose');
    assert.match(text, /NVPM VERB: PM_CONFIG: DEFAULT=MODE_15W_DESKTOP\(7\)\nNVPM VERB: ACTIVE=MAXN\(0\)/);
    assert.match(text, /cpu0\/cpufreq\/scaling_max_freq 2147483647\nNVPM VERB: value = 2265600\n/);
    const listed = (await run(machine, '-p', '--verbose')).text;
    assert.deepEqual(
      [...listed.matchAll(/POWER_MODEL: ID=(\d) NAME=(\S+)/g)].map((match) => `${match[1]} ${match[2]}`),
      machine.tree.release.modes.map(({ id, name }) => `${id} ${name}`),
    );
  });

  it('changes a mode: clocks rounded to steps, cores, caps and the status', async () => {
    const machine = trees.make({ board: 'agx-xavier', jetPack: 4, mode: 'MAXN' });
    const outcome = await run(machine, '-m', '2');
    assert.deepEqual([outcome.exitCode, outcome.text], [0, '']);
    const { files } = machine.machine;
    assert.equal(await files.read('/sys/class/devfreq/17000000.gv11b/max_freq'), '675750000');
    assert.equal(await files.read('/sys/devices/system/cpu/cpu2/cpufreq/scaling_max_freq'), '1190400');
    assert.equal(await files.read('/sys/devices/system/cpu/cpu4/online'), '0');
    assert.equal(await files.read('/sys/kernel/nvpmodel_emc_cap/emc_iso_cap'), '1331200000');
    assert.equal(await files.read('/var/lib/nvpmodel/status'), 'pmode:0002 fmode:fan_mode_cool');
    assert.deepEqual(machine.board.advance(100).clocks, {
      gpuMhz: 675.75,
      tpcs: 4,
      cpuMhz: 1190.4,
      cores: 4,
      emcMhz: 1331.2,
      dlaMhz: 750,
    });
  });

  it('takes the paths of the newer kernel where the plain ones do not exist', async () => {
    const machine = trees.make({ board: 'orin-nano-8gb' });
    assert.equal((await run(machine, '-m', '2')).exitCode, 0);
    assert.equal(
      await machine.machine.files.read('/sys/devices/platform/17000000.gpu/devfreq_dev/max_freq'),
      '1020000000',
    );
  });

  it('asks for a reboot when a mask changes and changes nothing while nobody says yes', async () => {
    const machine = trees.make({ board: 'agx-xavier', mode: 'MODE_30W_ALL' });
    const outcome = await run(machine, '-m', '1');
    assert.equal(outcome.exitCode, 255);
    assert.match(
      outcome.text,
      /Golden image context is already created\n.*Reboot required for changing to this power mode: 1/,
    );
    assert.match(outcome.text, /optMask is 1, no request for power mode/);
    assert.equal(machine.board.reboots, 0);
    assert.match((await run(machine, '-q')).text, /MODE_30W_ALL/);
    assert.equal(machine.board.advance(1).clocks.tpcs, 4);
  });

  it('reboots when somebody says YES, and without asking with --force', () => {
    const machine = trees.make({ board: 'agx-xavier', mode: 'MODE_30W_ALL' });
    const program = join(machine.tree.programFolder, 'nvpmodel');
    assert.match(spawnSync(program, ['-m', '1'], { input: 'YES\n', encoding: 'utf8' }).stderr, /rebooting/);
    assert.deepEqual([machine.board.reboots, machine.board.advance(1).clocks.tpcs], [1, 2]);
    assert.equal(spawnSync(program, ['-m', '0', '--force']).status, 0);
    assert.deepEqual([machine.board.reboots, machine.board.advance(1).clocks.tpcs], [2, 4]);
  });

  it('changes a mask without a reboot as long as nothing has used the GPU', async () => {
    const machine = trees.make({ board: 'agx-xavier', gpuInUse: false });
    assert.equal((await run(machine, '-m', '1')).exitCode, 0);
    assert.deepEqual([machine.board.reboots, machine.board.advance(1).clocks.tpcs], [0, 2]);
  });

  it('lies on demand: no change with exit code 0, a change with 255, a status that is not so, or no answer', async () => {
    const machine = trees.make({ board: 'agx-xavier', mode: 'MAXN' });
    const gpuMhz = (): number => machine.board.advance(1).clocks.gpuMhz;
    machine.board.faults.setNvpmodel('exit-0-without-change');
    assert.deepEqual([(await run(machine, '-m', '2')).exitCode, gpuMhz()], [0, 1377]);
    assert.match((await run(machine, '-q')).text, /MAXN/);
    machine.board.faults.setNvpmodel('status-without-change');
    assert.deepEqual([(await run(machine, '-m', '2')).exitCode, gpuMhz()], [0, 1377]);
    assert.match((await run(machine, '-q')).text, /MODE_15W/);
    machine.board.faults.setNvpmodel('exit-255-after-change');
    assert.deepEqual([(await run(machine, '-m', '3')).exitCode, gpuMhz()], [255, 905.25]);
    machine.board.faults.setNvpmodel('denied');
    assert.deepEqual([(await run(machine, '-m', '0')).exitCode, gpuMhz()], [255, 905.25]);
    machine.board.faults.setNvpmodel('hang');
    assert.equal((await machine.machine.programs.run('nvpmodel', ['-q'], { timeoutMs: 300 })).timedOut, true);
    machine.board.faults.setNvpmodel(null);
    assert.equal((await run(machine, '-m', '0')).exitCode, 0);
  });

  it('says which file it could not write', async () => {
    const machine = trees.make({ board: 'agx-xavier', jetPack: 4 });
    machine.board.faults.remove('/sys/kernel/nvpmodel_emc_cap/emc_iso_cap');
    const { exitCode, text } = await run(machine, '-m', '3');
    assert.equal(exitCode, 255);
    assert.match(text, /Error writing 1600000000 to \/sys\/kernel\/nvpmodel_emc_cap\/emc_iso_cap: 2/);
    assert.match(text, /failed to set power mode!/);
  });

  it('refuses an unknown mode, option or file', async () => {
    const machine = trees.make({ board: 'agx-xavier' });
    for (const args of [['-m', '42'], ['--nonsense'], ['-q', '-f', '/etc/other.conf'], ['-m']]) {
      const { exitCode, text } = await run(machine, ...args);
      assert.equal(exitCode, 255, args.join(' '));
      assert.match(text, /^NVPM ERROR/);
    }
  });
});
