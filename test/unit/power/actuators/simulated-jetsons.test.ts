import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findJetsonActuators } from '../../../../src/power/actuators/find-jetson-actuators';
import { machineAt } from '../../../../src/power/machine/machine';
import { isEcomapError } from '../../../../src/signals/errors';
import { createDeviceTree, SimulatedBoard, type BoardName, type JetPack } from '../../../../src/simulation/devices';
import { RememberedChanges } from '../fakes';

/** From the default mode of each release. */
const releases: readonly { board: BoardName; jetPack: JetPack; needReboot: readonly string[] }[] = [
  { board: 'agx-xavier', jetPack: 4, needReboot: ['MODE_10W'] },
  { board: 'agx-xavier', jetPack: 5, needReboot: ['MODE_10W'] },
  { board: 'agx-orin', jetPack: 5, needReboot: ['MAXN', 'MODE_50W', 'MODE_15W'] },
  { board: 'agx-orin', jetPack: 6, needReboot: ['MAXN', 'MODE_50W', 'MODE_15W'] },
  { board: 'orin-nx-16gb', jetPack: 5, needReboot: ['MAXN', '25W'] },
  { board: 'orin-nx-16gb', jetPack: 6, needReboot: ['15W', '10W'] },
  { board: 'orin-nano-8gb', jetPack: 5, needReboot: ['7W'] },
  { board: 'orin-nano-8gb', jetPack: 6, needReboot: ['7W'] },
];

describe('Power modes and clock caps of simulated Jetsons', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ecomap-simulated-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { board, jetPack, needReboot } of releases) {
    it(`${board}, JetPack ${jetPack}: each mode is set and proved, or refused because it would reboot`, async () => {
      const tree = createDeviceTree(folder, { board, jetPack });
      const changes = new RememberedChanges();
      const { actuators } = await findJetsonActuators(machineAt(tree.root, tree.programFolder), changes);
      const [nvpmodel, clocks] = actuators;
      assert.ok(nvpmodel?.name === 'nvpmodel' && clocks?.name === 'clocks');
      const start = await nvpmodel.readBack();
      assert.equal(start?.name, tree.release.modes.find(({ id }) => id === tree.release.defaultId)?.name);
      const refused: string[] = [];
      for (const { name } of await nvpmodel.states()) {
        try {
          assert.equal((await nvpmodel.apply(name)).inForce?.name, name);
        } catch (error) {
          assert.ok(isEcomapError(error) && error.code === 'CAP_NOT_ENFORCEABLE', String(error));
          assert.match(error.message, /needs a reboot/);
          refused.push(name);
        }
        const ladder = await clocks.states();
        assert.deepEqual(await clocks.readBack(), ladder[0], name);
      }
      assert.deepEqual(refused, needReboot);
      const low = (await clocks.states()).at(-1);
      assert.deepEqual((await clocks.apply(low?.name ?? '')).inForce, low);
      await changes.restore();
      assert.deepEqual(await nvpmodel.readBack(), start);
      assert.equal(new SimulatedBoard(tree).reboots, 0);
    });
  }
});
