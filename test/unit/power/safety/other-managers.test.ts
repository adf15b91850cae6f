import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hardwareActuatorNames } from '../../../../src/power/actuators/hardware-actuator';
import { thisMachine } from '../../../../src/power/machine/machine';
import { findOtherManagers, refusalBeside } from '../../../../src/power/safety/other-managers';
import { FolderMachine } from './folder-machine';

const beside = (besideManagers: string[] = []): { besideManagers: string[] } => ({ besideManagers });

describe('other power managers', () => {
  let folder: FolderMachine;
  beforeEach(() => {
    folder = new FolderMachine({ '/proc/1/comm': 'systemd', '/proc/self/comm': 'node' });
  });
  afterEach(() => {
    folder.remove();
  });
  const names = async (): Promise<string[]> => (await findOtherManagers(folder.machine)).map(({ name }) => name);

  it('are none on a bare machine, and looking at the real one works', async () => {
    assert.deepEqual(await names(), []);
    assert.ok(Array.isArray(await findOtherManagers(thisMachine)));
  });

  for (const [comm, name, refused] of [
    ['thermald', 'thermald', ['cpufreq', 'rapl']],
    ['power-profiles-', 'power-profiles-daemon', ['cpufreq']],
    ['tuned', 'tuned', ['cpufreq']],
    ['auto-cpufreq', 'auto-cpufreq', ['cpufreq']],
    ['jtop', 'jtop', ['nvpmodel', 'clocks']],
    ['nvidia-powerd', 'nvidia-powerd', []],
  ] as const) {
    it(`${name} is known by its process and refuses ${refused.join(', ') || 'nothing'}`, async () => {
      folder.put('/proc/812/comm', comm);
      const managers = await findOtherManagers(folder.machine);
      assert.deepEqual(
        managers.map((manager) => manager.name),
        [name],
      );
      for (const actuator of hardwareActuatorNames) {
        const refusal = refusalBeside(actuator, managers, beside());
        assert.equal(refusal !== null, (refused as readonly string[]).includes(actuator), actuator);
        if (refusal !== null) assert.match(refusal, new RegExp(`${name}.*systemctl disable --now.*besideManagers`));
        assert.equal(refusalBeside(actuator, managers, beside([name])), null, 'settings.js may allow both');
      }
    });
  }

  it('tlp is known by its folder in /run', async () => {
    mkdirSync(join(folder.root, 'run/tlp'), { recursive: true });
    assert.deepEqual(await names(), ['tlp']);
  });

  describe('a jetson_clocks lock', () => {
    const gpu = '/sys/class/devfreq/17000000.gv11b';
    const put = (min: string, max: string, device = gpu): void => {
      folder.put(`${device}/min_freq`, min);
      folder.put(`${device}/max_freq`, max);
      folder.put(`${device}/available_frequencies`, '114750000 905250000 1377000000');
    };

    it('is a lowest clock that equals the highest', async () => {
      put('1377000000', '1377000000');
      const managers = await findOtherManagers(folder.machine);
      assert.match(refusalBeside('clocks', managers, beside()) ?? '', /jetson_clocks --restore/);
    });

    it('is not a free clock, a cap at the lowest step, or another device', async () => {
      put('114750000', '1377000000');
      assert.deepEqual(await names(), []);
      put('114750000', '114750000');
      assert.deepEqual(await names(), []);
      put('905250000', '905250000', '/sys/class/devfreq/15340000.vic');
      assert.deepEqual(await names(), []);
    });
  });

  it('the boot service of nvpmodel is told and refuses nothing', async () => {
    folder.put('/etc/systemd/system/nvpmodel.service', '[Service]');
    folder.put('/lib/systemd/system/nvpmodel.service', '[Service]');
    const managers = await findOtherManagers(folder.machine);
    assert.equal(managers.length, 1);
    assert.equal(refusalBeside('nvpmodel', managers, beside()), null);
  });
});
