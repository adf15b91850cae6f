import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { componentsByHand, componentsFor, fingerprintOf } from '../../../src/power/components';
import { describeMachine } from '../../../src/power/describe-machine';
import { detectMachine, parseCpuList } from '../../../src/power/detect';
import { fullLoadW } from '../../../src/signals/device';
import { isEcomapError } from '../../../src/signals/errors';
import { twoCores } from './fakes';

const invalid =
  (text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === 'INVALID_CONFIG' && text.test(error.message);

describe('detection of this machine', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ecomap-root-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function put(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  const detect = (arch: string) =>
    detectMachine({ fileRoot: root, arch, parallelism: () => 3, searchPath: join(root, 'bin') });

  it('uses the cores that the process may run on, not those that exist', () => {
    put('proc/self/status', 'Name:\tnode\nCpus_allowed:\t34\nCpus_allowed_list:\t2,4-5\n');
    const found = detect('x64');
    assert.deepEqual(found.cores, [2, 4, 5]);
    assert.equal(found.coresFrom, 'affinity');
  });

  it('counts cores where there is no such file', () => {
    const found = detect('arm64');
    assert.deepEqual(found.cores, [0, 1, 2]);
    assert.equal(found.coresFrom, 'count');
  });

  it('knows boards by their device tree and computers by their processor and chassis', () => {
    assert.equal(detect('x64').deviceClass, 'x86-box');
    put('sys/class/dmi/id/chassis_type', '10\n');
    put('proc/cpuinfo', 'processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n');
    assert.equal(detect('x64').deviceClass, 'laptop');
    assert.equal(detect('x64').cpuModel, 'Some CPU @ 2 GHz');
    for (const [model, deviceClass] of [
      ['Raspberry Pi 4 Model B Rev 1.4\0', 'raspberry-pi-4'],
      ['Jetson-AGX\0', 'jetson-agx-xavier'], // as JetPack 4 calls it
      ['NVIDIA Jetson Orin Nano Developer Kit\0', 'jetson'],
      ['NVIDIA Jetson AGX Xavier Developer Kit\0', 'jetson-agx-xavier'],
      ['Raspberry Pi 5 Model B Rev 1.0\0', 'laptop'], // the chassis decides where the board has no class of its own
    ] as const) {
      put('proc/device-tree/model', model);
      assert.equal(detect('arm64').deviceClass, deviceClass, model);
      assert.equal(detect('arm64').boardModel, model.replace('\0', ''));
    }
  });

  it('looks for taskset on the search path', () => {
    assert.equal(detect('x64').canPin, false);
    put('bin/taskset', '');
    chmodSync(join(root, 'bin/taskset'), 0o755);
    assert.equal(detect('x64').canPin, true);
  });

  it('works on the machine that runs this test', () => {
    const found = detectMachine();
    assert.ok(found.cores.length >= 1);
    assert.ok(describeMachine(found).components.length >= 1);
  });

  it('parses CPU lists and refuses what is none', () => {
    assert.deepEqual(parseCpuList('0-3,8,10-11'), [0, 1, 2, 3, 8, 10, 11]);
    for (const text of ['', 'all', '3-1', '0-99999999', '1,,2', '-1']) assert.equal(parseCpuList(text), null, text);
  });
});

describe('components', () => {
  it('are one per core up to four, then groups of at most four', () => {
    const names = (n: number) =>
      componentsFor(
        Array.from({ length: n }, (_, core) => core),
        true,
      ).map(({ name, cores }) => `${name}:${cores.join('.')}`);
    assert.deepEqual(names(1), ['cpu0:0']);
    assert.deepEqual(names(2), ['cpu0:0', 'cpu1:1']);
    assert.deepEqual(names(5), ['cpu-a:0.1.2', 'cpu-b:3.4']);
    assert.deepEqual(names(8), ['cpu-a:0.1.2.3', 'cpu-b:4.5.6.7']);
    assert.deepEqual(names(12), ['cpu-a:0.1.2.3', 'cpu-b:4.5.6.7', 'cpu-c:8.9.10.11']);
  });

  it('use each core once, whatever their number', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 200 }), (cores) => {
        const components = componentsFor(cores, true);
        assert.deepEqual(
          components.flatMap((component) => component.cores),
          cores,
        );
        assert.equal(new Set(components.map(({ name }) => name)).size, components.length);
        for (const component of components) {
          assert.ok(component.threads >= 1 && component.threads <= 4);
          assert.equal(component.threads, component.cores.length);
        }
        if (cores.length > 1) assert.ok(components.length >= 2);
      }),
    );
  });

  it('are not pinned without taskset', () => {
    assert.deepEqual(componentsFor([0, 1], false)[1], {
      name: 'cpu1',
      kind: 'cpu',
      cores: [],
      threads: 1,
      componentClass: 'cpu-1t',
    });
  });

  it('can be listed by hand', () => {
    assert.deepEqual(componentsByHand([{ name: 'both', cores: [0, 1] }], twoCores), [
      { name: 'both', kind: 'cpu', cores: [0, 1], threads: 2, componentClass: 'cpu-2t' },
    ]);
    assert.throws(() => componentsByHand([], twoCores), invalid(/list of components/));
    assert.throws(() => componentsByHand([{ name: 'a b' }], twoCores), invalid(/0\.name.*letters/));
    assert.throws(() => componentsByHand([{ name: 'a', cores: [7] }], twoCores), invalid(/core 7.*only use 0, 1/));
    assert.throws(() => componentsByHand([{ name: 'a' }, { name: 'a' }], twoCores), invalid(/two components.*"a"/));
    assert.throws(() => componentsByHand('cpu0', twoCores), invalid(/list of components/));
  });

  it('listed by hand may be what an execution provider drives', () => {
    const list = [{ name: 'gpu', kind: 'gpu', provider: 'cuda', providerOptions: { device_id: 0 } }];
    assert.deepEqual(componentsByHand(list, twoCores), [
      {
        name: 'gpu',
        kind: 'gpu',
        cores: [],
        threads: 1,
        componentClass: 'gpu-cuda',
        provider: 'cuda',
        providerOptions: { device_id: 0 },
      },
    ]);
    assert.throws(
      () => componentsByHand([{ name: 'gpu', kind: 'gpu' }], twoCores),
      invalid(/names no execution provider/),
    );
    assert.throws(() => componentsByHand([{ name: 'a', provider: 'CUDA!' }], twoCores), invalid(/0\.provider/));
    assert.throws(() => componentsByHand([{ name: 'a', kind: 'tpu' }], twoCores), invalid(/0\.kind/));
  });

  it('and processor decide the fingerprint, not which cores they are', () => {
    const of = (cores: number[], cpuModel = 'Test CPU') =>
      fingerprintOf({ ...twoCores, cpuModel }, componentsFor(cores, true));
    assert.equal(of([0, 1]), of([4, 7]));
    assert.notEqual(of([0, 1]), of([0, 1], 'Other CPU'));
    assert.notEqual(of([0, 1]), of([0, 1, 2, 3, 4]));
  });
});

describe('power model of this machine', () => {
  const settings = { components: null, idleW: null, fullLoadW: null };

  it('has documented defaults per class', () => {
    const pi = describeMachine({ ...twoCores, deviceClass: 'raspberry-pi-4', cores: [0, 1, 2, 3] }, settings);
    assert.equal(pi.operatingPoints[0]?.idleW, 2.94);
    assert.ok(Math.abs(fullLoadW(pi.operatingPoints[0]) - 5.83) < 1e-9);
    assert.equal(pi.powerScope, 'wall');
    assert.match(pi.powerMethod, /MLPerf/);
  });

  it('is calibrated by plug readings, which must make sense', () => {
    const both = describeMachine(twoCores, { ...settings, idleW: 8, fullLoadW: 20 });
    assert.deepEqual(both.operatingPoints[0]?.activeW, { cpu0: 6, cpu1: 6 });
    assert.match(both.powerMethod, /two plug readings/);
    assert.match(
      describeMachine(twoCores, { ...settings, idleW: 8 }).powerMethod,
      /idle watts from a plug reading, active/,
    );
    assert.throws(() => describeMachine(twoCores, { ...settings, idleW: 20, fullLoadW: 8 }), invalid(/must be above/));
  });
});
