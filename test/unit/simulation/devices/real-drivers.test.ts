import assert from 'node:assert/strict';
import { findJetsonActuators } from '../../../../src/power/actuators/find-jetson-actuators';
import type { HardwareActuatorName } from '../../../../src/power/actuators/hardware-actuator';
import { findSensors } from '../../../../src/power/meters/find-sensors';
import { tpcsOn } from '../../../../src/simulation/devices/boards/board';
import { RememberedChanges } from '../../power/fakes';
import { kinds, Trees, type SimulatedMachine } from './trees';

/** The same meters and actuators as on hardware, on every simulated board. */
describe('meters and actuators on a simulated device', () => {
  const trees = new Trees();
  afterEach(() => {
    trees.remove();
  });

  async function actuator({ machine }: SimulatedMachine, name: HardwareActuatorName) {
    const { actuators, findings } = await findJetsonActuators(machine, new RememberedChanges());
    const found = actuators.find((one) => one.name === name);
    assert.ok(found !== undefined, JSON.stringify(findings));
    return found;
  }

  for (const [board, jetPack] of kinds) {
    describe(`${board}, JetPack ${jetPack}`, () => {
      it('the meter finds the rails and their total', async () => {
        const simulated = trees.make({ board, jetPack });
        simulated.board.setWorkload({ gpu: 0.8, cpuCores: 2 });
        simulated.board.advance(1000);
        const { sensors, findings } = await findSensors(simulated.machine);
        try {
          const [best] = sensors;
          assert.ok(best !== undefined, JSON.stringify(findings));
          assert.match(best.method, /INA3221/);
          const { powerW, rails } = await best.sample();
          const inTotal = rails.filter((rail) => rail.inTotal).map((rail) => rail.name);
          assert.deepEqual(inTotal.toSorted(), simulated.tree.board.totalOf.toSorted());
          assert.ok(powerW !== null && Math.abs(powerW / simulated.board.now.powerW - 1) < 0.04, `${powerW} W`);
        } finally {
          for (const sensor of sensors) await sensor.close();
        }
      });

      it('the modes are those of the configuration; what needs a reboot is refused, the rest is put into force', async () => {
        const simulated = trees.make({ board, jetPack });
        const { tree } = simulated;
        const modes = await actuator(simulated, 'nvpmodel');
        const states = await modes.states();
        assert.deepEqual(
          states.map((state) => state.name).toSorted(),
          tree.release.modes.map((mode) => mode.name).toSorted(),
        );
        const before = simulated.board.advance(1).clocks;
        for (const mode of tree.release.modes) {
          const state = states.find((one) => one.name === mode.name);
          const reachable = tpcsOn(tree.board, mode.tpcMask) === before.tpcs;
          assert.equal(state?.refusal === null, reachable, `${mode.name}: ${state?.refusal}`);
          if (!reachable) continue;
          const { inForce } = await modes.apply(mode.name);
          assert.equal(inForce?.name, mode.name);
        }
        assert.equal(simulated.board.reboots, 0);
      });

      it('a clock cap takes effect', async () => {
        const simulated = trees.make({ board, jetPack });
        simulated.board.setWorkload({ gpu: 1, cpuCores: 2 });
        const before = simulated.board.advance(100);
        const clocks = await actuator(simulated, 'clocks');
        const lowest = (await clocks.states()).at(-1);
        assert.ok(lowest !== undefined);
        await clocks.apply(lowest.name);
        const after = simulated.board.advance(100);
        assert.ok(after.clocks.gpuMhz < before.clocks.gpuMhz && after.powerW < before.powerW, lowest.name);
      });
    });
  }

  it('a rail that breaks leaves no total and says why', async () => {
    const simulated = trees.make({ board: 'agx-xavier', jetPack: 5 });
    simulated.board.advance(100);
    const { sensors } = await findSensors(simulated.machine);
    try {
      const [best] = sensors;
      assert.ok(best !== undefined);
      simulated.board.faults.breakRail('CPU');
      const { powerW, rails } = await best.sample();
      assert.equal(powerW, null);
      assert.notEqual(rails.find((rail) => rail.name === 'CPU')?.problem, null);
    } finally {
      for (const sensor of sensors) await sensor.close();
    }
  });
});
