import assert from 'node:assert/strict';
import type { Programs } from '../../../../src/power/machine/programs';
import { findSensors } from '../../../../src/power/meters/find-sensors';
import { openMeter } from '../../../../src/power/meters/open-meter';
import { MeterReader } from '../../../../src/power/meters/meter';
import type { PowerSensor } from '../../../../src/power/meters/sensor';
import { isEcomapError } from '../../../../src/signals/errors';
import { FakeHost, ManualClock, twoCoreMachine } from '../fakes';
import { agxXavier, MachineTree, putHwmon } from './machine-tree';

let tree: MachineTree;
const open: { close(): Promise<void> }[] = [];
beforeEach(() => {
  tree = new MachineTree();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  tree.remove();
});

async function find() {
  const found = await findSensors(tree);
  open.push(...found.sensors);
  return {
    names: found.sensors.map(({ name }) => name),
    finding: (name: string) => found.findings.find((finding) => finding.name === name),
  };
}

function putRapl(): void {
  tree.put('/sys/class/powercap/intel-rapl:0/name', 'package-0');
  tree.put('/sys/class/powercap/intel-rapl:0/max_energy_range_uj', 262_143_328_850);
  tree.put('/sys/class/powercap/intel-rapl:0/energy_uj', 1);
  let microjoules = 0;
  tree.changing.set('/sys/class/powercap/intel-rapl:0/energy_uj', () => String((microjoules += 1_000_000)));
}

const echoGpu = 'echo "1, 0, 50.00, A"; exec sleep 60';

describe('finding sensors', () => {
  it('finds none on a machine without any, and says so of each', async () => {
    const { names, finding } = await find();
    assert.deepEqual(names, []);
    for (const name of ['ina3221', 'tegrastats', 'pi-pmic', 'rapl', 'nvidia-smi'])
      assert.equal(finding(name)?.found, false);
  });

  it('takes the files of a Jetson and leaves tegrastats and nvidia-smi alone', async () => {
    putHwmon(tree, agxXavier);
    tree.put('/proc/device-tree/compatible', 'nvidia,p2972-0000\0nvidia,tegra194');
    for (const program of ['tegrastats', 'nvidia-smi']) tree.install(program, 'touch "$0.ran"; exec sleep 60');
    const { names, finding } = await find();
    assert.deepEqual(names, ['ina3221']);
    assert.match(finding('ina3221')?.text ?? '', /sum of six|sum of 6 rails.*15\.7 W now/);
    for (const program of ['tegrastats', 'nvidia-smi'])
      assert.equal(await tree.files.exists(`/bin/${program}.ran`), false);
  });

  it('falls back on tegrastats where a rail is broken, and names the rail', async () => {
    const [folder] = putHwmon(tree, agxXavier);
    tree.troubles.set(`${folder}/in1_input`, 'failed');
    tree.install('tegrastats', 'echo GPU 1/1 CPU 1/1 SOC 1/1 CV 1/1 VDDRQ 1/1 SYS5V 1000/1; exec sleep 60');
    const { names, finding } = await find();
    assert.deepEqual(names, ['tegrastats']);
    assert.match(finding('ina3221')?.text ?? '', /no total.*GPU could not be read/);
  });

  it('tells what would help where reading is denied', async () => {
    const [folder] = putHwmon(tree, [[['VDD_IN', 5]]]);
    tree.troubles.set(`${folder}/in1_label`, 'denied');
    putRapl();
    tree.troubles.set('/sys/class/powercap/intel-rapl:0/energy_uj', 'denied');
    tree.install('vcgencmd', 'echo "Can\'t open device file: /dev/vcio" >&2; exit 1');
    const { names, finding } = await find();
    assert.deepEqual(names, []);
    assert.match(finding('ina3221')?.text ?? '', /may not be read.*recipe/);
    assert.match(finding('rapl')?.text ?? '', /root only.*recipe/);
    assert.match(finding('pi-pmic')?.text ?? '', /group "video"/);
    tree.troubles.delete(`${folder}/in1_label`);
    tree.troubles.set(`${folder}/curr1_input`, 'denied');
    assert.match((await find()).finding('ina3221')?.text ?? '', /VDD_IN may not be read.*recipe/);
  });

  it('adds processor packages and GPUs to one sensor, after the sensors of the whole', async () => {
    putRapl();
    tree.install('nvidia-smi', echoGpu);
    tree.install('tegrastats', 'echo VDD_IN 4000/4000; exec sleep 60');
    const { names } = await find();
    assert.deepEqual(names, ['tegrastats', 'rapl + nvidia-smi']);
    const sample = await (open[1] as PowerSensor).sample();
    assert.ok(sample.powerW !== null && sample.powerW > 50);
    assert.equal(sample.rails.length, 2);
  });

  it('takes no counter that stands still, and no GPU that does not tell its power', async () => {
    putRapl();
    tree.changing.clear();
    tree.install('nvidia-smi', 'echo "1, 0, [N/A], A"; exec sleep 60');
    const { names, finding } = await find();
    assert.deepEqual(names, []);
    assert.match(finding('rapl')?.text ?? '', /stand still/);
    assert.match(finding('nvidia-smi')?.text ?? '', /no total.*\[N\/A\]/);
  });

  it('knows a Raspberry Pi 4 by its vcgencmd without currents', async () => {
    tree.install('vcgencmd', 'echo "error=1 error_msg=\\"Command not registered\\""');
    assert.match((await find()).finding('pi-pmic')?.text ?? '', /only a Raspberry Pi 5 can/);
  });

  it('runs the programs one after the other', async () => {
    const running = new Set<string>();
    const order: string[] = [];
    const ended = (program: string): Promise<void> => {
      assert.deepEqual([...running], [], `${program} is started beside another`);
      running.add(program);
      order.push(program);
      return new Promise((resolve) =>
        setTimeout(() => {
          running.delete(program);
          resolve();
        }, 5),
      );
    };
    const programs: Programs = {
      run: async (program) => {
        await ended(program);
        return { exitCode: null, text: '', timedOut: false, missing: true };
      },
      stream: (program) => ({
        ended: ended(program).then(() => ({ exitCode: null, missing: true })),
        close: () => Promise.resolve(),
      }),
    };
    const { sensors, findings } = await findSensors({ files: tree.files, programs });
    assert.deepEqual(sensors, []);
    assert.deepEqual(order, ['tegrastats', 'vcgencmd', 'nvidia-smi']);
    for (const program of order)
      assert.ok(findings.some(({ text }) => text === `there is no ${program} on this machine`));
  });
});

