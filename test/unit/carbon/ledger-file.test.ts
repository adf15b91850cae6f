import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LedgerFile } from '../../../src/carbon/accounting/ledger-file';
import { emptyLedgerState, type LedgerState } from '../../../src/carbon/accounting/ledger-state';

describe('ledger file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-ledger-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const state = (durationS: number): LedgerState => ({ ...emptyLedgerState(1), durationS });
  async function write(file: LedgerFile, content: string): Promise<void> {
    await mkdir(dirname(file.path), { recursive: true });
    await writeFile(file.path, content);
  }

  it('begins without a file and gives back what was saved', async () => {
    const file = new LedgerFile(directory, 'a1b2.c3');
    assert.deepEqual(await file.load(), { state: null, warning: null });
    await file.save(state(5));
    assert.deepEqual(await new LedgerFile(directory, 'a1b2.c3').load(), { state: state(5), warning: null });
    assert.deepEqual(await new LedgerFile(directory, 'other').load(), { state: null, warning: null });
    assert.deepEqual(await readdir(dirname(file.path)), ['ledger-a1b2.c3.json'], 'nothing temporary is left');
  });

  it('ends with the state that was saved last, however many wait', async () => {
    const file = new LedgerFile(directory, 'x');
    await Promise.all(Array.from({ length: 20 }, (_, index) => file.save(state(index))));
    assert.equal((await file.load()).state?.durationS, 19);
  });

  it('is settled when the last write has ended, well or not', async () => {
    const file = new LedgerFile(directory, 'x');
    void file.save(state(1));
    await file.settled();
    assert.equal((await new LedgerFile(directory, 'x').load()).state?.durationS, 1);
    await rm(dirname(file.path), { recursive: true });
    await writeFile(join(directory, 'ecomap'), 'in the way');
    const failing = assert.rejects(file.save(state(2)));
    await file.settled();
    await failing;
  });

  const unusable: [name: string, content: string, says: RegExp, suffix: RegExp][] = [
    ['cut off', JSON.stringify(state(5)).slice(0, 40), /cannot be used/, /\.unreadable-/],
    ['empty', '', /cannot be used/, /\.unreadable-/],
    ['something else', '{"version":1,"hello":true}', /fromMs/, /\.unreadable-/],
    ['of a newer version', JSON.stringify({ version: 2, energy: {} }), /newer version.*format 2/, /\.newer-/],
  ];
  for (const [name, content, says, suffix] of unusable) {
    it(`starts afresh when the file is ${name}, and keeps the old one`, async () => {
      const file = new LedgerFile(directory, 'x');
      await write(file, content);
      const loaded = await file.load();
      assert.equal(loaded.state, null);
      assert.match(loaded.warning ?? '', says);
      assert.match(loaded.warning ?? '', /starts afresh\. It is kept as/);
      const [kept] = (await readdir(dirname(file.path))).filter((entry) => suffix.test(entry));
      assert.equal(await readFile(join(dirname(file.path), kept ?? ''), 'utf8'), content);
      await file.save(state(1));
      assert.equal((await file.load()).state?.durationS, 1);
    });
  }

  it('rejects when it cannot write, and writes again when it can', async () => {
    const file = new LedgerFile(directory, 'x');
    await writeFile(join(directory, 'ecomap'), 'in the way');
    await assert.rejects(file.save(state(1)));
    await rm(join(directory, 'ecomap'));
    await file.save(state(2));
    assert.equal((await file.load()).state?.durationS, 2);
  });

  it('stays inside its folder whatever the id', () => {
    const file = new LedgerFile(directory, '../../etc/passwd');
    assert.equal(dirname(file.path), join(directory, 'ecomap'));
  });
});
