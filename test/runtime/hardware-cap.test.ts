import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeviceTree } from '../../src/simulation/devices';
import { NodeRedRuntime, until, type Flow } from '../support/node-red-runtime';

const tab = { id: 'hardware-tab', type: 'tab', label: 'hardware' };
const device = { id: 'jetson', type: 'ecomap-device', name: 'Jetson', hardware: 'auto' };
const cap = (watts: number) => ({
  id: 'cap',
  type: 'ecomap-power-cap',
  z: tab.id,
  x: 100,
  y: 100,
  device: 'jetson',
  policy: 'fixed',
  fixedW: String(watts),
  minimumW: '1',
  actuator: 'clocks',
  apply: true,
  wires: [[]],
});
const capped = (watts: number): Flow => [tab, device, cap(watts)];
/** The same device, looked at only. */
const uncapped: Flow = [tab, device, { ...cap(10), actuator: 'none' }];

describe('a hardware cap in a real Node-RED, on a simulated Jetson', function () {
  this.timeout(180_000);
  let folder: string;
  let root: string;
  let maxFreq: string;
  const runtimes: NodeRedRuntime[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ecomap-jetson-'));
    const tree = createDeviceTree(join(folder, 'root'), { board: 'agx-xavier', jetPack: 5, mode: 'MAXN' });
    root = tree.root;
    await mkdir(join(root, 'run/lock'), { recursive: true });
    maxFreq = join(root, tree.layout.devfreq, 'max_freq');
  });
  afterEach(async () => {
    for (const runtime of runtimes.splice(0)) await runtime.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const gpuMhz = async (): Promise<number> => Number(await readFile(maxFreq, 'utf8')) / 1e6;

  async function start(flow: Flow): Promise<NodeRedRuntime> {
    const runtime = await NodeRedRuntime.start({ flow, settings: { ecomap: { machineRoot: root } } });
    runtimes.push(runtime);
    return runtime;
  }

  const untilCapped = (): Promise<number> =>
    until(async () => {
      const mhz = await gpuMhz();
      return mhz < 1377 ? mhz : null;
    }, 'a capped clock');

  /** The loop corrects what it has chosen once it has measured. */
  async function untilSteady(): Promise<number> {
    let last = await gpuMhz();
    for (let same = 0; same < 8; same += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const now = await gpuMhz();
      if (now !== last) same = 0;
      last = now;
    }
    return last;
  }

  const untilRestored = (): Promise<boolean> =>
    until(async () => ((await gpuMhz()) === 1377 ? true : null), 'the clock of before');

  it('is restored by the next start after kill -9', async () => {
    const first = await start(capped(9));
    const held = await untilCapped();
    process.kill(first.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await gpuMhz(), held, 'nobody was left to restore it');
    await start(uncapped);
    await untilRestored();
  });

  it('is undone by a deploy without it, and by a stop', async () => {
    const runtime = await start(capped(9));
    await untilCapped();
    await runtime.deploy(uncapped);
    await untilRestored();
    await runtime.deploy(capped(9));
    await untilCapped();
    await runtime.end();
    assert.equal(await gpuMhz(), 1377);
  });

  it('is not fought over by a second Node-RED on the same machine', async () => {
    await start(capped(9));
    await untilCapped();
    const held = await untilSteady();
    const second = await start(capped(7.2));
    await until(async () => {
      const { text } = (await second.statuses())['cap'] ?? {};
      return /not held/i.test(text ?? '') ? true : null;
    }, 'the second to see that it may not');
    assert.equal(await gpuMhz(), held);
    await second.end();
    assert.equal(await gpuMhz(), held, 'what the second leaves is what the first has set');
  });
});
