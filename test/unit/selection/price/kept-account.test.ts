import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccuracyAccount, type AccountState } from '../../../../src/selection/price/account';
import { KeptAccuracyAccount } from '../../../../src/selection/price/kept-account';

function accountOf(pointsLost: number): AccountState {
  const account = new AccuracyAccount();
  account.advance(0, 1, 0, 1);
  account.advance(1000, 1, pointsLost, 1);
  const { state } = account;
  assert.ok(state);
  return state;
}

describe('account of accuracy that is kept', () => {
  let directory: string;
  let warnings: string[];
  const keep = (tenants = ['gauge', 'inspect']) =>
    new KeptAccuracyAccount(directory, 'node.1', tenants, (text) => warnings.push(text));
  const folder = (): string => join(directory, 'ecomap', 'accuracy');
  const path = (): string => join(folder(), 'node.1.json');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-accuracy-'));
    warnings = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is found again by the same node with the same tenants, in whatever order', async () => {
    assert.equal(await keep().load(), null);
    await keep().save(accountOf(2), null);
    assert.deepEqual(await keep(['inspect', 'gauge']).load(), accountOf(2));
    assert.deepEqual(await readdir(folder()), ['node.1.json'], 'something half-written is left');
    assert.deepEqual(warnings, []);
  });

  it('is written once a minute, and whenever it has to be', async () => {
    const kept = keep();
    await kept.save(accountOf(1), 0);
    await kept.save(accountOf(2), 59_000);
    assert.equal((await keep().load())?.pointsLost, 1);
    await kept.save(accountOf(3), 60_000);
    assert.equal((await keep().load())?.pointsLost, 3);
    // The one that is asked for last is the one that stays, also where nobody waits for those before.
    const saves = [4, 5, 6, 7].map((points) => kept.save(accountOf(points), null));
    await Promise.all(saves);
    assert.equal((await keep().load())?.pointsLost, 7);
    await kept.save(null, null);
    assert.equal((await keep().load())?.pointsLost, 7);
  });

  it('is set aside with a warning where it is half-written, foreign, newer or of other tenants', async () => {
    const whole = JSON.stringify({ version: 1, tenants: ['gauge', 'inspect'], account: accountOf(2) });
    const unusable = {
      'half-written': whole.slice(0, 60),
      foreign: '{"leftG":7}',
      newer: whole.replace('"version":1', '"version":2'),
      impossible: whole.replace(/"requests":1/, '"requests":-1'),
    };
    for (const [what, content] of Object.entries(unusable)) {
      assert.notEqual(content, whole, what);
      await mkdir(folder(), { recursive: true });
      await writeFile(path(), content);
      warnings = [];
      assert.equal(await keep().load(), null, what);
      assert.equal(warnings.length, 1, what);
      assert.match(
        warnings[0] ?? '',
        /node\.1\.json cannot be read .* begins anew\. The file is kept as .*\.set-aside/,
      );
      assert.deepEqual(await readdir(folder()), ['node.1.json.set-aside'], what);
      assert.equal(await readFile(`${path()}.set-aside`, 'utf8'), content);
    }
    warnings = [];
    await keep(['gauge']).save(accountOf(2), null);
    assert.equal(await keep().load(), null);
    assert.match(warnings.join(), /these are not the tenants any more/);
  });

  it('is forgotten when its owner is gone, after what was being written', async () => {
    const kept = keep();
    void kept.save(accountOf(2), null);
    await kept.forget();
    assert.deepEqual(await readdir(folder()), []);
  });

  it('says once where it cannot be written', async () => {
    await writeFile(join(directory, 'ecomap'), 'not a folder');
    const kept = keep();
    await kept.save(accountOf(2), null);
    await kept.save(accountOf(3), null);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /cannot be written .*: after a restart the day's account of accuracy begins anew/);
  });
});
