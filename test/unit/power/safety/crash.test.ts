import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../../src/power/clock';
import { recordPathOf } from '../../../../src/power/safety/change-record';
import { fileSetting, pathOfKey } from '../../../../src/power/safety/file-setting';
import { openMachineChanges } from '../../../../src/power/safety/machine-changes';
import { localProcesses } from '../../../../src/power/safety/process-identity';
import { restoreAfterCrash, type CrashRestore } from '../../../../src/power/safety/restore-after-crash';
import type { Setting } from '../../../../src/power/safety/setting';
import { isEcomapError } from '../../../../src/signals/errors';
import { fakeProcesses, FolderMachine } from './folder-machine';

const gpu = '/sys/class/devfreq/17000000.gv11b/max_freq';
const script = join(import.meta.dirname, 'holder-process.ts');

describe('a holder of the machine that ends', () => {
  let folder: FolderMachine;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    folder = new FolderMachine({ [gpu]: '1377000000' });
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    folder.remove();
  });

  const settingOfKey = (key: string): Setting | null => {
    const path = pathOfKey(key);
    return path === null ? null : fileSetting(folder.machine, path);
  };
  const restore = (options?: Parameters<typeof restoreAfterCrash>[3]): Promise<CrashRestore> =>
    restoreAfterCrash(folder.stateDirectory, folder.machine, settingOfKey, options);

  /** Resolves when the child has changed the clock. */
  async function holder(
    end: 'stay' | 'throw' | 'exit' | 'exit-while-writing' = 'stay',
    user = folder.stateDirectory,
  ): Promise<ChildProcess> {
    const args = ['--import', 'tsx', script, folder.root, user, gpu, '905250000', end];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    if (end === 'stay') {
      await once(child.stdout, 'data');
      assert.equal(folder.get(gpu), '905250000');
    } else {
      await once(child, 'exit');
    }
    return child;
  }

  const state = (): string[] => readdirSync(join(folder.stateDirectory, 'ecomap'));

  it('is undone by the next start when it was killed', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(folder.get(gpu), '905250000', 'nobody could restore it');
    const { restored, heldBy, warnings } = await restore();
    assert.deepEqual({ restored, heldBy, warnings }, { restored: [`file:${gpu}`], heldBy: null, warnings: [] });
    assert.equal(folder.get(gpu), '1377000000');
    assert.deepEqual(state(), []);
    assert.deepEqual((await restore()).restored, [], 'a second start finds nothing');
  });

  it('is left alone while it lives: no restore, no change by another', async () => {
    await holder();
    const { restored, heldBy } = await restore();
    assert.deepEqual(restored, []);
    assert.match(heldBy ?? '', /the device "other" \(process \d+\)/);
    const second = openMachineChanges({
      machine: folder.machine,
      stateDirectory: folder.stateDirectory,
      dryRun: false,
      clock: systemClock,
      owner: 'second',
    });
    await assert.rejects(
      second.set(fileSetting(folder.machine, gpu), '522750000'),
      (error: unknown) =>
        isEcomapError(error) && error.code === 'CAP_NOT_ENFORCEABLE' && /the device "other"/.test(error.message),
    );
    assert.equal(folder.get(gpu), '905250000');
  });

  it('is undone by a start with another user directory', async () => {
    mkdirSync(join(folder.root, 'run/lock'), { recursive: true });
    const child = await holder('stay', join(folder.folder, 'another-user'));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.deepEqual((await restore()).restored, [`file:${gpu}`]);
    assert.equal(folder.get(gpu), '1377000000');
  });

  for (const end of ['throw', 'exit'] as const) {
    it(`restores by itself on ${end === 'throw' ? 'an error that nobody catches' : 'process.exit'}`, async () => {
      await holder(end);
      assert.equal(folder.get(gpu), '1377000000');
      assert.deepEqual(state(), []);
    });
  }

  it('restores by itself on SIGTERM, and still ends by it', async () => {
    const child = await holder();
    child.kill('SIGTERM');
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.deepEqual([code, signal], [null, 'SIGTERM']);
    assert.equal(folder.get(gpu), '1377000000');
    assert.deepEqual(state(), []);
  });

  describe('as its record tells', () => {
    const dead = { pid: 4_000_000, startTicks: 77, bootId: 'boot-1' };

    function record(settings: readonly object[], process: object = dead): void {
      mkdirSync(join(folder.stateDirectory, 'ecomap'), { recursive: true });
      writeFileSync(
        recordPathOf(folder.stateDirectory, folder.root),
        JSON.stringify({ version: 1, process, instance: 'i', owner: 'an earlier run', settings }),
      );
    }

    it('was before a reboot: clocks are forgotten, the nvpmodel mode is restored', async () => {
      record([
        { key: 'nvpmodel', before: 'MAXN', ours: ['MODE_15W'] },
        { key: `file:${gpu}`, before: '1', ours: ['1377000000'] },
      ]);
      let mode = 'MODE_15W';
      const outcome = await restoreAfterCrash(
        folder.stateDirectory,
        folder.machine,
        (key) =>
          key === 'nvpmodel'
            ? {
                key,
                read: () => Promise.resolve(mode),
                write: (value) => {
                  mode = value;
                  return Promise.resolve();
                },
              }
            : settingOfKey(key),
        { processes: fakeProcesses({ pid: 5, startTicks: 1, bootId: 'boot-2' }) },
      );
      assert.deepEqual(outcome.restored, ['nvpmodel']);
      assert.deepEqual(outcome.forgotten, [`file:${gpu}`]);
      assert.equal(mode, 'MAXN');
      assert.equal(folder.get(gpu), '1377000000');
      assert.deepEqual(state(), []);
    });

    it('was changed by somebody else meanwhile: left', async () => {
      record([{ key: `file:${gpu}`, before: '1', ours: ['2'] }]);
      assert.deepEqual((await restore({ processes: fakeProcesses(dead) })).leftToOthers, [`file:${gpu}`]);
      assert.equal(folder.get(gpu), '1377000000');
    });

    it('holds a setting that this version does not know: said, kept', async () => {
      record([{ key: 'fan:0', before: '1', ours: ['2'] }]);
      const { failed } = await restore({ processes: fakeProcesses({ ...dead, pid: 5 }) });
      assert.deepEqual(failed, [{ key: 'fan:0', problem: 'this version does not know how to set it' }]);
      assert.match(readFileSync(recordPathOf(folder.stateDirectory, folder.root), 'utf8'), /fan:0/);
    });

    it('is a process number that another process has now: dead', async () => {
      const self = localProcesses.self();
      record([{ key: `file:${gpu}`, before: '1', ours: ['1377000000'] }], { ...self, pid: process.ppid });
      assert.deepEqual((await restore()).restored, [`file:${gpu}`]);
      assert.equal(folder.get(gpu), '1');
    });

    for (const [what, text] of Object.entries({
      'is cut off': '{"version":1,"settings":[',
      'is empty': '',
      'is of a newer version': '{"version":2,"settings":{}}',
      'has no settings': '{"version":1}',
    })) {
      it(`${what}: said and kept aside`, async () => {
        record([]);
        writeFileSync(recordPathOf(folder.stateDirectory, folder.root), text);
        const { warnings, restored } = await restore();
        assert.deepEqual(restored, []);
        assert.match(warnings.join(), /cannot be used.*kept as/);
        assert.equal(state().filter((name) => name.includes('.unusable-')).length, 1);
        assert.deepEqual((await restore()).warnings, [], 'said once');
      });
    }
  });

  describe('whose record somebody else could have written', () => {
    const recordPath = (): string => recordPathOf(folder.stateDirectory, folder.root);
    /** As a killed holder leaves it. */
    const plant = (path = recordPath()): void => {
      mkdirSync(join(folder.stateDirectory, 'ecomap'), { recursive: true });
      const dead = { pid: 4_000_000, startTicks: 1, bootId: localProcesses.self().bootId };
      const settings = [{ key: `file:${gpu}`, before: '114750000', ours: ['1377000000'] }];
      writeFileSync(path, JSON.stringify({ version: 1, process: dead, instance: 'x', owner: 'x', settings }));
    };

    it('is not believed when everybody may write it', async () => {
      plant();
      chmodSync(recordPath(), 0o666);
      const { restored, warnings } = await restore();
      assert.deepEqual(restored, []);
      assert.match(warnings.join(), /everybody may write it.*kept as/);
      assert.equal(folder.get(gpu), '1377000000');
    });

    it('is not believed when it belongs to another user', async function () {
      if (process.getuid?.() !== 0) this.skip();
      plant();
      chownSync(recordPath(), 12_345, 12_345);
      assert.match((await restore()).warnings.join(), /another user/);
      assert.equal(folder.get(gpu), '1377000000');
    });

    it('is not believed behind a link', async () => {
      const elsewhere = join(folder.folder, 'elsewhere.json');
      plant(elsewhere);
      symlinkSync(elsewhere, recordPath());
      assert.match((await restore()).warnings.join(), /symbolic link/);
      assert.equal(folder.get(gpu), '1377000000');
    });

    it('is believed when it is our own', async () => {
      plant();
      assert.deepEqual((await restore()).restored, [`file:${gpu}`]);
      assert.equal(folder.get(gpu), '114750000');
    });
  });

  it('is not waited for behind a pipe or a link in the place of the lock', async () => {
    const lock = join(folder.root, 'run/lock/ecomap-power.lock');
    mkdirSync(join(folder.root, 'run/lock'), { recursive: true });
    const plants = [
      (): unknown => execFileSync('mkfifo', [lock]),
      (): unknown => symlinkSync('/dev/zero', lock),
      (): unknown => symlinkSync(join(folder.folder, 'nowhere'), lock),
    ];
    for (const plant of plants) {
      plant();
      const changes = openMachineChanges({
        machine: folder.machine,
        stateDirectory: folder.stateDirectory,
        dryRun: false,
        clock: systemClock,
        owner: 'first',
      });
      await changes.set(fileSetting(folder.machine, gpu), '905250000');
      await changes.restore();
      assert.equal(folder.get(gpu), '1377000000');
    }
  });

  it('keeps on record what it was just writing: that write may still reach the machine', async () => {
    const child = await holder('exit-while-writing');
    assert.equal(child.exitCode, 0);
    assert.equal(folder.get(gpu), '1377000000', 'set back at the exit');
    assert.equal(state().filter((name) => name.endsWith('.json')).length, 1);
    // As if the write had come after it.
    folder.put(gpu, '905250000');
    assert.deepEqual((await restore()).restored, [`file:${gpu}`]);
    assert.equal(folder.get(gpu), '1377000000');
  });
});
