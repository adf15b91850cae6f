import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { HostProcess, type HostProcessOptions } from '../../../../../src/inference/hosting/host-process';
import { LauncherProcess } from '../../../../../src/inference/hosting/launching/launcher-process';
import { openSlotDirectory, type SlotDirectory } from '../../../../../src/inference/shared-memory/slot-directory';
import { pairModel, slowModel, writeModel } from '../../../../support/onnx-builder';
import { codeOf, component, isRunning, runOne, temporaryDirectory, TestDevice, until } from '../../support';

const parentOf = async (pid: number): Promise<number> =>
  Number(/^PPid:\s*(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe('launcher of hosts', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let slots: SlotDirectory;
  let launcher: LauncherProcess;
  const hosts: HostProcess[] = [];

  const hostOf = (more: Partial<HostProcessOptions> = {}): HostProcess => {
    const host = new HostProcess({ component: component(0), slots, device: new TestDevice(), launcher, ...more });
    hosts.push(host);
    return host;
  };
  const opened = async (more: Partial<HostProcessOptions> = {}): Promise<{ host: HostProcess; pid: number }> => {
    const host = hostOf(more);
    await host.start();
    const { pid } = host;
    assert.ok(pid !== null);
    return { host, pid };
  };
  const launcherPid = (): number => {
    const { pid } = launcher;
    assert.ok(pid !== undefined);
    return pid;
  };
  const script = async (text: string): Promise<HostProcessOptions['entry']> => {
    const path = join(models.path, 'program.js');
    await writeFile(path, text);
    return { script: path, execArgv: [] };
  };

  before(async () => {
    models = await temporaryDirectory();
  });
  after(() => models.remove());
  beforeEach(async () => {
    slots = await openSlotDirectory();
    launcher = new LauncherProcess({ idleMs: 200 });
  });
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
    await launcher.close();
    await slots.remove();
  });

  it('starts hosts that compute as any other, and are not children of this process', async () => {
    const [{ host, pid }, other] = await Promise.all([opened(), opened()]);
    const { path, sha256 } = await writeModel(models.path, 'pair.onnx', pairModel(3));
    await host.load({ key: 'pair', path, sha256 });
    const vector = { type: 'float32' as const, dims: [1, 3], data: Float32Array.from([1, 2, 3]) };
    const { outputs } = await runOne(host, 'pair', { a: vector, b: vector });
    assert.deepEqual(outputs.sum?.data, Float32Array.from([2, 4, 6]));
    if (process.platform === 'linux') {
      assert.deepEqual([await parentOf(pid), await parentOf(other.pid)], [launcherPid(), launcherPid()]);
      assert.equal(await parentOf(launcherPid()), process.pid);
      // Whatever else runs goes first.
      assert.ok(getPriority(pid) > getPriority(process.pid) || getPriority(process.pid) === 19);
    }
  });

  it('is told how a host has ended, and starts the next', async () => {
    const { host, pid } = await opened();
    const restarted = once(host, 'state').then(() => until(() => host.state === 'ready'));
    process.kill(pid, 'SIGKILL');
    await restarted;
    assert.match(host.lastReason, /ended unexpectedly \(signal SIGKILL\)/);
    assert.ok(host.pid !== null && host.pid !== pid);
  });

  it('tells the last words of a program that does not come up', async () => {
    const entry = await script('process.stderr.write("cannot start"); process.exit(3);');
    await assert.rejects(hostOf({ entry, restart: false }).start(), {
      code: 'HOST_CRASHED',
      message: /exit code 3.*cannot start/,
    });
  });

  it('tells why the system refuses to start a process', async () => {
    const impossible = { ...component(0), providerOptions: { text: 'x'.repeat(8 * 1024 * 1024) } };
    const refused = hostOf({ component: impossible, restart: false }).start();
    await assert.rejects(refused, { code: 'HOST_CRASHED', message: /E2BIG/ });
  });

  it('that dies takes its hosts along, says so to who waits, and is replaced', async () => {
    const { host, pid } = await opened({ restart: false });
    const { path, sha256 } = await writeModel(models.path, 'slow.onnx', slowModel(256, 2000));
    await host.load({ key: 'slow', path, sha256 });
    const square = { x: { type: 'float32' as const, dims: [256, 256], data: new Float32Array(65536) } };
    const underWay = codeOf(runOne(host, 'slow', square));
    const first = launcherPid();
    process.kill(first, 'SIGKILL');
    assert.equal(await underWay, 'HOST_CRASHED');
    assert.match(host.lastReason, /ended with the process that had started it/);
    await until(() => !isRunning(pid));
    await opened();
    assert.notEqual(launcherPid(), first);
  });

  it('ends when no host was needed for a while, and comes back for the next', async () => {
    const { host } = await opened();
    const first = launcherPid();
    await host.close();
    await until(() => !isRunning(first));
    assert.equal(launcher.pid, undefined);
    await opened();
    assert.notEqual(launcherPid(), first);
  });

  it('leaves nothing when it is closed, hosts that hang included', async () => {
    const { host, pid } = await opened({ restart: false });
    process.kill(pid, 'SIGSTOP');
    const launcherWas = launcherPid();
    await launcher.close();
    await until(() => !isRunning(pid) && !isRunning(launcherWas));
    assert.equal(host.state, 'closed');
    assert.equal(await codeOf(hostOf({ restart: false }).start()), 'HOST_CRASHED');
  });

  it('loses nothing that a host says while this process has no time to take its channel', async () => {
    const starting = [hostOf({ restart: false }).start(), hostOf({ restart: false }).start()];
    // The hosts come up and say that they are ready meanwhile.
    for (const waitMs of [150, 600, 600]) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const beganMs = performance.now();
    await Promise.all(starting);
    // One whose word was lost would be given up after 30 s.
    assert.ok(performance.now() - beganMs < 15_000);
  });

  it('that hangs is ended with its hosts when one of them should end', async () => {
    launcher = new LauncherProcess({ killLimitMs: 200 });
    const { host, pid } = await opened({ restart: false });
    const hanging = launcherPid();
    process.kill(hanging, 'SIGSTOP');
    await host.close();
    await until(() => !isRunning(pid) && !isRunning(hanging));
  });

  it('starts one host after the other without ending in between, and none that nobody wants any more', async () => {
    const first = hostOf();
    await first.start();
    const same = launcherPid();
    await first.close();
    const second = hostOf({ restart: false });
    const starting = codeOf(second.start());
    await second.close();
    assert.equal(await starting, 'NODE_CLOSED');
    assert.equal(launcherPid(), same);
    assert.equal(second.pid, null);
  });

  it('cannot be started at all: who waits for a host hears of it', async () => {
    const broken = new LauncherProcess({ program: await script('process.stderr.write("no disk"); process.exit(7)') });
    const refused = hostOf({ launcher: broken, restart: false }).start();
    await assert.rejects(refused, { code: 'HOST_CRASHED', message: /that had started it \(exit code 7: no disk\)/ });
    await broken.close();
  });
});
