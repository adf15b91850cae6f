import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProfileStore } from '../../../src/mapping/profiles/store';
import { profile } from '../../support/planning-fixtures';

describe('ProfileStore', () => {
  let directory: string;
  let warnings: string[];
  const open = () => new ProfileStore({ directory: join(directory, 'profiles'), warn: (text) => warnings.push(text) });
  const stored = profile(12);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-store-'));
    warnings = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function putFile(content: string): Promise<string> {
    const path = open().fileOf('test-device');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  it('finds after a restart what was saved, whatever the case of the hash', async () => {
    await open().save(stored);
    assert.deepEqual(await open().find('A'.repeat(64), 'cpu-1t', 'test-device'), stored);
    assert.equal(await open().find('b'.repeat(64), 'cpu-1t', 'test-device'), null);
    assert.equal(await open().find(stored.modelSha256, 'gpu', 'test-device'), null);
    assert.equal(await open().find(stored.modelSha256, 'cpu-1t', 'other-device'), null);
    assert.deepEqual(warnings, []);
  });

  it('leaves no temporary file, also when many save at once from two stores', async () => {
    const [one, other] = [open(), open()];
    const hashes = Array.from({ length: 12 }, (_, index) => index.toString(16).repeat(64));
    for (const modelSha256 of hashes.slice(0, 6)) await one.save(profile(3, { modelSha256 }));
    await Promise.all(hashes.slice(6).map((modelSha256) => other.save(profile(4, { modelSha256 }))));
    assert.deepEqual(await readdir(join(directory, 'profiles')), ['test-device.json']);
    const reopened = open();
    for (const modelSha256 of hashes) assert.ok(await reopened.find(modelSha256, 'cpu-1t', 'test-device'));
  });

  it('keeps what another store saved after this one had read the file', async () => {
    const [one, other] = [open(), open()];
    assert.equal(await one.find('c'.repeat(64), 'cpu-1t', 'test-device'), null);
    await other.save(profile(5, { modelSha256: 'c'.repeat(64) }));
    await one.save(stored);
    assert.ok(await open().find('c'.repeat(64), 'cpu-1t', 'test-device'));
  });

  it('gives a fingerprint that is no file name a file of its own inside the directory', () => {
    const names = ['../../etc/passwd', 'a/b', '', '.hidden'].map((fingerprint) => open().fileOf(fingerprint));
    assert.equal(new Set(names).size, 4);
    for (const name of names) assert.equal(dirname(name), join(directory, 'profiles'));
  });

  it('keeps profiles of stages, of clock speeds and of input shapes apart, and finds the nearest clock speed', async () => {
    const at = (clockSpeed: number) => ({ operatingPoint: { name: `at ${clockSpeed}`, clockSpeed } });
    const kept = [
      profile(12, { dims: [1, 3, 8, 8] }),
      profile(20, { dims: [1, 3, 8, 8], ...at(0.5) }),
      profile(40, { dims: [1, 3, 16, 16] }),
      profile(7, { dims: [1, 3, 8, 8], stage: { firstNode: 0, endNode: 4 } }),
      profile(5, { dims: [1, 3, 8, 8], stage: { firstNode: 4, endNode: null } }),
    ];
    const store = open();
    for (const one of kept) await store.save(one);
    const find = async (
      ...more: Parameters<ProfileStore['find']> extends [string, string, string, ...infer R] ? R : never
    ) => (await open().find(stored.modelSha256, 'cpu-1t', 'test-device', ...more))?.latencyMs.p50 ?? null;
    const dims = [1, 3, 8, 8];
    assert.deepEqual(
      [
        await find({ dims }),
        await find({ dims }, 0.6),
        await find({ dims }, 0.9),
        await find({ dims: [1, 3, 16, 16] }),
        await find({ dims: null }),
        await find({ dims, stage: { firstNode: 0, endNode: 4 } }),
        await find({ dims, stage: { firstNode: 4, endNode: null } }, 0.3),
        await find({ dims, stage: { firstNode: 3, endNode: null } }),
      ],
      [12, 20, 12, 40, null, 7, 5, null],
    );
    await store.save(profile(11, { dims }));
    assert.equal(await find({ dims }), 11);
  });

  it('keeps sensitivities beside profiles that others save', async () => {
    const found = {
      modelSha256: stored.modelSha256,
      componentClass: 'cpu-1t',
      deviceFingerprint: 'test-device',
      dims: null,
      sensitivity: { besideMemory: 0.2, besideItself: 0.7, caused: 0.1 },
      measuredAt: '2026-11-02T10:00:00Z',
    };
    const another = { ...found, componentClass: 'gpu', sensitivity: { ...found.sensitivity, caused: -0.01 } };
    const other = open();
    assert.equal(await other.find(stored.modelSha256, 'cpu-1t', 'test-device'), null);
    await open().saveSensitivity(found);
    await open().saveSensitivity(another);
    await other.save(stored);
    const find = (componentClass: string, dims: number[] | null) =>
      open().findSensitivity(stored.modelSha256, componentClass, 'test-device', dims);
    assert.deepEqual(await find('cpu-1t', null), found);
    assert.deepEqual(await find('gpu', null), another);
    assert.equal(await find('cpu-1t', [1, 3]), null);
    assert.equal(await find('dla', null), null);
    assert.deepEqual(await open().find(stored.modelSha256, 'cpu-1t', 'test-device'), stored);
  });

  it('goes on with a file of the first layout: whole variants at full speed, whatever the shape of the input', async () => {
    const path = await putFile(JSON.stringify({ version: 1, deviceFingerprint: 'test-device', profiles: [stored] }));
    const store = open();
    assert.deepEqual(await store.find(stored.modelSha256, 'cpu-1t', 'test-device', { dims: [1, 3, 8, 8] }), stored);
    const stage = { firstNode: 0, endNode: 4 };
    assert.equal(await store.find(stored.modelSha256, 'cpu-1t', 'test-device', { stage }), null);
    await store.save(profile(5, { modelSha256: 'b'.repeat(64) }));
    assert.equal((JSON.parse(await readFile(path, 'utf8')) as { version: number }).version, 2);
    assert.deepEqual(await open().find(stored.modelSha256, 'cpu-1t', 'test-device'), stored);
    assert.deepEqual(warnings, []);
  });

  const whole = JSON.stringify({
    version: 2,
    deviceFingerprint: 'test-device',
    profiles: [stored],
    sensitivities: [],
  });
  const unusable: readonly [string, string, RegExp][] = [
    ['a half-written file', whole.slice(0, whole.length / 2), /only in part/],
    ['an empty file', '', /only in part/],
    ['a newer version', whole.replace('"version":2', '"version":3'), /layout version 3/],
    ["another device's file", whole.replaceAll('test-device', 'other'), /another device/],
    [
      "another device's profile in it",
      whole.replace(/("deviceFingerprint":"test-device")(?!,"profiles)/, '"deviceFingerprint":"x"'),
      /another device/,
    ],
    ['a wrong field', whole.replace('"runs":20', '"runs":"many"'), /runs/],
    ['something else', '[1,2]', /version|object/],
  ];
  for (const [what, content, reason] of unusable) {
    it(`sets ${what} aside with a warning and starts afresh`, async () => {
      const path = await putFile(content);
      const store = open();
      assert.equal(await store.find(stored.modelSha256, 'cpu-1t', 'test-device'), null);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', reason);
      assert.equal(await readFile(`${path}.set-aside`, 'utf8'), content);
      await store.save(stored);
      assert.deepEqual(await open().find(stored.modelSha256, 'cpu-1t', 'test-device'), stored);
      assert.equal(warnings.length, 1);
    });
  }

  it('reports a directory that cannot be written, and still knows the profile', async () => {
    await writeFile(join(directory, 'profiles'), 'a file where the directory should be');
    const store = open();
    await assert.rejects(store.save(stored));
    assert.deepEqual(await store.find(stored.modelSha256, 'cpu-1t', 'test-device'), stored);
  });
});
