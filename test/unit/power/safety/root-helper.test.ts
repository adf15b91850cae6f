import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../../../src/power/clock';
import { MachineFileError } from '../../../../src/power/machine/files';
import type { Machine } from '../../../../src/power/machine/machine';
import { fileSetting } from '../../../../src/power/safety/file-setting';
import { openMachineChanges } from '../../../../src/power/safety/machine-changes';
import { RootHelperClient } from '../../../../src/power/safety/root-helper-client';
import { machineWithRootHelper, settingByRootHelper } from '../../../../src/power/safety/root-helper-machine';
import { isEcomapError } from '../../../../src/signals/errors';
import { FolderMachine } from './folder-machine';

const script = join(import.meta.dirname, '../../../../recipe/root-helper/ecomap-power-helper.mjs');
const holderScript = join(import.meta.dirname, 'root-helper-holder.ts');
const gpu = '/sys/class/devfreq/17000000.gv11b/max_freq';
const cpu = '/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq';
const rapl = '/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw';

const failsWith =
  (code: string, text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === code && text.test(error.message);

describe('the root helper', () => {
  let folder: FolderMachine;
  let socket: string;
  let clients: RootHelperClient[];
  let children: ChildProcess[];

  beforeEach(() => {
    folder = new FolderMachine({
      [gpu]: '1377000000',
      [gpu.replace('max_freq', 'available_frequencies')]: '114750000 675750000 905250000 1377000000',
      [cpu]: '2265600',
      [cpu.replace('scaling_max_freq', 'cpuinfo_min_freq')]: '115200',
      [cpu.replace('scaling_max_freq', 'cpuinfo_max_freq')]: '2265600',
      [rapl]: '28000000',
      [rapl.replace('power_limit', 'max_power')]: '28000000',
      '/sys/class/devfreq/17000000.gv11b/governor': 'nvhost_podgov',
      '/etc/nvpmodel.conf':
        '< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=MODE_15W >\n< POWER_MODEL ID=3 NAME=MODE_30W >',
      '/mode': '0',
    });
    socket = join(folder.folder, 'helper.sock');
    folder.putProgram(
      'nvpmodel',
      `#!/bin/sh
case "$1" in
-q) printf 'NVPM WARN: fan mode is not set!\\nNV Power Mode: SOME\\n%s\\n' "$(cat ${folder.root}/mode)" ;;
-m) echo "$2" > ${folder.root}/mode ;;
*) echo "unexpected $*" >> ${folder.root}/mode ;;
esac
`,
    );
    folder.putProgram('sudo', '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n');
    configure({ allow: ['gpu-clock', 'cpu-clock', 'rapl'], nvpmodelModes: [2, 3] });
    clients = [];
    children = [];
  });
  afterEach(async () => {
    for (const client of clients) await client.close();
    for (const child of children) child.kill('SIGKILL');
    folder.remove();
  });

  function configure(content: object): void {
    writeFileSync(join(folder.folder, 'config.json'), JSON.stringify(content));
  }
  const helperArgs = (ttlS: number): string[] => [
    script,
    ...['--root', folder.root, '--socket', socket, '--config', join(folder.folder, 'config.json')],
    ...['--state', join(folder.folder, 'run/state.json'), '--ttl-s', String(ttlS)],
    ...['--nvpmodel', join(folder.root, 'bin/nvpmodel')],
  ];
  async function start(ttlS = 30): Promise<ChildProcess> {
    const child = spawn(process.execPath, helperArgs(ttlS), { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }
  function client(owner = 'test'): RootHelperClient {
    const made = new RootHelperClient(owner, socket);
    clients.push(made);
    return made;
  }
  async function until(done: () => boolean): Promise<void> {
    while (!done()) await setTimeout(20);
  }

  it('sets what is on its list, says what was there and what is there now, and takes it back at the end', async () => {
    await start();
    const holder = client();
    const { before, inForce } = await holder.set(`file:${gpu}`, '905250000');
    assert.deepEqual([before, inForce], ['1377000000', '905250000']);
    await holder.set(`file:${cpu}`, '1190400');
    await holder.set(`file:${rapl}`, '15000000');
    await holder.set('nvpmodel', '2');
    assert.equal(folder.get('/mode'), '2');
    await holder.close();
    assert.deepEqual([folder.get(gpu), folder.get(cpu), folder.get(rapl)], ['1377000000', '2265600', '28000000']);
    assert.equal(folder.get('/mode'), '0');
    assert.equal(existsSync(join(folder.folder, 'run/state.json')), false);
  });

  it('restores after the lease when its holder was killed', async () => {
    await start(1);
    const args = ['--import', 'tsx', holderScript, socket, `file:${gpu}`, '905250000'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    await setTimeout(1500);
    assert.equal(folder.get(gpu), '905250000', 'signs of life keep it for longer than a lease');
    await assert.rejects(
      client().set(`file:${gpu}`, '675750000'),
      failsWith('CAP_NOT_ENFORCEABLE', /works for the other process/),
    );
    child.kill('SIGKILL');
    await until(() => folder.get(gpu) === '1377000000');
    assert.equal((await client().set(`file:${gpu}`, '675750000')).inForce, '675750000', 'the next one may');
  });

  it('restores what it had set when it was killed itself, as the service does after its end', async () => {
    const helper = await start();
    await client().set(`file:${gpu}`, '905250000');
    helper.kill('SIGKILL');
    await once(helper, 'exit');
    assert.equal(folder.get(gpu), '905250000');
    const restoring = spawn(process.execPath, [...helperArgs(30), '--restore'], { stdio: 'ignore' });
    assert.deepEqual(await once(restoring, 'exit'), [0, null]);
    assert.equal(folder.get(gpu), '1377000000');
  });

  it('restores when it is stopped, and leaves what somebody else has set meanwhile', async () => {
    const helper = await start();
    const holder = client();
    await holder.set(`file:${gpu}`, '905250000');
    await holder.set(`file:${cpu}`, '1190400');
    folder.put(cpu, '1500000');
    helper.kill('SIGTERM');
    await once(helper, 'exit');
    assert.deepEqual([folder.get(gpu), folder.get(cpu)], ['1377000000', '1500000']);
  });

  it('takes back what it had set also after a write that failed', async () => {
    const helper = await start();
    const holder = client();
    await holder.set('nvpmodel', '2');
    folder.putProgram(
      'nvpmodel',
      `#!/bin/sh
case "$1" in
-q) if [ -e ${folder.root}/broken ]; then exit 1; fi; printf 'NV Power Mode: SOME\\n%s\\n' "$(cat ${folder.root}/mode)" ;;
-m) if [ "$2" = 3 ]; then touch ${folder.root}/broken; else echo "$2" > ${folder.root}/mode; fi ;;
esac
`,
    );
    await setTimeout(5_100); // two changes of the mode keep their distance
    await assert.rejects(holder.set('nvpmodel', '3'), failsWith('CAP_NOT_ENFORCEABLE', /does not tell the mode/));
    rmSync(join(folder.root, 'broken'));
    helper.kill('SIGTERM');
    await once(helper, 'exit');
    assert.equal(folder.get('/mode'), '0');
  });

  it('cuts off who floods it, and goes on serving others', async () => {
    await start();
    const holder = client();
    await holder.set(`file:${gpu}`, '905250000');
    const flood = connect(socket);
    flood.on('error', () => undefined);
    flood.resume();
    await once(flood, 'connect');
    const closed = new Promise((resolve) => flood.once('close', resolve));
    flood.write('{"op":"may","key":"nvpmodel","value":"2"}\n'.repeat(5_000));
    await closed;
    assert.equal((await holder.set(`file:${gpu}`, '1377000000')).inForce, '1377000000');
  });

  for (const [what, key, value, code] of [
    ['a file that is not on the list', 'file:/sys/class/devfreq/17000000.gv11b/governor', 'x', 'POWER_DENIED'],
    ['a way out of /sys', `file:/sys/class/devfreq/../../../etc/x.gpu/max_freq`, '1', 'POWER_DENIED'],
    ['a file elsewhere', 'file:/etc/passwd', 'x', 'POWER_DENIED'],
    ['another kind of thing', 'shell:reboot', '1', 'POWER_DENIED'],
    ['a card where cards are not allowed', 'nvidia-smi:GPU-1', '50', 'POWER_DENIED'],
    ['a mode that is not on the list', 'nvpmodel', '7', 'POWER_DENIED'],
    ['an option in place of a mode', 'nvpmodel', '2 --force', 'POWER_DENIED'],
    ['a clock that is not in the live table', `file:${gpu}`, '905250001', 'CAP_NOT_ENFORCEABLE'],
    ['a clock above the most', `file:${cpu}`, '9000000', 'CAP_NOT_ENFORCEABLE'],
    ['a power so low that the machine would stand still', `file:${rapl}`, '1000000', 'CAP_NOT_ENFORCEABLE'],
    ['a power above the rating', `file:${rapl}`, '99000000', 'CAP_NOT_ENFORCEABLE'],
    ['a value that is no number', `file:${rapl}`, '1e7', 'CAP_NOT_ENFORCEABLE'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await start();
      const files = [gpu, cpu, rapl, '/mode'];
      const before = files.map((path) => folder.get(path));
      await assert.rejects(client().set(key, value), failsWith(code, /The root helper says/));
      assert.deepEqual(
        files.map((path) => folder.get(path)),
        before,
      );
    });
  }

  it('does not follow a link that leads out of /sys', async () => {
    await start();
    folder.put('/etc/precious/max_freq', '1');
    folder.put('/etc/precious/available_frequencies', '1 2');
    symlinkSync(join(folder.root, 'etc/precious'), join(folder.root, 'sys/class/devfreq/1.gpu'));
    await assert.rejects(
      client().set('file:/sys/class/devfreq/1.gpu/max_freq', '2'),
      failsWith('POWER_DENIED', /out of/),
    );
    assert.equal(folder.get('/etc/precious/max_freq'), '1');
  });

  it('answers malformed requests and lives on; an endless line ends the connection', async () => {
    await start();
    const raw = connect(socket);
    await once(raw, 'connect');
    let said = '';
    raw.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const lines = [
      'not json',
      '[]',
      '{}',
      'null',
      '{"id":7,"op":"fly"}',
      '{"id":8,"op":"set","key":"nvpmodel"}',
      '{"op":3}',
    ];
    raw.write(lines.map((line) => `${line}\n`).join(''));
    await until(() => said.trim().split('\n').length === lines.length);
    const codes = said
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { ok: boolean; code: string }).code);
    assert.deepEqual(codes, ['malformed', 'malformed', 'malformed', 'malformed', 'no-lease', 'no-lease', 'malformed']);
    raw.on('error', () => undefined);
    raw.write('x'.repeat(10_000));
    await once(raw, 'close');
    assert.equal((await client().set(`file:${gpu}`, '905250000')).inForce, '905250000');
  });

  it('does not start with a configuration that it does not understand', async () => {
    configure({ allow: ['everything'] });
    const child = spawn(process.execPath, helperArgs(30), { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number];
    assert.notEqual(code, 0);
    assert.match(said, /"allow" takes gpu-clock/);
  });

  it('that is not there is said with what to look at', async () => {
    await assert.rejects(client().set('nvpmodel', '2'), failsWith('CAP_NOT_ENFORCEABLE', /systemctl status/));
    assert.equal(await client().may('nvpmodel'), false);
  });

  describe('behind a machine', () => {
    /** As a user without rights sees the machine. */
    const unprivileged = (): Machine => ({
      ...folder.machine,
      files: {
        ...folder.machine.files,
        isWritable: () => Promise.resolve(false),
        write: (path) => Promise.reject(new MachineFileError(path, 'denied', new Error('EACCES'))),
      },
    });

    it('writes what this process may not, and changes are recorded and restored as ever', async () => {
      await start();
      const machine = machineWithRootHelper(unprivileged(), client());
      assert.equal(await machine.files.isWritable(gpu), true);
      assert.equal(await machine.files.isWritable('/sys/class/devfreq/17000000.gv11b/governor'), false);
      const { stateDirectory } = folder;
      const changes = openMachineChanges({ machine, stateDirectory, dryRun: false, clock: systemClock, owner: 'test' });
      assert.equal((await changes.set(fileSetting(machine, gpu), '905250000')).inForce, '905250000');
      assert.deepEqual((await changes.restore()).restored, [`file:${gpu}`]);
      assert.equal(folder.get(gpu), '1377000000');
      const governor = fileSetting(machine, '/sys/class/devfreq/17000000.gv11b/governor');
      await assert.rejects(changes.set(governor, 'performance'), failsWith('POWER_DENIED', /recipe/));
    });

    it('changes the power mode for the program that may not', async () => {
      await start();
      const machine = machineWithRootHelper(unprivileged(), client());
      assert.equal(await machine.programs.runsAsRoot?.('nvpmodel'), true);
      assert.equal(await machine.programs.runsAsRoot?.('nvidia-smi'), false);
      const done = await machine.programs.run('nvpmodel', ['-m', '2'], { timeoutMs: 1000 });
      assert.deepEqual([done.exitCode, folder.get('/mode')], [0, '2']);
      const bySudo = (...args: string[]): Promise<number | null> =>
        machine.programs.run('sudo', ['-n', ...args], { timeoutMs: 1000 }).then(({ exitCode }) => exitCode);
      assert.equal(await bySudo('-l', '/usr/sbin/nvpmodel', '-m', '2'), 0, 'it stands in for sudo');
      assert.equal(await bySudo('-l', '/usr/sbin/nvpmodel', '-m', '0'), 0, 'the way back is permitted');
      assert.notEqual(await bySudo('-l', '/usr/sbin/nvpmodel', '-m', '7'), 0);
      assert.equal(folder.get('/mode'), '2', 'asking changes nothing');
      assert.equal(await bySudo('/usr/sbin/nvpmodel', '-m', '0'), 0);
      assert.equal(folder.get('/mode'), '0');
      const asked = await machine.programs.run('nvpmodel', ['-q'], { timeoutMs: 1000 });
      assert.match(asked.text, /\n0$/m, 'questions are asked directly');
    });

    it('serves a single setting too', async () => {
      await start();
      const setting = settingByRootHelper(fileSetting(unprivileged(), gpu), client());
      await setting.write('675750000');
      assert.equal(await setting.read(), '675750000');
    });
  });

  it('depends on nothing but Node.js', () => {
    const files = ['ecomap-power-helper.mjs', 'lease.mjs', 'settings.mjs'];
    for (const file of files) {
      const text = readFileSync(join(script, '..', file), 'utf8');
      for (const [, name = ''] of text.matchAll(/from '([^']+)'/g))
        assert.match(name, /^(node:|\.\/)/, 'no dependencies');
    }
  });
});
