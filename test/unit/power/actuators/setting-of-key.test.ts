import assert from 'node:assert/strict';
import { settingOfKey } from '../../../../src/power/actuators/setting-of-key';
import { thisMachine } from '../../../../src/power/machine/machine';

describe('the setting behind a recorded key', () => {
  const settingOf = settingOfKey(thisMachine);

  it('is known for everything that the actuators set', () => {
    for (const key of [
      'nvpmodel',
      'nvidia-smi:GPU-1',
      'file:/sys/class/devfreq/17000000.gv11b/max_freq',
      'file:/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw',
    ]) {
      assert.equal(settingOf(key)?.key, key);
    }
  });

  it('is none for other keys and for files outside of /sys', () => {
    for (const key of ['fan', 'file:/etc/passwd', 'file:/sys/../etc/passwd', 'file:sys/x', 'file:', '']) {
      assert.equal(settingOf(key), null, key);
    }
  });
});
