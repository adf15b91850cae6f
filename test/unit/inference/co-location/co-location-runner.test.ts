import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { CoLocationRunnerProcess } from '../../../../src/inference/co-location-runner';
import type { NetworkToRun } from '../../../../src/signals/co-location-run';
import type { TestVariant } from '../support';
import { doublingModel, slowModel, writeModel } from '../../../support/onnx-builder';
import { codeOf, temporaryDirectory, TestDevice, component } from '../support';
import { hostEntryWith } from '../hosting/misbehaving-host';

type File = Pick<TestVariant, 'path'> & { readonly sha256: string };

const timing = { warmUpMs: 30, leastMs: 120, enoughAnswers: 5, mostMs: 400 };

describe('co-locations measured in hosts', function () {
  this.timeout(120_000);
  let models: { path: string; remove: () => Promise<void> };
  let slow: File;
  let quick: File;
  let device: TestDevice;
  let runner: CoLocationRunnerProcess;

  const on = (name: string, file: File, places: readonly (readonly [string, number])[], pauseS = 0): NetworkToRun => ({
    name,
    path: file.path,
    sha256: file.sha256,
    dims: null,
    stages: places.map(([at, firstNode]) => ({ component: at, firstNode })),
    pauseS,
  });

  before(async () => {
    models = await temporaryDirectory();
    slow = await writeModel(models.path, 'slow.onnx', slowModel(256, 60));
    quick = await writeModel(models.path, 'quick.onnx', doublingModel([1, 4]));
  });
  after(() => models.remove());
  beforeEach(() => {
    device = new TestDevice([component(0), component(1)]);
    runner = new CoLocationRunnerProcess({ device, timing });
  });
  afterEach(() => runner.close());

  it('makes a network wait for the one before it on the same component, and models what both draw', async () => {
    const alone = await runner.measure([on('quick', quick, [['cpu0', 0]], 0.01)]);
    const together = await runner.measure([on('slow', slow, [['cpu0', 0]]), on('quick', quick, [['cpu0', 0]], 0.01)]);
    const [first, second] = together.networks;
    assert.ok((first?.answers ?? 0) >= 3 && (second?.answers ?? 0) >= 3);
    assert.ok((second?.meanMs ?? 0) > 2 * (alone.networks[0]?.meanMs ?? Infinity), 'it waited');
    assert.ok((second?.pauseS ?? 0) > 0.003 && (second?.pauseS ?? 1) < 0.1);
    assert.deepEqual(together.leftOut, []);
    assert.equal(together.power.source, 'modelled');
    assert.ok((together.power.powerW ?? 0) > 4 && (together.power.powerW ?? 0) <= 24);
    assert.ok(together.durationS >= 0.1);
    assert.deepEqual(
      device.registered.map((target) => target.component),
      ['cpu0'],
      'one host, which stays and which the cap applies to',
    );
  });

  it('lets Node-RED go first on cores that it keeps busy', async () => {
    await runner.measure([on('quick', quick, [['cpu0', 0]])]);
    const [host] = device.registered;
    assert.ok(getPriority(host?.pid) > getPriority(), `${getPriority(host?.pid)} is nicer than ${getPriority()}`);
  });

  it('takes what the meter says', async () => {
    await runner.close();
    runner = new CoLocationRunnerProcess({
      device,
      timing,
      openReader: () => ({ readPower: () => ({ powerW: 7.5, source: 'measured', scope: 'wall' }) }),
    });
    const { power } = await runner.measure([on('quick', quick, [['cpu1', 0]], 0.005)]);
    assert.deepEqual(power, { powerW: 7.5, source: 'measured', scope: 'wall' });
  });

  it('says of modelled power what the law of the device covers', async () => {
    await runner.close();
    const simulated = Object.assign(device, { description: { powerScope: 'wall', simulated: true } as const });
    runner = new CoLocationRunnerProcess({ device: simulated, timing });
    const { power } = await runner.measure([on('quick', quick, [['cpu1', 0]], 0.005)]);
    assert.deepEqual([power.source, power.scope], ['simulated', 'wall']);
  });

  it('leaves no host and no timer behind when it is closed while a host starts', async () => {
    const ticking = new Set<unknown>();
    const { setInterval: set, clearInterval: clear } = globalThis;
    const ended: Promise<void>[] = [];
    const { register } = device;
    device.register = (target) => {
      ended.push(runner.close(), runner.close());
      return register.call(device, target);
    };
    globalThis.setInterval = Object.assign((...args: Parameters<typeof set>) => {
      const timer = set(...args);
      ticking.add(timer);
      return timer;
    }, set);
    globalThis.clearInterval = (timer) => {
      ticking.delete(timer);
      clear(timer);
    };
    try {
      assert.equal(await codeOf(runner.measure([on('quick', quick, [['cpu0', 0]])])), 'NODE_CLOSED');
      assert.equal(ended.length, 2);
      assert.equal(ended[0], ended[1], 'one end, for which everybody waits');
      await Promise.all(ended);
    } finally {
      globalThis.setInterval = set;
      globalThis.clearInterval = clear;
    }
    assert.equal(ticking.size, 0);
    assert.equal(device.gone.length, device.registered.length);
  });

  it('runs a network in stages on two components', async () => {
    const cut = await runner.measure([
      on('cut', slow, [
        ['cpu0', 0],
        ['cpu1', 10],
      ]),
    ]);
    assert.ok((cut.networks[0]?.answers ?? 0) >= 3);
    assert.deepEqual(cut.leftOut, []);
    assert.deepEqual(device.registered.map((target) => target.component).sort(), ['cpu0', 'cpu1']);
  });

  it('leaves out what cannot run, with the reason, and measures the others', async () => {
    const text = await writeModel(models.path, 'text.onnx', Buffer.from('no model'));
    const run = await runner.measure([
      on('text', text, [['cpu0', 0]]),
      on('quick', quick, [['cpu0', 0]], 0.005),
      on('wrong cut', slow, [
        ['cpu0', 0],
        ['cpu1', 9999],
      ]),
    ]);
    assert.deepEqual(
      run.leftOut.map(({ name, code }) => [name, code]),
      [
        ['text', 'MODEL_INVALID'],
        ['wrong cut', 'INVALID_MESSAGE'],
      ],
    );
    assert.ok(run.networks[0] === null && run.networks[1] !== null && run.networks[2] === null);
  });

  it('survives a host that somebody ends, and leaves out the network that ends its host again and again', async () => {
    await runner.close();
    const entry = await hostEntryWith(
      models.path,
      'crashing',
      `const models = new Map();
       onCommand((command) => {
         if (command.kind === 'load') models.set(command.model, command.path);
         if (command.kind === 'run' && models.get(command.model).endsWith('slow.onnx')) process.kill(process.pid, 'SIGKILL');
       });`,
    );
    runner = new CoLocationRunnerProcess({ device, timing, hostEntry: entry });
    const run = await runner.measure([on('fatal', slow, [['cpu0', 0]]), on('quick', quick, [['cpu0', 0]], 0.005)]);
    assert.deepEqual(
      run.leftOut.map(({ name, code }) => [name, code]),
      [['fatal', 'HOST_CRASHED']],
    );
    assert.ok((run.networks[1]?.answers ?? 0) >= 3);
  });

  it('says which components there are when one has gone, and stops on request', async () => {
    await assert.rejects(runner.measure([on('quick', quick, [['gpu', 0]])]), {
      code: 'INVALID_CONFIG',
      message: /no component "gpu".*cpu0, cpu1/,
    });
    const cancel = new AbortController();
    const cancelled = runner.measure([on('slow', slow, [['cpu0', 0]])], cancel.signal);
    setTimeout(() => cancel.abort(new Error('changed my mind')), 60);
    await assert.rejects(cancelled, /changed my mind/);
    const closed = codeOf(runner.measure([on('slow', slow, [['cpu0', 0]])]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await runner.close();
    assert.equal(await closed, 'NODE_CLOSED');
  });
});
