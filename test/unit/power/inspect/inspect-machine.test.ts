import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { HardwareActuator, HardwareState } from '../../../../src/power/actuators/hardware-actuator';
import { inspectMachine, noChanges, type InspectionParts } from '../../../../src/power/inspect/inspect-machine';
import { inspectionSchema, type Inspection, type MachineInspection } from '../../../../src/power/inspect/inspection';
import { coreRanges, reportText } from '../../../../src/power/inspect/report-text';
import type { PowerSample, PowerSensor } from '../../../../src/power/meters/sensor';
import { isEcomapError } from '../../../../src/signals/errors';
import { FolderMachine } from './folder-machine';

const nothing: InspectionParts = {
  findSensors: () => Promise.resolve({ sensors: [], findings: [] }),
  findActuators: () => Promise.resolve({ actuators: [], findings: [] }),
  findOtherManagers: () => Promise.resolve([]),
};

async function inspectWith(parts: Partial<InspectionParts>, files = {}): Promise<MachineInspection> {
  const folder = new FolderMachine(files);
  try {
    return await inspectMachine({ machine: folder.machine, parts: { ...nothing, ...parts } });
  } finally {
    folder.remove();
  }
}

const whole = (found: MachineInspection, runtime: Inspection['runtime'] = null): Inspection =>
  inspectionSchema.parse({
    ...found,
    packageVersion: '1.2.3',
    inspectedAt: '2025-01-01T00:00:00.000Z',
    ofFolder: false,
    runtime,
    modelCosts: null,
  });

function sensorOf(samples: readonly Partial<PowerSample>[]): PowerSensor & { closed: boolean } {
  let next = 0;
  return {
    name: 'test',
    scope: 'package',
    accuracy: null,
    method: 'a test sensor',
    intervalMs: 100,
    closed: false,
    sample: () => {
      const sample = samples[Math.min(next, samples.length - 1)];
      next += 1;
      return Promise.resolve({ atMs: 0, powerW: null, energyJ: null, rails: [], ...sample });
    },
    close() {
      this.closed = true;
      return Promise.resolve();
    },
  };
}

const state = (name: string, fields: Partial<HardwareState> = {}): HardwareState => ({
  name,
  gpuMhz: null,
  cpuMhz: null,
  emcMhz: null,
  cores: null,
  gpuUnits: null,
  dlaMhz: null,
  powerLimitW: null,
  refusal: null,
  ...fields,
});

const actuatorOf = (fields: Partial<HardwareActuator>): HardwareActuator => ({
  name: 'nvpmodel',
  method: 'a test',
  states: () => Promise.resolve([state('HIGH', { gpuMhz: 900 }), state('LOW', { gpuMhz: 500, refusal: 'a | reboot' })]),
  apply: () => Promise.reject(new Error('an inspection applies nothing')),
  readBack: () => Promise.resolve(state('HIGH')),
  ...fields,
});

