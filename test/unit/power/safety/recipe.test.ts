import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const recipe = join(import.meta.dirname, '../../../../recipe');

interface Outcome {
  readonly code: number;
  readonly text: string;
}

async function outcomeOf(program: string, args: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(program, [...args]);
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

describe('the recipe for rights without root', () => {
  let root: string;
  const install = (...args: string[]): Promise<Outcome> => outcomeOf('sh', [join(recipe, 'install.sh'), ...args]);
  const files = (): string[] =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
      .sort();
  const text = (path: string): string => readFileSync(join(root, path), 'utf8');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ecomap-recipe-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  const plain = ['/etc/tmpfiles.d/ecomap-power.conf', '/etc/udev/rules.d/90-ecomap-power.rules'];
  const withHelper = [
    '/etc/ecomap-power.json',
    '/etc/sudoers.d/ecomap-nvpmodel',
    '/etc/systemd/system/ecomap-power.service',
    '/etc/systemd/system/ecomap-power.socket',
    ...plain,
    '/usr/local/lib/ecomap-power/ecomap-power-helper.mjs',
    '/usr/local/lib/ecomap-power/lease.mjs',
    '/usr/local/lib/ecomap-power/settings.mjs',
  ];

  it('says in a dry run every file and command, and does nothing', async () => {
    const { code, text: said } = await install('--dry-run', '--user', 'pi', '--with-helper', '--nvpmodel-mode', '2');
    assert.equal(code, 0);
    for (const path of withHelper) assert.ok(said.includes(`write: ${path} `), path);
    assert.match(said, /run: usermod --append --groups ecomap pi/);
    assert.match(said, /run: systemctl enable --now ecomap-power\.socket/);
    assert.equal((await install('--dry-run', '--root', root, '--with-helper')).code, 0);
    assert.deepEqual(files(), []);
  });

  it('installs below a folder: first the rules alone, then all, then nothing', async () => {
    assert.equal((await install('--root', root)).code, 0);
    assert.deepEqual(files(), plain);
    assert.equal(
      (await install('--root', root, '--with-helper', '--nvpmodel-mode', '2', '--nvpmodel-mode', '3')).code,
      0,
    );
    assert.deepEqual(files(), withHelper);
    for (const path of files()) assert.doesNotMatch(text(path), /@[A-Z]+@/, `${path} has nothing left to fill in`);
    assert.equal((await install('--root', root, '--uninstall')).code, 0);
    assert.deepEqual(files(), []);
  });

  it('permits by sudo exactly the modes that were named', async () => {
    await install('--root', root, '--nvpmodel-mode', '2', '--nvpmodel-mode', '10');
    const rules = text('/etc/sudoers.d/ecomap-nvpmodel')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.deepEqual(rules, [
      '%ecomap ALL=(root) NOPASSWD: /usr/sbin/nvpmodel -m 2',
      '%ecomap ALL=(root) NOPASSWD: /usr/sbin/nvpmodel -m 10',
    ]);
    assert.equal(statSync(join(root, 'etc/sudoers.d/ecomap-nvpmodel')).mode & 0o777, 0o440);
  });

  it('gives the helper the same modes, and keeps a configuration that is there', async () => {
    await install('--root', root, '--with-helper', '--nvpmodel-mode', '2', '--nvpmodel-mode', '3');
    const config = JSON.parse(text('/etc/ecomap-power.json')) as { allow: string[]; nvpmodelModes: number[] };
    assert.deepEqual(config, { allow: ['gpu-clock', 'cpu-clock', 'rapl'], nvpmodelModes: [2, 3] });
    writeFileSync(join(root, 'etc/ecomap-power.json'), '{"allow":[]}');
    assert.match((await install('--root', root, '--with-helper')).text, /keep: .*ecomap-power\.json/);
    assert.equal(text('/etc/ecomap-power.json'), '{"allow":[]}');
  });

  it('removes no more than it has installed', async () => {
    await install('--root', root, '--with-helper');
    writeFileSync(join(root, 'etc/ecomap-power.json'), '{"allow":["rapl"]}');
    writeFileSync(join(root, 'usr/local/lib/ecomap-power/notes'), 'mine');
    const { code, text: said } = await install('--root', root, '--uninstall');
    assert.equal(code, 0);
    assert.match(said, /keep: .*ecomap-power\.json, which was written by hand/);
    assert.deepEqual(files(), ['/etc/ecomap-power.json', '/usr/local/lib/ecomap-power/notes']);
  });

  it('works from and into folders with odd names', async () => {
    const odd = join(root, `it's "odd" & | $HOME`);
    const copy = join(odd, 'recipe');
    cpSync(recipe, copy, { recursive: true });
    const target = join(odd, 'image');
    const fromThere = (...args: string[]): Promise<Outcome> =>
      outcomeOf('sh', [join(copy, 'install.sh'), '--root', target, ...args]);
    assert.equal((await fromThere('--with-helper', '--nvpmodel-mode', '2')).code, 0);
    assert.match(readFileSync(join(target, 'etc/sudoers.d/ecomap-nvpmodel'), 'utf8'), /nvpmodel -m 2$/m);
    assert.equal((await fromThere('--uninstall')).code, 0);
    assert.equal(existsSync(join(target, 'etc/ecomap-power.json')), false);
  });

  for (const [what, args] of Object.entries({
    'a mode that is no number': ['--nvpmodel-mode', '2 --force'],
    'a wildcard as a mode': ['--nvpmodel-mode', '*'],
    'a mode without a value': ['--nvpmodel-mode'],
    'a user with a blank': ['--user', 'a b'],
    'an option in place of a user': ['--user', '-G'],
    'an unknown option': ['--now'],
  })) {
    it(`refuses ${what}`, async () => {
      const { code, text: said } = await install('--root', root, ...args);
      assert.equal(code, 1);
      assert.match(said, /install\.sh: /);
      assert.deepEqual(files(), []);
    });
  }

  it('names in its rules only what is needed, and never lets others write', () => {
    const lines = readFileSync(join(recipe, 'tmpfiles.d/ecomap-power.conf'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s+/));
    const writable = lines.filter(([, , mode]) => mode === '0664').map(([, path = '']) => path);
    for (const path of writable) {
      assert.match(path, /\/(max_freq|scaling_max_freq|constraint_0_power_limit_uw)$/);
    }
    assert.ok(writable.length >= 8);
    for (const [type, path = '', mode = '', user, group] of lines) {
      assert.deepEqual([type, user, mode.at(-1)], ['z', 'root', path.includes('energy_uj') ? '0' : '4']);
      if (mode === '0444') assert.equal(group, 'root');
    }
  });

  it('is applied by systemd-tmpfiles as meant', async function () {
    const tool = await outcomeOf('systemd-tmpfiles', ['--version']);
    // Changing groups takes root.
    if (tool.code !== 0 || process.getuid?.() !== 0) this.skip();
    const modes: Record<string, number> = {
      '/sys/class/devfreq/17000000.gv11b/max_freq': 0o664,
      '/sys/class/devfreq/17000000.gv11b/min_freq': 0o644,
      '/sys/class/devfreq/15340000.vic/max_freq': 0o644,
      '/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw': 0o664,
      '/sys/class/powercap/intel-rapl:0/constraint_1_power_limit_uw': 0o644,
      '/sys/class/powercap/intel-rapl:0/energy_uj': 0o440,
      '/sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq': 0o664,
      '/sys/devices/system/cpu/cpufreq/policy4/scaling_min_freq': 0o644,
      '/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_label': 0o444,
    };
    for (const path of Object.keys(modes)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), 'untouched', { mode: 0o644 });
    }
    await install('--root', root);
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n');
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\necomap:x:977:\n');
    chownSync(root, 0, 0);
    const { code, text: said } = await outcomeOf('systemd-tmpfiles', [
      `--root=${root}`,
      '--create',
      'ecomap-power.conf',
    ]);
    assert.equal(code, 0, said);
    for (const [path, mode] of Object.entries(modes)) {
      const { mode: found, gid } = statSync(join(root, path));
      assert.equal((found & 0o777).toString(8), mode.toString(8), path);
      assert.equal(gid, mode === 0o664 || mode === 0o440 ? 977 : 0, path);
      assert.equal(text(path), 'untouched');
    }
  });
});
