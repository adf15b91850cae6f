import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineHardware } from '../../../../src/power/caps/machine-hardware';
import { systemClock } from '../../../../src/power/clock';
import { createDevice, type Device } from '../../../../src/power/device';
import { machineAt, type Machine } from '../../../../src/power/machine/machine';
import { PowerCap } from '../../../../src/power/power-cap';
import { powerPermissionsOf } from '../../../../src/power/safety/power-permissions';
import { fullLoadW, mostBusy } from '../../../../src/signals/device';
import { createDeviceTree, simulatedDevice, SimulatedBoard } from '../../../../src/simulation/devices';
import { FakeHost, twoCoreMachine, withoutGroups } from '../fakes';

describe('hardware caps of a device', function () {
  this.timeout(30_000);
  let folder: string;
  let machine: Machine;
  let board: SimulatedBoard;
  let maxFreqFile: string;
  const devices: Device[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ecomap-hardware-'));
    const tree = createDeviceTree(join(folder, 'root'), { board: 'agx-xavier', jetPack: 5, mode: 'MAXN' });
    // Where the Node-REDs of a machine meet.
    mkdirSync(join(tree.root, 'run/lock'), { recursive: true });
    machine = machineAt(tree.root, tree.programFolder);
    board = new SimulatedBoard(tree);
    board.setWorkload({ gpu: 1, cpuCores: 1 });
    maxFreqFile = join(tree.root, tree.layout.devfreq, 'max_freq');
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) await device.close();
    board.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const gpuMhz = (): number => Number(readFileSync(maxFreqFile, 'utf8')) / 1e6;

  function makeDevice(settings: object = {}, state = 'state'): Device {
    const hardware = new MachineHardware({
      machine,
      stateDirectory: join(folder, state),
      permissions: powerPermissionsOf(settings),
      clock: systemClock,
      owner: `the device of ${state}`,
    });
    const description = { ...twoCoreMachine(), label: 'Jetson AGX Xavier', powerScope: 'module' as const };
    const device = createDevice(description, { machine, hardware, ...withoutGroups });
    devices.push(device);
    return device;
  }

  it('are only told in a dry run, and nothing is written', async () => {
    const device = makeDevice();
    const before = gpuMhz();
    const { enforced, how, problem } = await device.applyCap(12, { actuator: 'clocks' });
    assert.deepEqual([enforced, problem, gpuMhz()], ['none', null, before]);
    assert.match(how, /dry run of clocks: .*would write .*max_freq = \d+ \(now 1377000000\).*Change this machine/);
  });

  it('are not touched by the automatic choice unless the machine may be changed', async () => {
    const device = makeDevice();
    const host = new FakeHost('cpu0');
    await device.register(host);
    const before = gpuMhz();
    assert.equal((await device.applyCap(18)).enforced, 'software');
    assert.equal(gpuMhz(), before);
    assert.notEqual(host.share, undefined);
    const applied = await device.applyCap(12, { apply: true });
    assert.equal(applied.enforced, 'hardware');
    assert.ok(gpuMhz() < before);
  });

  it('hold measured power under the cap, and are undone at the end', async () => {
    board.start(50);
    const device = makeDevice();
    const before = gpuMhz();
    const full = board.now.powerW;
    await device.applyCap(60, { actuator: 'clocks', apply: true });
    assert.equal(gpuMhz(), before, 'a cap above the maximum is no limit');
    const range = await device.capRangeFor({ actuator: 'clocks', apply: true });
    assert.ok(range.minimumW < 12 && range.maximumW > 8);
    const capW = 12;
    const applied = await device.applyCap(capW, { actuator: 'clocks', apply: true });
    assert.equal(applied.problem, null, applied.how);
    assert.equal(applied.operatingPoint.limits, 'clock');
    assert.ok(mostBusy(applied.operatingPoint) <= 1);
    const deadline = Date.now() + 20_000;
    // The GPU computes for somebody else: the loop has to find out by measuring.
    while ((board.now.powerW > capW * 1.02 || board.now.powerW === full) && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(board.now.powerW <= capW * 1.02, `${board.now.powerW} W under a cap of ${capW} W`);
    assert.ok(gpuMhz() < before);
    device.readPower();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { powerW, source } = device.readPower();
    assert.ok(powerW !== null && source === 'simulated', 'the sensors of a simulated board measure nothing real');
    assert.ok(fullLoadW(device.operatingPointInForce()) < 60);
    await device.close();
    assert.equal(gpuMhz(), before);
  });

  it('find hardware that comes late after a start, without a redeploy', async () => {
    const conf = join(folder, 'root/etc/nvpmodel.conf');
    renameSync(conf, `${conf}.late`);
    const device = makeDevice();
    const request = { actuator: 'nvpmodel', apply: true } as const;
    assert.match((await device.applyCap(15, request)).how, /No power modes/);
    renameSync(`${conf}.late`, conf);
    assert.equal((await device.applyCap(15, request)).problem, null);
  });

  it('let a device be closed in time while a tool hangs, and leave nothing changed', async () => {
    const device = makeDevice();
    await device.capRangeFor({ actuator: 'nvpmodel', apply: true });
    board.faults.setNvpmodel('hang');
    const held = device.applyCap(9, { actuator: 'nvpmodel', apply: true });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const startedAt = performance.now();
    await device.close();
    const closedAfterMs = performance.now() - startedAt;
    assert.ok(closedAfterMs < 15_000, `${closedAfterMs.toFixed(0)} ms: Node-RED waits 15 s`);
    assert.match((await held).how, /did not end in time/);
    assert.equal(gpuMhz(), 1377);
  });

  it('are refused to a second instance as long as the first holds the machine', async () => {
    const first = makeDevice({}, 'first');
    const second = makeDevice({}, 'second');
    await first.applyCap(12, { actuator: 'clocks', apply: true });
    const held = gpuMhz();
    const { minimumW } = await second.capRangeFor({ actuator: 'clocks', apply: true });
    const refused = await second.applyCap(minimumW * 1.06, { actuator: 'clocks', apply: true });
    assert.equal(refused.enforced, 'none');
    assert.match(refused.how, /first/);
    assert.equal(gpuMhz(), held);
    await second.close();
    assert.equal(gpuMhz(), held, 'the second has nothing to restore');
  });

  it('are refused where settings.js does not allow them', async () => {
    const device = makeDevice({ power: { actuators: ['rapl'] } });
    const before = gpuMhz();
    const { problem, enforced } = await device.applyCap(12, { actuator: 'clocks', apply: true });
    assert.deepEqual([problem?.code, enforced, gpuMhz()], ['POWER_DENIED', 'none', before]);
  });

  it('say what is missing where there is no such hardware, and fall back to our own hosts when automatic', async () => {
    const device = makeDevice();
    const { problem } = await device.applyCap(12, { actuator: 'rapl', apply: true });
    assert.equal(problem?.code, 'CAP_NOT_ENFORCEABLE');
    const plain = createDevice(twoCoreMachine(), withoutGroups);
    devices.push(plain);
    const fallen = await plain.applyCap(20, { apply: true });
    assert.equal(fallen.enforced, 'software');
    assert.match(fallen.how, /no hardware is limited/);
  });

  it('belong to real machines only', () => {
    const device = createDevice(simulatedDevice('laptop', twoCoreMachine()), withoutGroups);
    devices.push(device);
    assert.throws(() => device.checkActuator('clocks'), /needs a real machine/);
  });

  it('give the power cap their range, and say when a lower cap costs energy per inference', async () => {
    const device = makeDevice();
    const powerCap = new PowerCap({
      device,
      policy: { kind: 'fixed', capW: 7.2 },
      actuator: 'clocks',
      apply: true,
    });
    const cap = await powerCap.tick();
    const range = await device.capRangeFor({ actuator: 'clocks', apply: true });
    assert.deepEqual([cap.minimumW, cap.maximumW], [range.minimumW, range.maximumW]);
    assert.equal(cap.enforced, 'hardware');
    assert.ok(cap.energyWarning !== undefined && cap.energyWarning.increasePct > 10);
    assert.match(cap.reason, /more energy than with a cap of/);
    await powerCap.release();
    assert.equal(gpuMhz(), 1377);
  });
});