describe('an inspection', () => {
  it('goes on when a part fails, and says which', async () => {
    const found = await inspectWith({
      findSensors: () => Promise.reject(new Error('no bus')),
      findActuators: () => Promise.reject(new Error('no tool')),
      findOtherManagers: () => Promise.reject(new Error('no list')),
    });
    assert.deepEqual(found.problems, ['sensors: no bus', 'actuators: no tool', 'other managers: no list']);
    assert.match(reportText(whole(found)), /## Failed while looking\n\n- sensors: no bus\n/);
  });

  it('closes a sensor that it has looked at, also one that fails', async () => {
    const good = sensorOf([{ powerW: 5 }]);
    const bad = { ...sensorOf([]), sample: () => Promise.reject(new Error('gone')) };
    const found = await inspectWith({
      findSensors: () =>
        Promise.resolve({ sensors: [good, bad], findings: [{ name: 'x', found: false, text: 'no x' }] }),
    });
    assert.deepEqual([good.closed, bad.closed], [true, true]);
    assert.deepEqual(
      found.sensors.map(({ powerW, source }) => [powerW, source]),
      [[5, 'simulated']], // a folder is no measurement
    );
    assert.deepEqual(found.sensorFindings, [{ level: 'missing', text: 'no x' }]);
    assert.deepEqual(found.problems, ['test: gone']);
  });

  it('asks a sensor that counts energy twice', async () => {
    const counter = sensorOf([
      { atMs: 1000, energyJ: 50 },
      { atMs: 1500, energyJ: 56 },
    ]);
    const { sensors } = await inspectWith({ findSensors: () => Promise.resolve({ sensors: [counter], findings: [] }) });
    assert.equal(sensors[0]?.powerW, 12);
  });

  it('lists the states of an actuator, marks the one in force and gives no way to write', async () => {
    let refused: unknown = null;
    const found = await inspectWith({
      async findActuators(_machine, changes) {
        assert.equal(changes, noChanges);
        const setting = { key: 'file:/x', read: () => Promise.resolve('1'), write: () => Promise.resolve() };
        refused = await changes.set(setting, '2').catch((error: unknown) => error);
        return { actuators: [actuatorOf({})], findings: [{ name: 'nvpmodel', level: 'denied', text: 'only root' }] };
      },
    });
    assert.ok(isEcomapError(refused) && refused.code === 'POWER_DENIED');
    assert.deepEqual(
      found.actuators[0]?.states.map(({ name, inForce }) => [name, inForce]),
      [
        ['HIGH', true],
        ['LOW', false],
      ],
    );
    const text = reportText(whole(found));
    assert.match(text, /- nvpmodel: denied\. only root/);
    assert.match(text, /\| state \| GPU MHz \| why not \|/); // columns in which nothing stands are left out
    assert.match(text, /\| LOW \| 500 \| a \\\| reboot \|/);
  });

  it('says so when the states or the one in force cannot be read', async () => {
    const findings = [{ name: 'nvpmodel', level: 'usable', text: 'there' }] as const;
    const of = (fields: Partial<HardwareActuator>) =>
      inspectWith({ findActuators: () => Promise.resolve({ actuators: [actuatorOf(fields)], findings }) });
    const noStates = await of({ states: () => Promise.reject(new Error('conf broken')) });
    assert.deepEqual([noStates.actuators[0]?.problem, noStates.actuators[0]?.states], ['conf broken', []]);
    const noForce = await of({ readBack: () => Promise.reject(new Error('cannot tell')) });
    assert.equal(noForce.actuators[0]?.problem, 'cannot tell');
    assert.equal(noForce.actuators[0].states.length, 2);
  });
});

describe('the text of a report', () => {
  it('is honest about an accelerator that nothing computes on', async () => {
    const files = { 'sys/class/devfreq/17000000.ga10b/max_freq': '1\n' };
    const found = await inspectWith({}, files);
    const of = (runtime: Inspection['runtime']) => reportText(whole(found, runtime));
    const cpu = { name: 'cpu', ran: true, why: '' };
    assert.match(
      of({ version: '1', providers: [cpu, { name: 'cuda', ran: false, why: 'no library' }] }),
      /GPU \(gpu, 17000000\.ga10b\): no execution provider of onnxruntime-node runs here/,
    );
    assert.match(
      of({ version: '1', providers: [cpu, { name: 'cuda', ran: true, why: '' }] }),
      /provider cuda runs here/,
    );
    assert.match(of({ version: null, providers: [] }), /whether anything computes on it here is unknown/);
    assert.match(of({ version: null, providers: [] }), /onnxruntime-node is not installed/);
  });

  it('writes cores as ranges from which they can be read again', () => {
    assert.equal(coreRanges([0, 1, 2, 3, 8, 10, 11]), '0-3,8,10-11');
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(64)), (list) => {
        const cores = [...list].sort((one, other) => one - other);
        const back = coreRanges(cores)
          .split(',')
          .filter((part) => part !== '')
          .flatMap((part) => {
            const [first = 0, last = first] = part.split('-').map(Number);
            return Array.from({ length: last - first + 1 }, (_, index) => first + index);
          });
        assert.deepEqual(back, cores);
      }),
    );
  });
});
