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

  const whole = JSON.stringify({ version: 1, deviceFingerprint: 'test-device', profiles: [stored] });
  const unusable: readonly [string, string, RegExp][] = [
    ['a half-written file', whole.slice(0, whole.length / 2), /only in part/],
    ['an empty file', '', /only in part/],
    ['a newer version', whole.replace('"version":1', '"version":2'), /layout version 2/],
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
