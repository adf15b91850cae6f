import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { MessageEncoder } from '../../../../src/inference/channel/messages';
import { channelDescriptor } from '../../../../src/inference/host/protocol';
import { HostProcess } from '../../../../src/inference/hosting/host-process';
import { defaultHostEntry } from '../../../../src/inference/hosting/host-entry';
import { TaskHost } from '../../../../src/inference/hosting/task-host';
import { canPin, launchHost } from '../../../../src/inference/hosting/launching/host-launch';
import { openSlotDirectory, type SlotDirectory } from '../../../../src/inference/shared-memory/slot-directory';
import { doublingModel, pairModel, slowModel, writeModel } from '../../../support/onnx-builder';
import { codeOf, component, isRunning, runOne, temporaryDirectory, TestDevice, until } from '../support';

describe('inference host', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let slots: SlotDirectory;
  let host: HostProcess;
  let device: TestDevice;

  const open = (more: { leastHangMs?: number; restart?: boolean; standby?: boolean } = {}) => {
    device = new TestDevice();
    host = new HostProcess({ component: component(0), slots, device, ...more });
    return host.start();
  };
  const modelFile = async (name: string, model: Buffer) => {
    const { path, sha256 } = await writeModel(models.path, name, model);
    return { key: name, path, sha256 };
  };
  const vector = (...numbers: number[]) => ({
    x: { type: 'float32' as const, dims: [1, numbers.length], data: Float32Array.from(numbers) },
  });
  const kill = (signal: NodeJS.Signals) => {
    assert.ok(host.pid !== null);
    process.kill(host.pid, signal);
    return host.pid;
  };

  before(async () => {
    models = await temporaryDirectory();
  });
  after(() => models.remove());
  beforeEach(async () => {
    slots = await openSlotDirectory();
  });
  afterEach(async () => {
    await host.close();
    await slots.remove();
  });

  it('is under the cap from when it serves, a standby that loads is not; the next process is from its start', async () => {
    await open({ standby: true });
    await host.load(await modelFile('double.onnx', doublingModel([1, 3])));
    assert.equal(device.registered.length, 0);
    await host.serve();
    await host.serve();
    assert.deepEqual(
      device.registered.map(({ pid }) => pid),
      [host.pid],
    );
    const ready = once(host, 'state').then(() => until(() => host.state === 'ready'));
    kill('SIGKILL');
    await ready;
    assert.deepEqual([device.registered.length, device.gone.length], [2, 1]);
    assert.equal(device.registered[1]?.pid, host.pid);
  });

  it('describes a model, runs it, and counts its CPU time', async () => {
    await open();
    const model = await modelFile('double.onnx', doublingModel([1, 3]));
    const loaded = await host.load(model);
    assert.deepEqual(loaded.signature, {
      inputs: [{ name: 'x', type: 'float32', dims: [1, 3] }],
      outputs: [{ name: 'y', type: 'float32', dims: [1, 3] }],
    });
    assert.equal(loaded.sha256, model.sha256);
    const { outputs, runMs, nonFiniteInput } = await runOne(host, model.key, vector(1, 2, 3));
    assert.deepEqual(outputs, { y: { type: 'float32', dims: [1, 3], data: Float32Array.from([2, 4, 6]) } });
    assert.ok(runMs > 0);
    assert.equal(nonFiniteInput, false);
    assert.ok(host.totalCpuSeconds > 0);
    assert.ok((host.rssBytes ?? 0) > 10_000_000);
  });

  it('passes big tensors through shared memory, bit by bit, and removes the files at the end', async () => {
    await open();
    const size = 300_000;
    const model = await modelFile('wide.onnx', doublingModel([1, size]));
    await host.load(model);
    const data = new Float32Array(size).map((_, index) => Math.sin(index));
    for (const factor of [1, -1]) {
      const x = { type: 'float32' as const, dims: [1, size], data: data.map((value) => factor * value) };
      const { outputs } = await runOne(host, model.key, { x });
      assert.deepEqual(
        outputs['y']?.data,
        x.data.map((value) => 2 * value),
      );
    }
    assert.equal((await readdir(slots.path)).length, 2, 'one request at a time needs one pair of files');
    await host.close();
    await slots.remove();
    await assert.rejects(readdir(slots.path), { code: 'ENOENT' });
  });

  it('keeps integers, several inputs and several outputs apart', async () => {
    await open();
    const whole = await modelFile('whole.onnx', doublingModel([2], 'int64'));
    const pair = await modelFile('pair.onnx', pairModel(2));
    await host.load(whole);
    await host.load(pair);
    const big = { x: { type: 'int64' as const, dims: [2], data: BigInt64Array.from([2n ** 60n, -5n]) } };
    assert.deepEqual((await runOne(host, whole.key, big)).outputs['y']?.data, BigInt64Array.from([2n ** 61n, -10n]));
    const { a, b } = { a: vector(2, 3).x, b: vector(5, 7).x };
    const { outputs } = await runOne(host, pair.key, { a, b });
    assert.deepEqual(outputs['sum']?.data, Float32Array.from([7, 10]));
    assert.deepEqual(outputs['product']?.data, Float32Array.from([10, 21]));
  });

  it('passes NaN and infinity on and says so', async () => {
    await open();
    const model = await modelFile('double.onnx', doublingModel([1, 3]));
    await host.load(model);
    const { outputs, nonFiniteInput } = await runOne(host, model.key, vector(NaN, Infinity, 1));
    assert.deepEqual(outputs['y']?.data, Float32Array.from([NaN, Infinity, 2]));
    assert.equal(nonFiniteInput, true);
    await assert.rejects(runOne(host, model.key, vector(1, -Infinity, 1), true), {
      code: 'INPUT_MISMATCH',
      message: /"x" holds -Infinity at position 1/,
    });
    assert.equal((await runOne(host, model.key, vector(1, 2, 3), true)).nonFiniteInput, false);
  });

  it('says what is wrong with a model file and lives on', async () => {
    await open();
    const whole = doublingModel([1, 3]);
    const good = await modelFile('good.onnx', whole);
    const text = join(models.path, 'text.onnx');
    await writeFile(text, 'this is no model');
    const cut = await writeModel(models.path, 'cut.onnx', whole.subarray(0, whole.length - 20));
    const load = (path: string, sha256: string | null = null) => codeOf(host.load({ key: path, path, sha256 }));
    assert.equal(await load(join(models.path, 'absent.onnx')), 'MODEL_NOT_FOUND');
    assert.equal(await load(models.path), 'MODEL_NOT_FOUND');
    assert.equal(await load(text), 'MODEL_INVALID');
    assert.equal(await load(cut.path), 'MODEL_INVALID');
    assert.equal(await load(good.path, '0'.repeat(64)), 'MODEL_HASH_MISMATCH');
    await host.load(good);
    assert.equal(await codeOf(runOne(host, good.key, vector(1, 2))), 'INPUT_MISMATCH');
    assert.equal((await runOne(host, good.key, vector(1, 2, 3))).outputs['y']?.data[2], 6);
    assert.equal(host.restarts, 0);
  });

  it('loads a model once for all its users and frees it with the last', async () => {
    await open();
    const model = await modelFile('double.onnx', doublingModel([1, 3]));
    await Promise.all([host.load(model), host.load(model)]);
    await host.unload(model.key);
    assert.equal((await runOne(host, model.key, vector(1, 2, 3))).outputs['y']?.data[0], 2);
    await host.unload(model.key);
    assert.equal(await codeOf(runOne(host, model.key, vector(1, 2, 3))), 'INTERNAL_ERROR');
  });

  it('is pinned to its cores where the system can, and keeps secrets out', async function () {
    if (!(await canPin())) {
      console.log('      skipped: no taskset here');
      this.skip();
    }
    process.env['ECOMAP_TEST_SECRET'] = 'do not pass on';
    await open();
    delete process.env['ECOMAP_TEST_SECRET'];
    assert.equal(host.pinned, true);
    assert.match(await readFile(`/proc/${host.pid}/status`, 'utf8'), /Cpus_allowed_list:\t0\n/);
    assert.doesNotMatch(await readFile(`/proc/${host.pid}/environ`, 'utf8'), /ECOMAP_TEST_SECRET/);
  });

  it('runs unpinned, and says so, on cores that this machine does not have', async function () {
    if (!(await canPin())) {
      console.log('      skipped: no taskset here');
      this.skip();
    }
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (text: string) => warnings.push(text) };
    device = new TestDevice();
    host = new HostProcess({ component: component(1000), slots, device, log });
    await host.start();
    assert.equal(host.pinned, false);
    assert.match(warnings.join(), /cannot be pinned to cores 1000/);
  });

  it('is announced to the device and taken back, once per process', async () => {
    await open();
    const [first] = device.registered;
    assert.equal(first?.component, 'cpu0');
    assert.equal(first?.pid, host.pid);
    kill('SIGKILL');
    // A dead process is cut off a moment before its end is reported: the state alone does not say that.
    await until(() => device.gone.length > 0);
    assert.deepEqual(device.gone, [first]);
    await until(() => host.state === 'ready');
    assert.equal(device.registered.length, 2);
    assert.equal(device.registered[1]?.pid, host.pid);
    await host.close();
    assert.deepEqual(device.gone, device.registered);
  });

  it('killed with requests in flight: each ends in HOST_CRASHED, the next is answered, within 3 s', async () => {
    await open();
    const slow = await modelFile('slow.onnx', slowModel(256, 400));
    const quick = await modelFile('double.onnx', doublingModel([1, 3]));
    await host.load(slow);
    await host.load(quick);
    const square = { x: { type: 'float32' as const, dims: [256, 256], data: new Float32Array(65536) } };
    const inFlight = [1, 2, 3].map(() => codeOf(runOne(host, slow.key, square)));
    await until(() => host.inFlight === 3);
    const pid = kill('SIGKILL');
    assert.deepEqual(await Promise.all(inFlight), ['HOST_CRASHED', 'HOST_CRASHED', 'HOST_CRASHED']);
    const killed = performance.now();
    await until(() => host.state === 'ready');
    const { outputs } = await runOne(host, quick.key, vector(1, 2, 3));
    const backAfterMs = performance.now() - killed;
    assert.deepEqual(outputs['y']?.data, Float32Array.from([2, 4, 6]));
    // The promise of the product, with room for a test machine that does other things at the same time.
    assert.ok(backAfterMs < 3000, `back after ${backAfterMs} ms`);
    assert.equal(host.restarts, 1);
    assert.notEqual(host.pid, pid);
  });

  it('one that hangs is killed and replaced', async () => {
    await open({ leastHangMs: 300 });
    const model = await modelFile('double.onnx', doublingModel([1, 3]));
    await host.load(model);
    const pid = kill('SIGSTOP');
    await assert.rejects(runOne(host, model.key, vector(1, 2, 3)), /did not answer for/);
    await until(() => host.state === 'ready');
    assert.equal((await runOne(host, model.key, vector(1, 2, 3))).outputs['y']?.data[0], 2);
    assert.equal(isRunning(pid), false);
    assert.equal(host.restarts, 1);
  });

  it('rests between runs when told to, also after a restart', async () => {
    await open();
    const slow = await modelFile('slow.onnx', slowModel(128, 60));
    await host.load(slow);
    const square = { x: { type: 'float32' as const, dims: [128, 128], data: new Float32Array(16384) } };
    const shareOfTwelve = async () => {
      const started = performance.now();
      let busyMs = 0;
      for (let run = 0; run < 12; run += 1) busyMs += (await runOne(host, slow.key, square)).runMs;
      return busyMs / (performance.now() - started);
    };
    assert.equal(await host.pace(0.2), 0.2);
    assert.ok((await shareOfTwelve()) < 0.3);
    kill('SIGKILL');
    await until(() => host.state === 'restarting');
    await until(() => host.state === 'ready');
    assert.ok((await shareOfTwelve()) < 0.3);
    assert.equal(await host.pace(1), 1);
  });

  it('a model whose file was gone at the restart is reported, the others come back', async () => {
    await open();
    const quick = await modelFile('double.onnx', doublingModel([1, 3]));
    const doomed = await modelFile('doomed.onnx', doublingModel([1, 2]));
    await host.load(doomed);
    await host.load(quick);
    const lost: string[] = [];
    host.on('modelLost', (model, error) => lost.push(`${model.key} ${error.code}`));
    await writeFile(doomed.path, 'overwritten');
    kill('SIGKILL');
    await until(() => host.state === 'restarting');
    await until(() => host.state === 'ready');
    assert.deepEqual(lost, ['doomed.onnx MODEL_HASH_MISMATCH']);
    assert.equal((await runOne(host, quick.key, vector(1, 2, 3))).outputs['y']?.data[0], 2);
  });

  it('close ends the process at once and answers what is under way', async () => {
    await open();
    const slow = await modelFile('slow.onnx', slowModel(256, 400));
    await host.load(slow);
    const square = { x: { type: 'float32' as const, dims: [256, 256], data: new Float32Array(65536) } };
    const underWay = codeOf(runOne(host, slow.key, square));
    await until(() => host.inFlight === 1);
    const { pid } = host;
    await host.close();
    assert.equal(await underWay, 'NODE_CLOSED');
    assert.ok(pid !== null && !isRunning(pid));
    assert.equal(host.state, 'closed');
  });

  it('outlives the signals of a service stop, but not its parent', async () => {
    device = new TestDevice();
    host = new HostProcess({ component: component(0), slots, device });
    const launch = { entry: defaultHostEntry(), component: component(0), slotDirectory: slots.path, pinned: false };
    const child = launchHost(launch);
    const channel = child.stdio[channelDescriptor];
    assert.ok(channel instanceof Socket);
    await once(channel, 'data');
    child.kill('SIGTERM');
    child.kill('SIGINT');
    channel.write(new MessageEncoder().command({ kind: 'pace', id: 1, share: 1 }));
    await once(channel, 'data');
    assert.equal(child.exitCode ?? child.signalCode, null);
    channel.destroy();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('ends, and says why, when something comes through its channel that is no command', async () => {
    device = new TestDevice();
    host = new HostProcess({ component: component(0), slots, device });
    const launch = { entry: defaultHostEntry(), component: component(0), slotDirectory: slots.path, pinned: false };
    const child = launchHost(launch);
    const channel = child.stdio[channelDescriptor];
    assert.ok(channel instanceof Socket);
    await once(channel, 'data');
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (words += text));
    channel.write('load model.onnx');
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.match(words, /What came through the channel is no command: a frame of \d+ bytes/);
  });

  it('is stopped when what it says is no message', async () => {
    device = new TestDevice();
    const script = join(models.path, 'babbling.js');
    await writeFile(script, 'require("node:fs").writeSync(3, "ready when you are"); setInterval(() => 0, 1000);');
    host = new HostProcess({ component: component(0), slots, device, entry: { script, execArgv: [] } });
    await assert.rejects(host.start(), { code: 'HOST_CRASHED', message: /said what is no message \(a frame of \d+/ });
  });

  it('gives up after a few starts of a program that does not come up', async () => {
    device = new TestDevice();
    const script = join(models.path, 'broken.js');
    await writeFile(script, 'process.stderr.write("cannot start"); process.exit(3);');
    host = new HostProcess({ component: component(0), slots, device, entry: { script, execArgv: [] } });
    await assert.rejects(host.start(), { code: 'HOST_CRASHED', message: /exit code 3.*cannot start/ });
  });

  it('gives up in the same way where the system refuses to start a process at all', async () => {
    device = new TestDevice();
    // Longer than the arguments of a program may be: Node.js throws this failure instead of telling it by an event.
    const impossible = { ...component(0), providerOptions: { text: 'x'.repeat(8 * 1024 * 1024) } };
    host = new HostProcess({ component: impossible, slots, device });
    await assert.rejects(host.start(), { code: 'HOST_CRASHED', message: /E2BIG/ });
    assert.equal(host.state, 'down');
  });

  it('goes on when a command cannot be sent at all', async () => {
    const task = new TaskHost({ component: component(0), slots });
    host = task;
    await task.start();
    const dims = [Symbol('no number')] as never;
    await assert.rejects(task.profile({ path: 'model.onnx', sha256: null, dims, effort: 'quick' }), {
      code: 'INTERNAL_ERROR',
    });
    assert.equal(host.inFlight, 0);
    await host.load(await modelFile('after.onnx', doublingModel([1, 1])));
    assert.deepEqual((await runOne(host, 'after.onnx', vector(4))).outputs['y']?.data, Float32Array.from([8]));
  });
});
