import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync, readdirSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';
import { inspectionSchema, type Inspection } from '../../src/power/inspect/inspection';
import { createDeviceTree, SimulatedBoard } from '../../src/simulation/devices';
import { deviceTree, FolderMachine, policies } from '../unit/power/inspect/folder-machine';

const program = join(packageRoot(__dirname), 'dist/doctor.js');

interface Outcome {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command as npm links it. */
function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => (out += String(text)));
    child.stderr.on('data', (text) => (err += String(text)));
    child.on('error', reject);
    child.on('close', (code) => resolve({ pid: child.pid, code, out, err }));
  });
}

const parse = (out: string): Inspection => inspectionSchema.parse(JSON.parse(out));

const headings = (report: string): string[] => [...report.matchAll(/^## (.+)$/gm)].map(([, title]) => title ?? '');

const sections = [
  'Machine',
  'Cores',
  'Accelerators',
  'ONNX Runtime',
  'Power sensors',
  'Power limits',
  'Other managers',
  'Permissions',
  'Cost of models',
];

describe('ecomap-doctor', function () {
  this.timeout(120_000);

  it('is a command that can be run as it is', () => {
    assert.ok((statSync(program).mode & 0o111) !== 0);
  });

  it('reports on this machine, with the providers that really ran', async () => {
    const { code, out, err } = await doctor(['--json']);
    assert.equal(code, 0, err);
    const inspection = parse(out);
    assert.equal(inspection.ofFolder, false);
    assert.deepEqual(inspection.problems, []);
    assert.ok(inspection.cores.usable.length >= 1);
    assert.equal(inspection.system.nodeVersion, process.versions.node);
    const cpu = inspection.runtime?.providers.find(({ name }) => name === 'cpu');
    assert.equal(inspection.runtime?.version !== null, cpu?.ran === true, JSON.stringify(inspection.runtime));
    assert.ok(inspection.runtime?.providers.every(({ ran, why }) => ran === (why === '')));
  });

  it('prints text with every section, and neither host nor home', async () => {
    const { code, out } = await doctor([]);
    assert.equal(code, 0);
    assert.deepEqual(headings(out), sections);
    if (os.hostname().length > 2) assert.ok(!out.includes(os.hostname()));
    assert.doesNotMatch(out, /\/home\/\w/);
  });

  it('leaves nothing behind', async () => {
    const { pid } = await doctor([]);
    // Others may be at work in the same folder: what is ours carries our process number.
    assert.deepEqual(
      readdirSync('/dev/shm').filter((name) => name.startsWith('ecomap-') && name.includes(`-${pid}-`)),
      [],
    );
  });

  it('looks at a folder that stands for another machine, and at nothing else', async () => {
    const khz = 2_265_600;
    const folder = new FolderMachine({
      ...deviceTree('NVIDIA Jetson AGX Xavier Developer Kit', 'nvidia,p2972-0000', 'nvidia,tegra194'),
      ...policies({ cores: [0, 1], khz }, { cores: [2, 3], khz }),
      'etc/nv_tegra_release': '# R35 (release), REVISION: 4.1, GCID: 1, BOARD: t186ref, EABI: aarch64, DATE: x\n',
      'proc/self/status': 'Cpus_allowed_list:\t0-3\n',
      'sys/class/devfreq/17000000.gv11b/max_freq': '1377000000\n',
      'sys/devices/platform/13e40000.host1x/15880000.nvdla0/acm/clk_cap/dla0_core': '1395200000\n',
    });
    try {
      const before = readdirSync(folder.root, { recursive: true }).sort();
      const { code, out, err } = await doctor(['--root', folder.root, '--json']);
      assert.equal(code, 0, err);
      const inspection = parse(out);
      assert.equal(inspection.ofFolder, true);
      assert.equal(inspection.board.id, 'jetson-agx-xavier');
      assert.equal(inspection.system.jetpack, 'JetPack 5');
      assert.equal(inspection.runtime, null);
      assert.deepEqual(
        inspection.accelerators.map(({ name }) => name),
        ['gpu', 'dla0'],
      );
      assert.deepEqual(
        inspection.permissions.map(({ what }) => what),
        ['CPU clock limit', 'CPU clock limit', 'GPU clock limit'],
      );
      const text = (await doctor(['--root', folder.root])).out;
      assert.deepEqual(headings(text), sections);
      assert.match(text, /board: Jetson AGX Xavier/);
      assert.match(text, /GPU \(gpu, 17000000\.gv11b\)/);
      assert.match(text, /about a folder, not about the machine/);
      assert.ok(!text.includes(process.versions.node));
      assert.deepEqual(readdirSync(folder.root, { recursive: true }).sort(), before);
    } finally {
      folder.remove();
    }
  });

  it('reads the rails of a simulated Jetson', async () => {
    const folder = new FolderMachine();
    try {
      const board = new SimulatedBoard(createDeviceTree(folder.root, { board: 'agx-xavier', jetPack: 5 }), {
        noise: 0,
      });
      board.advance(1000);
      const { code, out, err } = await doctor(['--root', folder.root, '--json']);
      assert.equal(code, 0, err);
      const { board: found, sensors, problems } = parse(out);
      assert.equal(found.id, 'jetson-agx-xavier');
      assert.deepEqual(problems, []);
      const [sensor] = sensors;
      assert.equal(sensor?.rails.length, 6);
      assert.deepEqual([sensor.scope, sensor.source], ['module', 'simulated']);
      assert.ok(Math.abs((sensor.powerW ?? 0) - board.now.powerW) < 0.05 * board.now.powerW, `${sensor.powerW} W`);
      const text = (await doctor(['--root', folder.root])).out;
      assert.match(text, /\| SYS5V \| [\d.]+ W \| yes \|/);
    } finally {
      folder.remove();
    }
  });

  it('survives an empty folder and says what is unknown', async () => {
    const folder = new FolderMachine();
    try {
      const { code, out } = await doctor(['--root', folder.root]);
      assert.equal(code, 0);
      assert.deepEqual(headings(out), sections);
      assert.match(out, /C library: unknown/);
      assert.match(out, /memory: unknown/);
    } finally {
      folder.remove();
    }
  });

  it('says how it is used when asked in a way that it does not know', async () => {
    for (const args of [['--rot'], ['--root', '/nowhere/at/all'], ['extra']]) {
      const { code, out, err } = await doctor(args);
      assert.equal(code, 2, args.join(' '));
      assert.equal(out, '');
      assert.match(err, /usage: npx ecomap-doctor/);
    }
    const help = await doctor(['--help']);
    assert.equal(help.code, 0);
    assert.match(help.out, /usage: npx ecomap-doctor/);
  });
});
