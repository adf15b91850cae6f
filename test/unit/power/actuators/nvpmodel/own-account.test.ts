import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNvpmodelAccount } from '../../../../../src/power/actuators/nvpmodel/own-account';
import { machineAt } from '../../../../../src/power/machine/machine';
import { createDeviceTree, type BoardName, type JetPack } from '../../../../../src/simulation/devices';

const releases: readonly (readonly [BoardName, JetPack])[] = [
  ['agx-xavier', 4],
  ['agx-xavier', 5],
  ['orin-nx-16gb', 6],
];

describe('What nvpmodel says of itself', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ecomap-simulated-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [board, jetPack] of releases) {
    it(`${board}, JetPack ${jetPack}: agrees with the machine, until something else sets a clock`, async () => {
      const tree = createDeviceTree(folder, { board, jetPack });
      const machine = machineAt(tree.root, tree.programFolder);
      const account = await readNvpmodelAccount(machine);
      const started = tree.release.modes.find(({ id }) => id === tree.release.defaultId);
      assert.deepEqual(account, {
        mode: { name: started?.name, id: started?.id },
        defaultMode: { name: started?.name, id: started?.id },
        notInForce: [],
        listedDifferently: [],
      });
      writeFileSync(join(tree.root, tree.layout.devfreq, 'max_freq'), '306000000');
      const [differing, ...others] = (await readNvpmodelAccount(machine))?.notInForce ?? [];
      assert.equal(differing?.found, '306000000');
      assert.deepEqual(others, []);
    });
  }

  it('nothing where there is no nvpmodel', async () => {
    assert.equal(await readNvpmodelAccount(machineAt(folder, folder)), null);
  });
});