async function until(what: () => boolean, withinMs = 5_000): Promise<void> {
  for (let tries = 0; tries < withinMs / 10 && !what(); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(what());
}

describe('the best meter of a device', () => {
  const description = twoCoreMachine();
  const [initialPoint] = description.operatingPoints;
  assert.ok(initialPoint);

  it('measures as soon as a sensor is found; a reading over the change is unknown, as nothing may be mixed', async () => {
    putHwmon(tree, agxXavier);
    const clock = new ManualClock();
    const meter = openMeter({ machine: tree, description, initialPoint, clock });
    open.push(meter);
    const reader = new MeterReader(meter);
    const early = new MeterReader(meter);
    clock.passS(0.5);
    assert.deepEqual(early.readPower(), { powerW: 10, source: 'modelled', scope: 'wall' });
    await meter.ready;
    clock.passS(0.5);
    await until(() => meter.latest()?.atMs === clock.monotonicMs());
    assert.equal(reader.readEnergy().totalJ, null);
    assert.equal(meter.source, 'measured');
    assert.equal(meter.scope, 'module');
    assert.match(meter.method, /measured: INA3221, sum of 6 rails/);
    clock.passS(0.5);
    await until(() => meter.latest()?.atMs === clock.monotonicMs());
    const { totalJ, idleJ, source } = reader.readEnergy();
    assert.ok(totalJ !== null && idleJ !== null && Math.abs(totalJ - 0.5 * 15.7) < 1e-9, `${totalJ}`);
    assert.equal(idleJ, 5);
    assert.equal(source, 'measured');
    assert.equal(meter.latest()?.rails.length, 6);
    assert.ok(meter.findings().some(({ name, found }) => name === 'ina3221' && found));
  });

  it('models on where there is no sensor, and loses nothing', async () => {
    const clock = new ManualClock();
    const meter = openMeter({ machine: tree, description, initialPoint, clock });
    open.push(meter);
    const host = new FakeHost('cpu0');
    meter.add(host);
    const reader = new MeterReader(meter);
    clock.passS(1);
    await meter.ready;
    host.cpuS = 1;
    clock.passS(1);
    assert.equal(reader.readEnergy().totalJ, 30);
    assert.equal(meter.source, 'modelled');
    assert.equal(meter.latest(), null);
    assert.ok(meter.findings().every(({ found }) => !found));
  });

  it('models when its sensor is silent for good, says so, and measures again when one answers', async () => {
    putHwmon(tree, agxXavier);
    const clock = new ManualClock();
    const lookAgain = { afterLossMs: 300, afterNoneMs: 300, mostMs: 300 };
    const meter = openMeter({ machine: tree, description, initialPoint, clock, lookAgain });
    open.push(meter);
    await meter.ready;
    const host = new FakeHost('cpu0');
    meter.add(host);
    const broken = tree.reads.findLast((path) => /in1_input$/.test(path)) ?? '';
    tree.troubles.set(broken, 'failed');
    const wait = async (seconds: number): Promise<void> => {
      const readBefore = tree.reads.length;
      clock.passS(seconds);
      await until(() => tree.reads.length >= readBefore + 12);
      await meter.checkSensor();
    };
    await wait(10);
    assert.equal(meter.source, 'measured', 'a gap is no end');
    await wait(7);
    assert.equal(meter.source, 'modelled');
    const finding = meter.findings().find(({ name }) => name === 'power sensor');
    assert.match(finding?.text ?? '', /no power for 15 s \(.*could not be read.*modelled until/);
    const reader = new MeterReader(meter);
    host.cpuS += 1;
    clock.passS(1);
    assert.equal(reader.readEnergy().totalJ, 10 + 10, 'hosts that came while it measured are known to the model');
    tree.troubles.clear();
    const over = new MeterReader(meter);
    await until(() => meter.source === 'measured', 8_000);
    clock.passS(0.5);
    await until(() => meter.latest()?.atMs === clock.monotonicMs());
    assert.equal(over.readEnergy().totalJ, null, 'nothing is mixed');
    assert.ok(meter.findings().every(({ name }) => name !== 'power sensor'));
    clock.passS(0.5);
    await until(() => meter.latest()?.atMs === clock.monotonicMs());
    assert.ok(Math.abs((over.readEnergy().totalJ ?? NaN) - 0.5 * 15.7) < 1e-9);
  });

  it('measures with a sensor that comes late after a start', async () => {
    const lookAgain = { afterLossMs: 100, afterNoneMs: 100, mostMs: 100 };
    const meter = openMeter({ machine: tree, description, initialPoint, lookAgain });
    open.push(meter);
    await meter.ready;
    assert.equal(meter.source, 'modelled');
    putHwmon(tree, agxXavier);
    await until(() => meter.source === 'measured');
    assert.ok(meter.findings().some(({ name, found }) => name === 'ina3221' && found));
  });

  it('takes the module for the wall by the factor that the user has found', async () => {
    putHwmon(tree, [[['VDD_IN', 8]]]);
    const meter = openMeter({ machine: tree, description, initialPoint, wallFactor: 1.25 });
    open.push(meter);
    await meter.ready;
    assert.equal(meter.scope, 'wall');
    assert.equal(meter.latest()?.powerW, 10);
    assert.throws(
      () => openMeter({ machine: tree, description, initialPoint, wallFactor: 0 }),
      (error) => isEcomapError(error) && error.code === 'INVALID_CONFIG',
    );
  });

  it('says simulated of a simulated device, with or without files', async () => {
    putHwmon(tree, agxXavier);
    const simulated = { ...description, simulated: true };
    const meter = openMeter({ machine: tree, description: simulated, initialPoint });
    const without = openMeter({ machine: null, description: simulated, initialPoint });
    open.push(meter, without);
    await Promise.all([meter.ready, without.ready]);
    assert.equal(meter.source, 'simulated');
    assert.equal(meter.latest()?.powerW?.toFixed(1), '15.7');
    assert.equal(without.source, 'simulated');
    assert.deepEqual(without.findings(), []);
  });

  it('closes what it finds when it is closed while it looks', async () => {
    tree.install('nvidia-smi', 'echo "1, 0, 50.00, A"; echo $$ > "$0.pid"; exec sleep 60');
    const meter = openMeter({ machine: tree, description, initialPoint });
    await meter.close();
    const pid = Number((await tree.files.readIfThere('/bin/nvidia-smi.pid')) ?? NaN);
    assert.throws(() => process.kill(pid, 0));
  });
});
