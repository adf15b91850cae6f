import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { lockDevice } from '../../../../src/mapping/calibration/device-lock';

describe('lock of a device that is calibrated', () => {
  let directory: string;
  /** Some other process that runs. */
  const pid = process.ppid;
  const bootedAt = (): number => Date.now() - uptime() * 1000;
  const left = (lock: object): Promise<void> =>
    writeFile(join(directory, 'lock'), JSON.stringify({ pid, token: 'x', startedAt: Date.now(), ...lock }));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is held by one at a time, and free again', async () => {
    const unlock = await lockDevice(directory);
    assert.ok(unlock);
    assert.equal(await lockDevice(directory), null);
    await unlock();
    assert.ok(await lockDevice(directory));
  });

  it('is free where its holder began before this machine was booted, whoever has its number now', async () => {
    await left({ startedAt: bootedAt() - 60_000 });
    assert.ok(await lockDevice(directory));
  });

  it('is held by a process that runs', async () => {
    await left({ startedAt: bootedAt() + 1000 });
    assert.equal(await lockDevice(directory), null);
  });

  it('is free where the number is now that of a process of another boot, or that began at another time', async function () {
    if (!existsSync('/proc/self/stat')) this.skip();
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    await left({ bootId, startTicks });
    assert.equal(await lockDevice(directory), null, 'that is the process that took it');
    // Also where the clock was set since, as on boards without one of their own.
    await left({ bootId, startTicks, startedAt: 0 });
    assert.equal(await lockDevice(directory), null);
    await left({ bootId, startTicks: startTicks - 1 });
    const unlock = await lockDevice(directory);
    assert.ok(unlock);
    await unlock();
    await left({ bootId: 'another', startTicks });
    assert.ok(await lockDevice(directory));
  });

  it('says which process has it', async () => {
    await lockDevice(directory);
    const lock: unknown = JSON.parse(await readFile(join(directory, 'lock'), 'utf8'));
    assert.ok(typeof lock === 'object' && lock !== null && 'pid' in lock);
    assert.equal(lock.pid, process.pid);
    if (existsSync('/proc/self/stat')) assert.ok('bootId' in lock && 'startTicks' in lock);
  });
});
