import assert from 'node:assert/strict';
import { kinds, Trees, type SimulatedMachine } from './trees';

/** Sum of the rails that make the module's power, as a plain reader of the files gets it. */
async function measuredW({ tree, machine }: SimulatedMachine): Promise<number> {
  let sumW = 0;
  for (const rail of tree.layout.monitors.flatMap((monitor) => monitor.rails)) {
    if (!tree.board.totalOf.includes(rail.label)) continue;
    const milliwatts =
      rail.powerFile === null
        ? (Number(await machine.files.read(rail.voltageFile)) * Number(await machine.files.read(rail.currentFile))) /
          1000
        : Number(await machine.files.read(rail.powerFile));
    sumW += milliwatts / 1000;
  }
  return sumW;
}

describe('a simulated board', () => {
  const trees = new Trees();
  afterEach(() => {
    trees.remove();
  });

  for (const [board, jetPack] of kinds) {
    it(`${board}, JetPack ${jetPack}: its rails add up to its power, idle and busy, within 2 % on average`, async () => {
      const machine = trees.make({ board, jetPack });
      for (const activity of [{}, { gpu: 1, cpuCores: 1 }, { gpu: 0.5, cpuCores: 4, dlas: 1 }]) {
        machine.board.setWorkload(activity);
        let sumW = 0;
        const samples = 20;
        for (let sample = 0; sample < samples; sample += 1) {
          machine.board.advance(200);
          sumW += await measuredW(machine);
        }
        const { powerW } = machine.board.now;
        assert.ok(Math.abs(sumW / samples / powerW - 1) < 0.02, `${sumW / samples} W measured, ${powerW} W drawn`);
      }
    });
  }

  it('answers to clock caps that are written into its files, rounded up to a step', async () => {
    const { board, machine } = trees.make({ board: 'agx-xavier', mode: 'MAXN' });
    board.setWorkload({ gpu: 1 });
    const before = board.advance(100).powerW;
    await machine.files.write('/sys/class/devfreq/17000000.gv11b/max_freq', '500000000');
    const after = board.advance(100);
    assert.equal(after.clocks.gpuMhz, 522.75);
    assert.ok(after.powerW < before / 2);
    assert.equal(await machine.files.read('/sys/class/devfreq/17000000.gv11b/cur_freq'), '522750000');
    assert.equal(await machine.files.read('/sys/devices/gpu.0/load'), '1000');
    board.setWorkload({});
    board.advance(100);
    assert.equal(await machine.files.read('/sys/class/devfreq/17000000.gv11b/cur_freq'), '114750000');
  });

  it('does its work over time, and counts energy and the time of its cores', async () => {
    const { board, machine } = trees.make({ board: 'agx-xavier', mode: 'MODE_15W' });
    board.setWorkload((atMs) => (atMs <= 5000 ? { gpu: 1, cpuCores: 2 } : {}));
    const first = board.advance(5000);
    const second = board.advance(5000);
    assert.ok(Math.abs(first.energyJ - first.powerW * 5) < 0.01);
    assert.ok(Math.abs(second.energyJ - first.energyJ - 5.95 * 5) < 0.1);
    const stat = await machine.files.read('/proc/stat');
    assert.match(stat, /^cpu0 250 0 0 750 /m);
    assert.doesNotMatch(stat, /^cpu4/m);
  });

  it('repeats itself from its seed', async () => {
    const read = async (seed: number): Promise<string[]> => {
      const machine = trees.make({ board: 'agx-xavier', jetPack: 4 }, seed);
      machine.board.setWorkload({ gpu: 0.7 });
      const values = [];
      for (let sample = 0; sample < 5; sample += 1) {
        machine.board.advance(100);
        values.push((await measuredW(machine)).toFixed(3));
      }
      return values;
    };
    assert.deepEqual(await read(3), await read(3));
    assert.notDeepEqual(await read(3), await read(4));
  });

  it('lives by itself in real time', async () => {
    const { board } = trees.make({ board: 'orin-nano-8gb' });
    board.setWorkload({ gpu: 1 });
    board.start(5);
    const untilMs = Date.now() + 5000;
    while (board.now.atMs < 20 && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 5));
    board.stop();
    assert.ok(board.now.atMs >= 20 && board.now.energyJ > 0);
    const stoppedAtMs = board.now.atMs;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(board.now.atMs, stoppedAtMs);
  });

  it('loses rails, breaks them and lets them talk nonsense', async () => {
    const { board, machine, tree } = trees.make({ board: 'agx-xavier', jetPack: 5 });
    const [gpu, cpu, soc] = tree.layout.monitors[0]?.rails ?? [];
    assert.ok(gpu && cpu && soc);
    board.faults.removeRail('GPU');
    board.faults.breakRail('CPU');
    board.faults.freezeRail('SOC', 65_535);
    board.advance(100);
    assert.equal(await machine.files.exists(gpu.labelFile), false);
    await assert.rejects(machine.files.read(gpu.currentFile), { problem: 'missing' });
    assert.equal(await machine.files.read(cpu.labelFile), 'CPU');
    await assert.rejects(machine.files.read(cpu.currentFile), { problem: 'failed' });
    assert.equal(await machine.files.read(soc.currentFile), '65535');
    assert.throws(() => {
      board.faults.removeRail('VDD_IN');
    }, /has no rail VDD_IN/);
  });

  it('makes a file read-only for all but root', async () => {
    const { board, machine, tree } = trees.make({ board: 'agx-xavier' });
    const path = `${tree.layout.devfreq}/max_freq`;
    const holds = board.faults.makeReadOnly(path);
    assert.equal(holds, process.getuid?.() !== 0);
    assert.equal(await machine.files.isWritable(path), !holds);
  });

  it('counts over-current events and tells that it throttles', async () => {
    const { board, machine } = trees.make({ board: 'orin-nx-16gb' });
    board.countOverCurrent('oc3', 2);
    board.countOverCurrent('oc3');
    board.setThrottled(true);
    assert.equal(await machine.files.read('/sys/class/hwmon/hwmon0/oc3_event_cnt'), '3');
    assert.equal(await machine.files.read('/sys/class/thermal/cooling_device0/cur_state'), '1');
  });
});
