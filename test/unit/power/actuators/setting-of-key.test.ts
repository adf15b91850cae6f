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

  it('is none for files of /sys that no actuator sets, and for cards that are none', () => {
    for (const key of [
      'file:/sys/power/state',
      'file:/sys/devices/system/cpu/cpu1/online',
      'file:/sys/devices/system/cpu/cpufreq/policy0/scaling_min_freq',
      'file:/sys/class/hwmon/hwmon1/curr1_crit',
      'file:/sys/class/devfreq/17000000.gv11b/min_freq',
      'file:/sys/class/devfreq/../../power/max_freq',
      'file:/sys/class/drm/card0/gt/max_freq',
      'nvidia-smi:',
      'nvidia-smi:--help',
    ]) {
      assert.equal(settingOf(key), null, key);
    }
  });

  it('knows a RAPL limit again that the hardware has rounded', () => {
    const setting = settingOf('file:/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw');
    assert.equal(setting?.same?.('15030000', '15000000'), true);
    assert.equal(setting?.same?.('15030000', '28000000'), false);
  });

  it('is none for other keys and for files outside of /sys', () => {
    for (const key of ['fan', 'file:/etc/passwd', 'file:/sys/../etc/passwd', 'file:sys/x', 'file:', '']) {
      assert.equal(settingOf(key), null, key);
    }
  });
});
