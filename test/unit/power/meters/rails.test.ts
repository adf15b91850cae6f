import assert from 'node:assert/strict';
import { jetsonRailBounds, judgePower, parseQuantity } from '../../../../src/power/meters/rails/quantity';
import { railTotalOf } from '../../../../src/power/meters/rails/totals';
import type { PowerSample } from '../../../../src/power/meters/sensor';
import { openRailSensor } from '../../../../src/power/meters/sensors/rail-sensor';
import { ManualClock } from '../fakes';
import { agxXavier, MachineTree, putHwmon, putIio, type Rails } from './machine-tree';

const near = (actual: number | null, expected: number): void =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

describe('rails of a Jetson', () => {
  let tree: MachineTree;
  const clock = new ManualClock();
  beforeEach(() => {
    tree = new MachineTree();
  });
  afterEach(() => {
    tree.remove();
  });

  async function open() {
    const { sensor } = await openRailSensor(tree.files, clock);
    assert.ok(sensor);
    return sensor;
  }

  const problemOf = (sample: PowerSample, name: string) => sample.rails.find((rail) => rail.name === name)?.problem;

  it('are millivolts times milliamperes in hwmon: channels 1 to 3, without shunt voltages and unconnected ones', async () => {
    putHwmon(tree, [
      [
        ['VDD_IN', 7.5],
        ['NC', 1],
        ['VDD_SOC', 2],
      ],
    ]);
    tree.put('/sys/class/hwmon/hwmon0/name', 'tmp451');
    const sensor = await open();
    const { rails, powerW } = await sensor.sample();
    assert.deepEqual(
      rails.map(({ name, inTotal }) => [name, inTotal]),
      [
        ['VDD_IN', true],
        ['VDD_SOC', false],
      ],
    );
    near(powerW, 7.5);
    assert.equal(sensor.scope, 'module');
    assert.equal(sensor.method, 'INA3221, VDD_IN');
  });

  it('are milliwatts in iio, wherever the bus is', async () => {
    putIio(tree, agxXavier, 7);
    near((await (await open()).sample()).powerW, 15.7);
  });

  it('are found once when the class and the driver both lead to a chip, and by the driver alone', async () => {
    const [folder] = putHwmon(tree, [[['VDD_IN', 7.5]]]);
    assert.ok(folder);
    for (const file of ['name', 'in1_label', 'in1_input', 'curr1_input']) {
      const text = await tree.files.read(`${folder}/${file}`);
      tree.put(`/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/${file}`, text);
    }
    assert.equal((await (await open()).sample()).rails.length, 1);
    tree.take('/sys/class/hwmon');
    near((await (await open()).sample()).powerW, 7.5);
  });

  const boards: Record<string, { chips: readonly Rails[]; totalW: number | null; parts: number }> = {
    'AGX Xavier': { chips: agxXavier, totalW: 15.7, parts: 6 },
    'Xavier NX, Orin NX, Orin Nano': {
      chips: [
        [
          ['VDD_IN', 9],
          ['VDD_CPU_GPU_CV', 3],
          ['VDD_SOC', 2],
        ],
      ],
      totalW: 9,
      parts: 1,
    },
    'AGX Orin': {
      chips: [
        [
          ['VDD_GPU_SOC', 3],
          ['VDD_CPU_CV', 1],
          ['VIN_SYS_5V0', 5],
        ],
        [['VDDQ_VDD2_1V8AO', 1]],
      ],
      totalW: 9,
      parts: 3,
    },
    TX2: {
      chips: [
        [
          ['VDD_SYS_GPU', 1],
          ['VDD_SYS_SOC', 1],
          ['VDD_4V0_WIFI', 0],
        ],
        [
          ['VDD_IN', 4],
          ['VDD_SYS_CPU', 1],
          ['VDD_SYS_DDR', 0.5],
        ],
        [['VDD_MUX', 6]],
      ],
      totalW: 4,
      parts: 1,
    },
    Nano: {
      chips: [
        [
          ['POM_5V_IN', 3],
          ['POM_5V_GPU', 1],
          ['POM_5V_CPU', 1],
        ],
      ],
      totalW: 3,
      parts: 1,
    },
    'a board that nobody knows': { chips: [[['VDD_SOMETHING', 3]]], totalW: null, parts: 0 },
  };
  for (const [board, { chips, totalW, parts }] of Object.entries(boards)) {
    for (const [kind, put] of Object.entries({ hwmon: putHwmon, iio: putIio })) {
      it(`add up to the total of ${board} (${kind})`, async () => {
        put(tree, chips);
        const { powerW, rails } = await (await open()).sample();
        if (totalW === null) assert.equal(powerW, null);
        else near(powerW, totalW);
        assert.equal(rails.filter(({ inTotal }) => inTotal).length, parts);
      });
    }
  }

  it('take VIN of an INA238 as the total on Thor, and of no other board', async () => {
    putHwmon(tree, [
      [
        ['VDD_GPU', 3.6],
        ['VDD_CPU_SOC_MSS', 7.9],
        ['VIN_SYS_5V0', 7.6],
      ],
    ]);
    tree.put('/sys/class/hwmon/hwmon9/name', 'ina238');
    tree.put('/sys/class/hwmon/hwmon9/power1_input', 26_686_000);
    const sensor = await open();
    near((await sensor.sample()).powerW, 26.686);
    assert.equal(sensor.name, 'ina238');
    tree.take('/sys/class/hwmon/hwmon3');
    assert.equal((await (await open()).sample()).powerW, null);
  });

  it('have no total while one that belongs to it reads EIO, and say which', async () => {
    const [, second] = putHwmon(tree, agxXavier);
    const sensor = await open();
    near((await sensor.sample()).powerW, 15.7);
    tree.troubles.set(`${second}/curr3_input`, 'failed');
    const sample = await sensor.sample();
    assert.equal(sample.powerW, null);
    assert.match(problemOf(sample, 'SYS5V') ?? '', /could not be read/);
    assert.equal(sample.rails.filter(({ powerW }) => powerW !== null).length, 5);
    tree.troubles.clear();
    near((await sensor.sample()).powerW, 15.7);
  });

  it('keep their total when one that is only shown reads EIO', async () => {
    const [folder] = putHwmon(tree, boards['Xavier NX, Orin NX, Orin Nano']?.chips ?? []);
    tree.troubles.set(`${folder}/in3_input`, 'failed');
    const sample = await (await open()).sample();
    near(sample.powerW, 9);
    assert.match(problemOf(sample, 'VDD_SOC') ?? '', /could not be read/);
  });

  it('have no total when the second chip is not there', async () => {
    putHwmon(tree, agxXavier.slice(0, 1));
    const sample = await (await open()).sample();
    assert.equal(sample.powerW, null);
    assert.equal(problemOf(sample, 'SYS5V'), 'is not there');
  });

  it('that vanish are missed, and found again under another number', async () => {
    const [first, second] = putHwmon(tree, agxXavier);
    assert.ok(first && second);
    const sensor = await open();
    tree.take(second);
    const sample = await sensor.sample();
    assert.equal(sample.powerW, null);
    assert.equal(problemOf(sample, 'CV'), 'is gone');
    putHwmon(tree, agxXavier.slice(1), 11);
    clock.passS(6);
    near((await sensor.sample()).powerW, 15.7);
    tree.take('/sys/class/hwmon');
    clock.passS(6);
    const gone = await sensor.sample();
    assert.equal(gone.powerW, null);
    assert.ok(gone.rails.every(({ powerW, problem }) => powerW === null && problem !== null));
  });

  it('are dropped with their reason when they say something absurd', async () => {
    const [folder] = putHwmon(tree, agxXavier);
    const sensor = await open();
    for (const [text, problem] of [
      ['-1200', /negative/],
      ['nan', /not a number/],
      ['', /not a number/],
      ['99999999', /more than 250 W/],
    ] as const) {
      tree.put(`${folder}/curr1_input`, text);
      const sample = await sensor.sample();
      assert.equal(sample.powerW, null, text);
      assert.match(problemOf(sample, 'GPU') ?? '', problem);
    }
    // One step of the chip below zero is its offset.
    tree.put(`${folder}/curr1_input`, '-8');
    near((await sensor.sample()).powerW, 7.6);
  });

  it('that are all zero are no measurement', async () => {
    putHwmon(tree, [[['VDD_IN', 0]]]);
    assert.equal((await (await open()).sample()).powerW, null);
  });

  it('with the same name twice have no total', async () => {
    putHwmon(tree, [[['VDD_IN', 4]], [['VDD_IN', 5]]]);
    assert.equal((await (await open()).sample()).powerW, null);
  });

  it('whose labels may not be read are denied, not missing', async () => {
    const [folder] = putHwmon(tree, [[['VDD_IN', 4]]]);
    tree.troubles.set(`${folder}/in1_label`, 'denied');
    assert.deepEqual(await openRailSensor(tree.files, clock), { sensor: null, denied: [folder] });
  });

  it('are told by what is there: the rail at the input before any sum', () => {
    assert.equal(railTotalOf(['GPU', 'CPU', 'SOC'])?.parts.length, 6);
    assert.equal(railTotalOf(['GPU']), null);
    assert.deepEqual(railTotalOf(['VDD_CPU_SOC_MSS', 'VDD_GPU', 'VIN_SYS_5V0'])?.parts, ['VIN']);
  });

  it('understand numbers with and without a unit, and nothing else', () => {
    assert.equal(parseQuantity('32760 ma'), 32760);
    assert.equal(parseQuantity(' -8\n'), -8);
    assert.equal(parseQuantity('12.5mW'), 12.5);
    for (const text of ['', 'N/A', '12 34', '1e3x', 'ma', '0x10']) assert.equal(parseQuantity(text), null, text);
    assert.equal(judgePower(Infinity, jetsonRailBounds).powerW, null);
  });
});
