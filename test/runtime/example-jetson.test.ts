import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createDeviceTree, SimulatedBoard } from '../../src/simulation/devices';
import { exampleFlows } from '../support/ecomap-flow';
import { NodeRedRuntime, until, type Flow } from '../support/node-red-runtime';

/** What the debug sidebar shows of a cap, with its numbers. */
const number = z.string().transform((text) => Number.parseFloat(text));
const shownCap = z.object({
  grid: number,
  cap: number,
  draws: number,
  at: z.string(),
  enforced: z.string(),
  why: z.string(),
});
type ShownCap = z.infer<typeof shownCap>;

const fullGpuMhz = 1377;
const shed = ['QUEUE_FULL', 'DEADLINE_EXCEEDED'];

describe('the example flow "Cap a Jetson by the grid"', function () {
  this.timeout(180_000);
  const example = exampleFlows().get('10 - Nodes/Cap a Jetson by the grid.json') ?? [];
  const idOf = (type: string, name?: string): string =>
    example.find((node) => node.type === type && (name === undefined || node['name'] === name))?.id ?? '';
  const runtimes: NodeRedRuntime[] = [];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ecomap-example-'));
  });
  afterEach(async () => {
    for (const runtime of runtimes.splice(0)) await runtime.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(flow: Flow, settings: object = {}): Promise<NodeRedRuntime> {
    const runtime = await NodeRedRuntime.start({ flow, settings });
    runtimes.push(runtime);
    return runtime;
  }

  /** The example with a day of so many seconds, and some nodes set otherwise. */
  const withDayOf = (seconds: number, changes: Readonly<Record<string, object>> = {}): Flow =>
    example.map((node) => ({
      ...node,
      ...(node.type === 'ecomap-grid' ? { dayLengthS: seconds } : {}),
      ...(node.type === 'ecomap-carbon-intensity' ? { intervalS: 0.5 } : {}),
      ...(node.type === 'ecomap-power-cap' ? { leastDwellS: 0 } : {}),
      ...changes[node.type],
    }));

  /** Caps at the debug node, until there are enough; every error that a Catch node got fails the test. */
  async function capsOf(runtime: NodeRedRuntime, enough: (caps: readonly ShownCap[]) => boolean, limitMs = 60_000) {
    const caps: ShownCap[] = [];
    await until(
      async () => {
        const messages = await runtime.messages();
        // A machine that is too slow for the traffic says so.
        const failed = messages.flatMap(({ error }) => (error && !shed.includes(error.code ?? '') ? [error] : []));
        assert.deepEqual(failed, []);
        for (const { to, payload } of messages) if (to === idOf('debug', 'cap')) caps.push(shownCap.parse(payload));
        return enough(caps) ? true : null;
      },
      'the caps wanted',
      limitMs,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(caps.slice(-3))}`);
    });
    return caps;
  }

  it('changes nothing as it is imported: a simulated board, no provider that is asked', () => {
    const devices = example.filter(({ type }) => type === 'ecomap-device');
    assert.deepEqual(
      devices.map(({ hardware }) => hardware),
      ['agx-xavier'],
    );
    const [cap, ...others] = example.filter(({ type }) => type === 'ecomap-power-cap');
    assert.deepEqual([cap?.['apply'], others], [false, []]);
    assert.equal(example.find(({ type }) => type === 'ecomap-grid')?.['provider'], 'simulated');
  });

  it('caps the simulated board by the grid: fewer watts where it is dirtier', async () => {
    const runtime = await start(withDayOf(20));
    const caps = await capsOf(runtime, (found) => found.length >= 45);
    assert.deepEqual([...new Set(caps.map(({ enforced }) => enforced))], ['simulated']);
    assert.ok(new Set(caps.map(({ at }) => at)).size >= 3, `operating points: ${caps.map(({ at }) => at).join(', ')}`);
    const byGrid = [...caps].sort((a, b) => a.grid - b.grid);
    const third = Math.floor(byGrid.length / 3);
    const clean = byGrid.slice(0, third);
    const dirty = byGrid.slice(-third);
    const leastClean = Math.min(...clean.map(({ cap }) => cap));
    const mostDirty = Math.max(...dirty.map(({ cap }) => cap));
    assert.ok(leastClean > mostDirty, `at least ${leastClean} W while clean, at most ${mostDirty} W while dirty`);
    assert.ok(caps.every(({ draws }) => draws > 0));
  });

  describe('with what its comments say for a real Jetson, on a simulated one', () => {
    let board: SimulatedBoard;
    let maxFreq: string;
    let root: string;

    beforeEach(async () => {
      const tree = createDeviceTree(join(folder, 'root'), { board: 'agx-xavier', jetPack: 5, mode: 'MAXN' });
      root = tree.root;
      await mkdir(join(root, 'run/lock'), { recursive: true });
      maxFreq = join(root, tree.layout.devfreq, 'max_freq');
      board = new SimulatedBoard(tree, { noise: 0 });
      board.setWorkload({ gpu: 1, cpuCores: 1 });
      board.start();
    });
    afterEach(() => {
      board.close();
    });

    const gpuMhz = async (): Promise<number> => Number(await readFile(maxFreq, 'utf8')) / 1e6;
    /** The board has work of its own: the comments say to remove what makes some. */
    const onTheBoard = (changes: object): Flow =>
      withDayOf(60, {
        'ecomap-device': { hardware: 'auto' },
        'ecomap-power-cap': { actuator: 'clocks', minimumW: '10', maximumW: '30', leastDwellS: 0, ...changes },
      }).filter(({ type }) => type !== 'ecomap-sample-requests' && type !== 'ecomap-inference-executor');

    it('first tells what it would write, and writes nothing', async () => {
      const runtime = await start(onTheBoard({ apply: false }), { ecomap: { machineRoot: root } });
      // While the grid is clean, full speed fits under the cap.
      const wouldWrite = /dry run of clocks: .*would write .*max_freq = \d+ \(now 1377000000\)/;
      const caps = await capsOf(runtime, (found) => found.some(({ why }) => wouldWrite.test(why)));
      assert.deepEqual([...new Set(caps.map(({ enforced }) => enforced))], ['none']);
      assert.equal(await gpuMhz(), fullGpuMhz);
    });

    it('then caps the board by the grid, and leaves it as it was', async () => {
      const runtime = await start(onTheBoard({ apply: true }), { ecomap: { machineRoot: root } });
      const before = board.now.powerW;
      const caps = await capsOf(runtime, (found) => (found.at(-1)?.cap ?? Infinity) <= 0.6 * (found[0]?.cap ?? 0));
      assert.deepEqual([...new Set(caps.map(({ enforced }) => enforced))], ['hardware']);
      const mhz = await gpuMhz();
      assert.ok(mhz < 0.8 * fullGpuMhz, `${mhz} MHz`);
      await until(async () => (board.now.powerW < (caps.at(-1)?.cap ?? 0) ? true : null), 'less power than the cap');
      assert.ok(board.now.powerW < 0.8 * before, `${before} W before, ${board.now.powerW} W under the cap`);
      await runtime.end();
      assert.equal(await gpuMhz(), fullGpuMhz);
    });
  });
});
