import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readThrottleEvents } from '../../../../../src/power/actuators/clocks/throttle-events';
import { machineAt } from '../../../../../src/power/machine/machine';
import { createDeviceTree } from '../../../../../src/simulation/devices';
import { agxXavier } from '../jetson-boards';
import { JetsonTree } from '../jetson-tree';

describe('Throttle events of a Jetson', () => {
  it('are counted and told; other sensors and devices are left alone', async () => {
    const tree = new JetsonTree(agxXavier, 'MAXN');
    try {
      assert.deepEqual(await readThrottleEvents(tree.machine), { overCurrent: [], alerts: [] });
      tree.write('/sys/class/hwmon/hwmon0/name', 'ina3221');
      tree.write('/sys/class/hwmon/hwmon0/oc9_event_cnt', '1');
      tree.write('/sys/class/hwmon/hwmon4/name', 'soctherm_oc');
      tree.write('/sys/class/hwmon/hwmon4/oc1_event_cnt', '0');
      tree.write('/sys/class/hwmon/hwmon4/oc2_event_cnt', 'broken');
      tree.write('/sys/class/hwmon/hwmon4/oc3_event_cnt', '12');
      tree.write('/sys/class/thermal/cooling_device0/type', 'pwm-fan');
      tree.write('/sys/class/thermal/cooling_device0/cur_state', '3');
      tree.write('/sys/class/thermal/cooling_device2/type', 'gpu-throttle-alert');
      tree.write('/sys/class/thermal/cooling_device2/cur_state', '1');
      tree.write('/sys/class/thermal/cooling_device3/type', 'cpu-throttle-alert');
      tree.write('/sys/class/thermal/cooling_device3/cur_state', '0');
      assert.deepEqual(await readThrottleEvents(tree.machine), {
        overCurrent: [
          { name: 'oc1', meaning: 'supply voltage too low', count: 0 },
          { name: 'oc3', meaning: 'current too high for a moment', count: 12 },
        ],
        alerts: [
          { name: 'gpu-throttle-alert', active: true },
          { name: 'cpu-throttle-alert', active: false },
        ],
      });
    } finally {
      tree.discard();
    }
  });

  it('are found on a simulated Orin', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ecomap-simulated-'));
    try {
      const tree = createDeviceTree(folder, { board: 'agx-orin', jetPack: 6 });
      const { overCurrent } = await readThrottleEvents(machineAt(tree.root, tree.programFolder));
      assert.deepEqual(
        overCurrent.map(({ name }) => name),
        ['oc1', 'oc2', 'oc3'],
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
