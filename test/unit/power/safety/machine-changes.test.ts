import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileSetting } from '../../../../src/power/safety/file-setting';
import { openMachineChanges } from '../../../../src/power/safety/machine-changes';
import type { MachineChanges, Setting } from '../../../../src/power/safety/setting';
import { recordPathOf } from '../../../../src/power/safety/change-record';
import { isEcomapError, type ErrorCode } from '../../../../src/signals/errors';
import { MachineFileError } from '../../../../src/power/machine/files';
import { FakeClock, FolderMachine } from './folder-machine';

const gpu = '/sys/class/devfreq/17000000.gv11b/max_freq';
const cpu = '/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq';

const failsWith =
  (code: ErrorCode, text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === code && text.test(error.message);

/** A setting in memory, to misbehave in any way. */
function memorySetting(key: string, value: string, options: Partial<Setting> = {}): Setting & { value: string } {
  const setting: Setting & { value: string } = {
    key,
    value,
    read: () => Promise.resolve(setting.value),
    write: (wanted: string) => {
      setting.value = wanted;
      return Promise.resolve();
    },
    ...options,
  };
  return setting;
}

describe('changes to the machine', () => {
  let folder: FolderMachine;
  let clock: FakeClock;
  let changes: MachineChanges;

  const open = (options: { dryRun?: boolean; owner?: string } = {}): MachineChanges =>
    openMachineChanges({
      machine: folder.machine,
      stateDirectory: folder.stateDirectory,
      dryRun: options.dryRun ?? false,
      clock,
      owner: options.owner ?? 'the device "test"',
    });
  const recordPath = (): string => recordPathOf(folder.stateDirectory, folder.root);
  const later = (ms = 2_000): void => {
    clock.nowMs += ms;
  };

  beforeEach(() => {
    folder = new FolderMachine({ [gpu]: '1377000000', [cpu]: '2265600' });
    clock = new FakeClock();
    changes = open();
  });
  afterEach(async () => {
    await changes.restore();
    folder.remove();
  });

  it('reads back what it has written, and restores what was there', async () => {
    const change = await changes.set(fileSetting(folder.machine, gpu), '905250000');
    assert.deepEqual(change, { key: `file:${gpu}`, from: '1377000000', to: '905250000', inForce: '905250000' });
    assert.equal(folder.get(gpu), '905250000');
    await changes.set(fileSetting(folder.machine, cpu), '1190400');
    assert.deepEqual(await changes.restore(), {
      restored: [`file:${cpu}`, `file:${gpu}`],
      leftToOthers: [],
      failed: [],
    });
    assert.equal(folder.get(gpu), '1377000000');
    assert.equal(folder.get(cpu), '2265600');
    assert.deepEqual(readdirSync(join(folder.stateDirectory, 'ecomap')), [], 'nothing is left behind');
  });

  it('has on disk what was there before the first byte is written', async () => {
    let onDisk: unknown = null;
    const setting = memorySetting('file:/x', '5');
    const write = setting.write;
    setting.write = (value) => {
      onDisk = JSON.parse(readFileSync(recordPath(), 'utf8'));
      return write(value);
    };
    await changes.set(setting, '3');
    const { version, settings, owner } = onDisk as { version: number; settings: unknown; owner: string };
    assert.equal(version, 1);
    assert.equal(owner, 'the device "test"');
    assert.deepEqual(settings, [{ key: 'file:/x', before: '5', ours: ['5', '3'] }]);
  });

  it('changes nothing where what was there cannot be recorded', async () => {
    writeFileSync(join(folder.stateDirectory, 'ecomap'), 'a file where the folder should be');
    await assert.rejects(
      changes.set(fileSetting(folder.machine, gpu), '905250000'),
      failsWith('CAP_NOT_ENFORCEABLE', /ecomap/),
    );
    assert.equal(folder.get(gpu), '1377000000');
  });

  it('only tells in a dry run: no file, no lock, no record', async () => {
    const dry = open({ dryRun: true });
    const change = await dry.set(fileSetting(folder.machine, gpu), '905250000');
    assert.deepEqual(change, { key: `file:${gpu}`, from: '1377000000', to: '905250000', inForce: null });
    assert.equal(folder.get(gpu), '1377000000');
    assert.equal(existsSync(join(folder.stateDirectory, 'ecomap')), false);
  });

  it('leaves at the end what somebody else has set meanwhile', async () => {
    await changes.set(fileSetting(folder.machine, gpu), '905250000');
    await changes.set(fileSetting(folder.machine, cpu), '1190400');
    folder.put(gpu, '675750000');
    assert.deepEqual(await changes.restore(), {
      restored: [`file:${cpu}`],
      leftToOthers: [`file:${gpu}`],
      failed: [],
    });
    assert.equal(folder.get(gpu), '675750000');
  });

  it('restores what somebody else has set between two of our changes, not what we found first', async () => {
    await changes.set(fileSetting(folder.machine, gpu), '905250000');
    folder.put(gpu, '1236750000');
    later();
    await changes.set(fileSetting(folder.machine, gpu), '675750000');
    assert.match(changes.problems[0]?.message ?? '', /Another program has set .*1236750000/);
    await changes.restore();
    assert.equal(folder.get(gpu), '1236750000');
  });

  it('does not fight a program that keeps changing the value, and tries again later', async () => {
    const setting = fileSetting(folder.machine, gpu);
    await changes.set(setting, '905250000');
    for (const value of ['905250000', '675750000']) {
      folder.put(gpu, '1377000000');
      later();
      await changes.set(setting, value);
    }
    folder.put(gpu, '1377000000');
    later();
    await assert.rejects(changes.set(setting, '905250000'), failsWith('CAP_NOT_ENFORCEABLE', /keeps changing/));
    assert.equal(folder.get(gpu), '1377000000');
    later(5 * 60_000);
    assert.equal((await changes.set(setting, '905250000')).inForce, '905250000');
  });

  it('keeps 2 s between raises of a file and lets a lowering through ten times sooner', async () => {
    const setting = fileSetting(folder.machine, gpu);
    await changes.set(setting, '675750000');
    later(100);
    await assert.rejects(changes.set(setting, '522750000'), failsWith('CAP_NOT_ENFORCEABLE', /possible in 0\.1 s/));
    later(100);
    await changes.set(setting, '522750000');
    later(1_900);
    await assert.rejects(changes.set(setting, '675750000'), failsWith('CAP_NOT_ENFORCEABLE', /possible in 0\.1 s/));
    later(100);
    await changes.set(setting, '675750000');
    await changes.restore();
    assert.equal(folder.get(gpu), '1377000000', 'a restore never waits');
  });

  it('keeps a minute between two nvpmodel modes, six seconds where the setting says that it is lower', async () => {
    const power = ['MODE_10W', 'MODE_30W', 'MAXN'];
    const mode = memorySetting('nvpmodel', 'MAXN', {
      lowers: (from, to) => power.indexOf(to) < power.indexOf(from),
    });
    await changes.set(mode, 'MODE_30W');
    later(5_000);
    await assert.rejects(changes.set(mode, 'MODE_10W'), failsWith('CAP_NOT_ENFORCEABLE', /possible in 1\.0 s/));
    later(1_000);
    await changes.set(mode, 'MODE_10W');
    later(59_000);
    await assert.rejects(changes.set(mode, 'MODE_30W'), failsWith('CAP_NOT_ENFORCEABLE', /possible in 1\.0 s/));
    later(1_000);
    await changes.set(mode, 'MODE_30W');
  });

  it('writes nothing where the value is there already', async () => {
    const setting = memorySetting('file:/x', '5');
    setting.write = () => Promise.reject(new Error('must not be written'));
    assert.equal((await changes.set(setting, '5')).inForce, '5');
  });

  it('says that a value did not stick, and sets back what became of it', async () => {
    const locked = memorySetting('file:/locked', '45', { write: () => Promise.resolve() });
    await assert.rejects(changes.set(locked, '20'), failsWith('CAP_NOT_ENFORCEABLE', /wrote 20, read back 45/));
    const clamped = memorySetting('file:/clamped', '45');
    clamped.write = (value) => {
      clamped.value = String(Math.max(30, Number(value)));
      return Promise.resolve();
    };
    await assert.rejects(changes.set(clamped, '20'), failsWith('CAP_NOT_ENFORCEABLE', /read back 30.*set back to 45/));
    assert.equal(clamped.value, '45');
  });

  it('takes what the hardware has rounded where the setting says that it is the same', async () => {
    const rounded = memorySetting('file:/rounded', '45000', {
      same: (wanted, found) => Math.abs(Number(wanted) - Number(found)) <= 125,
    });
    rounded.write = (value) => {
      rounded.value = String(Math.round(Number(value) / 125) * 125);
      return Promise.resolve();
    };
    assert.equal((await changes.set(rounded, '20030')).inForce, '20000');
    await changes.restore();
    assert.equal(rounded.value, '45000');
  });

  it('says what to do about a file that may not be written, and one that is read-only', async () => {
    const refusing = (problem: 'denied' | 'read-only' | 'missing' | 'failed'): Setting =>
      fileSetting(
        {
          ...folder.machine,
          files: {
            ...folder.machine.files,
            write: (path) => Promise.reject(new MachineFileError(path, problem, new Error('refused'))),
          },
        },
        gpu,
      );
    await assert.rejects(changes.set(refusing('denied'), '1'), failsWith('POWER_DENIED', /recipe/));
    later();
    await assert.rejects(changes.set(refusing('read-only'), '1'), failsWith('POWER_DENIED', /container/));
    later();
    await assert.rejects(changes.set(refusing('failed'), '1'), failsWith('CAP_NOT_ENFORCEABLE', /refused/));
    assert.equal(folder.get(gpu), '1377000000');
  });

  it('keeps on record what could not be restored, for the next holder', async () => {
    const setting = memorySetting('nvpmodel', 'MAXN');
    await changes.set(setting, 'MODE_30W');
    const write = setting.write;
    setting.write = () => Promise.reject(new Error('the tool hangs'));
    const { failed } = await changes.restore();
    assert.deepEqual(failed, [{ key: 'nvpmodel', problem: 'the tool hangs' }]);
    assert.match(changes.problems.at(-1)?.message ?? '', /the tool hangs.*stays on record/);
    setting.write = write;
    const next = open();
    await next.set(setting, 'MODE_15W');
    await next.restore();
    assert.equal(setting.value, 'MAXN', 'the next holder restores what was there before the first one');
  });

  it('takes up again what it could not restore itself', async () => {
    const setting = memorySetting('file:/x', '9');
    await changes.set(setting, '5');
    const write = setting.write;
    setting.write = () => Promise.reject(new Error('EIO'));
    assert.equal((await changes.restore()).failed.length, 1);
    setting.write = write;
    later();
    assert.equal((await changes.set(setting, '4')).inForce, '4', 'its own record is no other holder');
    await changes.restore();
    assert.equal(setting.value, '9');
  });

  it('restores also what it became when a value did not stick and could not be set back', async () => {
    const stubborn = memorySetting('file:/stubborn', '45');
    const write = stubborn.write;
    let writes = 0;
    stubborn.write = (value) => {
      writes += 1;
      if (writes === 2) return Promise.reject(new Error('EIO'));
      return write(writes === 1 ? '30' : value);
    };
    await assert.rejects(changes.set(stubborn, '20'), failsWith('CAP_NOT_ENFORCEABLE', /read back 30.*failed: EIO/));
    assert.deepEqual((await changes.restore()).restored, ['file:/stubborn']);
    assert.equal(stubborn.value, '45');
  });

  it('does not take what its own power mode does to the clocks for another program', async () => {
    const clockLimit = memorySetting('file:/clock', '800');
    const clockOfMode: Record<string, string> = { MAXN: '1377', MODE_30W: '900', MODE_15W: '670' };
    const mode = memorySetting('nvpmodel', 'MAXN', { rewritesOthers: true, lowers: () => true });
    mode.write = (name) => {
      mode.value = name;
      clockLimit.value = clockOfMode[name] ?? '';
      return Promise.resolve();
    };
    await changes.set(clockLimit, '522');
    for (const name of ['MODE_30W', 'MODE_15W', 'MODE_30W', 'MODE_15W', 'MODE_30W']) {
      await changes.set(mode, name);
      later(10_000);
      await changes.set(clockLimit, '522');
      later(10_000);
    }
    assert.deepEqual(changes.problems, []);
    await changes.set(mode, 'MODE_15W');
    assert.deepEqual(await changes.restore(), {
      restored: ['nvpmodel', 'file:/clock'],
      leftToOthers: [],
      failed: [],
    });
    assert.deepEqual([mode.value, clockLimit.value], ['MAXN', '800'], 'also the limit that a user had set');
  });

  it('still sees another program beside its own power mode', async () => {
    const clockLimit = memorySetting('file:/clock', '800');
    const mode = memorySetting('nvpmodel', 'MAXN', { rewritesOthers: true });
    await changes.set(clockLimit, '522');
    clockLimit.value = '700';
    await changes.set(mode, 'MODE_30W');
    const { leftToOthers } = await changes.restore();
    assert.deepEqual(leftToOthers, ['file:/clock']);
    assert.equal(clockLimit.value, '700');
  });

  it('does not let two holders of one process set the same machine', async () => {
    await changes.set(fileSetting(folder.machine, gpu), '905250000');
    const other = open({ owner: 'the device "second"' });
    await assert.rejects(
      other.set(fileSetting(folder.machine, gpu), '522750000'),
      failsWith('CAP_NOT_ENFORCEABLE', /held by the device "test" \(process \d+\)/),
    );
    await changes.restore();
    await other.set(fileSetting(folder.machine, gpu), '522750000');
    await other.restore();
    assert.equal(folder.get(gpu), '1377000000');
  });

  it('keeps an unusable or newer record aside and works on', async () => {
    mkdirSync(join(folder.stateDirectory, 'ecomap'));
    for (const text of ['{"version": 1, "settings": [{"key"', JSON.stringify({ version: 9 })]) {
      writeFileSync(recordPath(), text);
      await changes.set(fileSetting(folder.machine, gpu), '905250000');
      assert.match(changes.problems.at(-1)?.message ?? '', /cannot be used.*kept as/);
      await changes.restore();
      later();
    }
    const aside = readdirSync(join(folder.stateDirectory, 'ecomap')).filter((name) => name.includes('.unusable-'));
    assert.equal(aside.length, 2);
  });

  it('meets other user directories in /run/lock of the machine', async () => {
    mkdirSync(join(folder.root, 'run/lock'), { recursive: true });
    await changes.set(fileSetting(folder.machine, gpu), '905250000');
    const elsewhere = openMachineChanges({
      machine: folder.machine,
      stateDirectory: join(folder.folder, 'another-user'),
      dryRun: false,
      clock,
      owner: 'another Node-RED',
    });
    await assert.rejects(
      elsewhere.set(fileSetting(folder.machine, gpu), '522750000'),
      failsWith('CAP_NOT_ENFORCEABLE', /held by the device "test"/),
    );
    await changes.restore();
    assert.deepEqual(readdirSync(join(folder.root, 'run/lock')), []);
  });

  it('hangs on the process only while something is changed', async () => {
    const before = process.listenerCount('exit');
    await changes.set(fileSetting(folder.machine, gpu), '905250000');
    assert.equal(process.listenerCount('exit'), before + 1);
    await changes.set(fileSetting(folder.machine, cpu), '1190400');
    assert.equal(process.listenerCount('exit'), before + 1);
    await changes.restore();
    assert.equal(process.listenerCount('exit'), before);
  });
});
