import assert from 'node:assert/strict';
import { findSensors } from '../../../../src/power/meters/find-sensors';
import { openRailSensor } from '../../../../src/power/meters/sensors/rail-sensor';
import { kinds, Trees } from '../../simulation/devices/trees';

describe('the rails of simulated Jetsons', () => {
  const trees = new Trees();
  afterEach(() => {
    trees.remove();
  });

  for (const [board, jetPack] of kinds) {
    it(`are read like those of hardware: ${board}, JetPack ${jetPack}`, async () => {
      const { machine, board: alive } = trees.make({ board, jetPack });
      const { sensors } = await findSensors(machine);
      const [sensor] = sensors;
      assert.ok(sensor);
      assert.equal(sensor.name, 'ina3221');
      for (let step = 0; step < 3; step += 1) {
        const { powerW } = alive.advance(50);
        const sample = await sensor.sample();
        // Noise of 1 % on each rail and steps of 8 mA.
        assert.ok(
          sample.powerW !== null && Math.abs(sample.powerW - powerW) < 0.05 * powerW + 0.5,
          `${sample.powerW} is not ${powerW}`,
        );
      }
      await Promise.all(sensors.map((one) => one.close()));
    });
  }

  for (const jetPack of [4, 5] as const) {
    it(`are missed when they break, vanish or freeze at an absurd value, JetPack ${jetPack}`, async () => {
      const { machine, board } = trees.make({ board: 'agx-xavier', jetPack });
      const { sensor } = await openRailSensor(machine.files);
      assert.ok(sensor);
      const problems = async () => {
        const { powerW, rails } = await sensor.sample();
        assert.equal(
          powerW === null,
          rails.some(({ problem }) => problem !== null),
        );
        return Object.fromEntries(rails.flatMap(({ name, problem }) => (problem === null ? [] : [[name, problem]])));
      };
      assert.deepEqual(await problems(), {});
      board.faults.breakRail('CPU');
      board.faults.removeRail('VDDRQ');
      board.faults.freezeRail('GPU', -1000);
      const { CPU, ...others } = await problems();
      assert.match(CPU ?? '', /could not be read/);
      assert.deepEqual(Object.keys(others), ['GPU', 'VDDRQ']);
      assert.equal(others['VDDRQ'], 'is gone');
      assert.match(others['GPU'] ?? '', /negative/);
      await sensor.close();
    });
  }
});
