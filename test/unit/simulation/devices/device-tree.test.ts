import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDeviceTree } from '../../../../src/simulation/devices';
import { kinds, Trees } from './trees';

describe('a simulated device as files', () => {
  const trees = new Trees();
  afterEach(() => {
    trees.remove();
  });

  for (const [board, jetPack] of kinds) {
    it(`${board}, JetPack ${jetPack}: GPU, cores, sensors and modes are where the release has them`, async () => {
      const { tree, machine } = trees.make({ board, jetPack });
      const { files } = machine;
      assert.match(await files.read('/proc/device-tree/model'), /Jetson/);
      assert.match(readFileSync(join(tree.root, '/proc/device-tree/compatible'), 'utf8'), /nvidia,tegra\d+\0$/);
      // By name, as one who does not know the release has to look.
      const gpus = await files.list('/sys/class/devfreq');
      assert.equal(gpus.length, 1);
      const node = await files.read(`/sys/class/devfreq/${gpus[0]}/device/of_node/name`);
      assert.equal(node, jetPack === 6 ? 'gpu' : board === 'agx-xavier' ? 'gv11b' : 'ga10b');
      const steps = (await files.read(`/sys/class/devfreq/${gpus[0]}/available_frequencies`)).split(' ').map(Number);
      assert.ok(steps.includes(Number(await files.read(`/sys/class/devfreq/${gpus[0]}/max_freq`))));
      assert.equal(
        await files.resolve(jetPack === 6 ? '/sys/devices/platform/gpu.0' : '/sys/devices/gpu.0'),
        tree.layout.gpuDevice,
      );
      const cores = tree.board.cpu.cores;
      const online = await Promise.all(
        Array.from({ length: cores }, (_, core) => files.read(`/sys/devices/system/cpu/cpu${core}/online`)),
      );
      const mode = tree.release.modes.find((one) => one.id === tree.release.defaultId);
      assert.equal(online.filter((text) => text === '1').length, mode?.cores);
      assert.equal((await files.read('/proc/cpuinfo')).match(/^processor/gm)?.length, cores);
      assert.match(await files.read('/etc/nvpmodel.conf'), /<PARAM TYPE=CLOCK NAME=EMC >/);
      assert.equal(await files.resolve('/etc/nvpmodel.conf'), tree.layout.conf);
      assert.match(await files.read('/var/lib/nvpmodel/status'), new RegExp(`^pmode:000${mode?.id}`));
      if (jetPack === 4) {
        const folder = '/sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0';
        assert.equal(await files.read(`${folder}/rail_name_0`), 'GPU');
        assert.ok(Number(await files.read(`${folder}/in_power2_input`)) > 0);
        assert.equal(await files.read(`${folder}/crit_current_limit_0`), '32760 ma');
      } else {
        const names = await files.list('/sys/class/hwmon');
        const monitors = [];
        for (const name of names) {
          if ((await files.read(`/sys/class/hwmon/${name}/name`)) === 'ina3221') monitors.push(name);
        }
        assert.equal(monitors.length, tree.board.monitors.length);
        assert.equal(await files.read(`/sys/class/hwmon/${monitors[0]}/in7_label`), 'sum of shunt voltages');
        assert.equal(await files.exists(`/sys/class/hwmon/${monitors[0]}/power1_input`), false);
      }
    });

    it(`${board}, JetPack ${jetPack}: every setting of every mode has a file on this kernel`, async () => {
      const { machine } = trees.make({ board, jetPack });
      const text = await machine.files.read('/etc/nvpmodel.conf');
      const places = new Map<string, string>();
      for (const line of text.split('\n')) {
        const place = /^(\S+)\s+(\/\S+)/.exec(line);
        if (place?.[1] !== undefined && place[2] !== undefined) places.set(place[1] + place[2], place[2]);
      }
      const missing = [];
      for (const path of places.values()) {
        if (!(await machine.files.exists(path)) && !path.endsWith('/hwmon')) missing.push(path);
      }
      // One of the two kernels' paths to the GPU, three files each.
      assert.equal(missing.filter((path) => path.includes('17000000.')).length, 3, missing.join('\n'));
      assert.deepEqual(
        missing.filter((path) => !path.includes('17000000.')),
        [],
      );
    });
  }

  it('leaves modes out, so that IDs have gaps, and starts in the mode that is asked for', async () => {
    const { machine } = trees.make({
      board: 'agx-xavier',
      mode: 'MODE_30W_2CORE',
      withoutModes: ['MODE_15W', 'MODE_30W_ALL'],
    });
    const ids = [...(await machine.files.read('/etc/nvpmodel.conf')).matchAll(/POWER_MODEL ID=(\d)/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(ids, ['0', '1', '4', '5', '6', '7']);
    assert.equal(await machine.files.read('/var/lib/nvpmodel/status'), 'pmode:0006');
  });

  it('refuses a release that the board never had, and an unknown mode', () => {
    assert.throws(() => trees.make({ board: 'agx-orin', jetPack: 4 }), {
      code: 'INVALID_CONFIG',
      message: /take 5 or 6/,
    });
    assert.throws(() => createDeviceTree('/nowhere', { board: 'agx-xavier', jetPack: 6 }), { code: 'INVALID_CONFIG' });
    assert.throws(() => trees.make({ board: 'agx-orin', mode: 'MAX' }), {
      code: 'INVALID_CONFIG',
      message: /MODE_50W/,
    });
  });
});
