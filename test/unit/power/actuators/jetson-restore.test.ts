import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findJetsonActuators } from '../../../../src/power/actuators/find-jetson-actuators';
import { nvpmodelSetting } from '../../../../src/power/actuators/nvpmodel/nvpmodel-setting';
import { fileSetting, pathOfKey } from '../../../../src/power/safety/file-setting';
import { openMachineChanges } from '../../../../src/power/safety/machine-changes';
import { restoreAfterCrash } from '../../../../src/power/safety/restore-after-crash';
import type { MachineChanges, Setting } from '../../../../src/power/safety/setting';
import { isEcomapError } from '../../../../src/signals/errors';
import { FakeClock, fakeProcesses } from '../safety/folder-machine';
import { agxXavier } from './jetson-boards';
import { JetsonTree } from './jetson-tree';

const dead = { pid: 4_000_000, startTicks: 77, bootId: 'boot-1' };

describe('What was set on a Jetson', () => {
  let tree: JetsonTree;
  let stateDirectory: string;
  let clock: FakeClock;
  const opened: MachineChanges[] = [];
  beforeEach(() => {
    tree = new JetsonTree(agxXavier, 'MAXN');
    stateDirectory = join(tree.root, 'user');
    mkdirSync(stateDirectory);
    clock = new FakeClock();
  });
  afterEach(async () => {
    // A run that crashed in name only still waits for the end of this process.
    for (const changes of opened.splice(0)) await changes.restore();
    tree.discard();
  });

  const settingOfKey = (key: string): Setting | null => {
    const path = pathOfKey(key);
    if (path !== null) return fileSetting(tree.machine, path);
    return key === 'nvpmodel' ? nvpmodelSetting(tree.machine) : null;
  };

  const assertAsBefore = async (): Promise<void> => {
    assert.equal(await nvpmodelSetting(tree.machine).read(), 'MAXN');
    assert.equal(tree.gpuMaxMhz, 1377);
    for (const cluster of [0, 2, 4, 6]) assert.equal(tree.cpuMaxKhz(cluster), 2_265_600);
    assert.equal(Number(tree.read(agxXavier.emcPath)), 0);
  };

  /** A mode, then a cap within it (or the other way round). */
  async function limit(order: readonly ('nvpmodel' | 'clocks')[]): Promise<MachineChanges> {
    const processes = fakeProcesses(dead);
    const changes = openMachineChanges({
      machine: tree.machine,
      stateDirectory,
      dryRun: false,
      clock,
      owner: 'test',
      processes,
    });
    opened.push(changes);
    const { actuators } = await findJetsonActuators(tree.machine, changes);
    for (const name of order) {
      const actuator = actuators.find((candidate) => candidate.name === name) ?? assert.fail();
      const states = await actuator.states();
      const wanted = name === 'nvpmodel' ? 'MODE_30W_ALL' : (states.at(-3)?.name ?? '');
      assert.equal((await actuator.apply(wanted)).inForce?.name, wanted);
      clock.nowMs += 10_000;
    }
    return changes;
  }

  const orders = [
    ['nvpmodel', 'clocks'],
    ['clocks', 'nvpmodel'],
    ['clocks', 'nvpmodel', 'clocks'],
  ] as const;
  for (const order of orders) {
    it(`by ${order.join(', then ')}, is taken back at the end`, async () => {
      const changes = await limit(order);
      assert.notEqual(tree.gpuMaxMhz, 1377);
      const { failed } = await changes.restore();
      assert.deepEqual(failed, []);
      await assertAsBefore();
    });

    it(`by ${order.join(', then ')}, is taken back at the next start after a crash`, async () => {
      await limit(order);
      const processes = fakeProcesses({ ...dead, pid: 5 });
      const { failed, heldBy } = await restoreAfterCrash(stateDirectory, tree.machine, settingOfKey, { processes });
      assert.deepEqual({ failed, heldBy }, { failed: [], heldBy: null });
      await assertAsBefore();
    });
  }

  it('does not change its mode twice within a minute', async () => {
    const changes = await limit(['nvpmodel']);
    const { actuators } = await findJetsonActuators(tree.machine, changes);
    const nvpmodel = actuators.find(({ name }) => name === 'nvpmodel') ?? assert.fail();
    await assert.rejects(
      nvpmodel.apply('MAXN'),
      (error) => isEcomapError(error) && error.code === 'CAP_NOT_ENFORCEABLE' && /in 50.0 s/.test(error.message),
    );
    clock.nowMs += 50_000;
    assert.equal((await nvpmodel.apply('MAXN')).inForce?.name, 'MAXN');
  });
});
