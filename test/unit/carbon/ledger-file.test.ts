import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { KeptLedger } from '../../../src/carbon/accounting/kept-ledger';
import type { LedgerEntry } from '../../../src/carbon/accounting/ledger-entries';
import { LedgerFile } from '../../../src/carbon/accounting/ledger-file';
import { lineOf } from '../../../src/carbon/accounting/ledger-lines';
import type { Receipt } from '../../../src/signals/receipt';
import { reading, telemetryWindow, tenantWindow } from './ledger-inputs';
import { FakeClock } from './provider-server';

const start = Date.parse('2026-11-20T12:00:00Z');
/** What the first format kept of an account: 30 s of one tenant at 360 g/kWh. */
const firstFormat = {
  version: 1,
  fromMs: start,
  toMs: start + 30_000,
  durationS: 30,
  energySource: 'modelled',
  total: {
    energyJ: 150,
    carbonG: 0.01,
    offered: 31,
    served: 30,
    inTime: 29,
    accuracySum: 26.1,
    accuracyCount: 29,
    latencySumMs: 600,
    latencyCount: 30,
    servedWithEnergy: 30,
    servedWithCarbon: 20,
    swaps: 2,
  },
  idle: { energyJ: 120, carbonG: 0.008 },
  tenants: {} as Record<string, unknown>,
  alwaysMax: { energyJ: 300, carbonG: 0.02, againstEnergyJ: 150, againstCarbonG: 0.01, comparedS: 30 },
  secondsByQuality: { measured: 15, stale: 5, unknown: 10 },
  bases: ['average, lifecycle'],
  attribution: ['a grid'],
  unknownEnergyS: 0,
  unknownIntensityS: 10,
  unaccountedEnergyJ: 50,
};
firstFormat.tenants = { a: { ...firstFormat.total, energyJ: 30, carbonG: 0.002 } };

describe('ledger file', () => {
  const clock = new FakeClock(start);
  let directory: string;
  beforeEach(async () => {
    clock.set(start);
    directory = await mkdtemp(join(tmpdir(), 'ecomap-ledger-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const fileOf = (id = 'x'): LedgerFile => new LedgerFile(directory, id);
  const entry = (index: number): LedgerEntry => ({ kind: 'in-force', atMs: index, intensity: `i${index}` });
  async function loaded(file = fileOf()): Promise<{ entries: LedgerEntry[]; warnings: readonly string[] }> {
    const entries: LedgerEntry[] = [];
    const { warnings } = await file.load((one) => entries.push(one));
    return { entries, warnings };
  }
  async function put(content: string | Buffer, path = fileOf().path): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const files = async (): Promise<string[]> => (await readdir(join(directory, 'ecomap'))).sort();

  const troubles: (string | null)[] = [];
  beforeEach(() => void troubles.splice(0));
  const keptLedger = (more: Partial<ConstructorParameters<typeof KeptLedger>[0]> = {}): KeptLedger =>
    new KeptLedger({ now: clock.now, file: fileOf(), onTrouble: (reason) => troubles.push(reason), ...more });
  async function account(kept: KeptLedger, windows: number, tenants = [tenantWindow('a')]): Promise<Receipt> {
    let receipt: Receipt = kept.ledger.receipt();
    for (let window = 0; window < windows; window += 1) {
      receipt = await kept.onTelemetry(telemetryWindow(clock.now(), 10, tenants));
      clock.advance(10_000);
    }
    return receipt;
  }

  it('begins without a file and gives back what was appended, in order', async () => {
    const file = fileOf('a1b2.c3');
    assert.deepEqual(await loaded(file), { entries: [], warnings: [] });
    await Promise.all(Array.from({ length: 50 }, (_, index) => file.append(entry(index))));
    await file.close();
    const after = await loaded(fileOf('a1b2.c3'));
    assert.deepEqual(after, { entries: Array.from({ length: 50 }, (_, index) => entry(index)), warnings: [] });
    assert.deepEqual((await loaded(fileOf('other'))).entries, []);
    assert.deepEqual(await files(), ['ledger-a1b2.c3.jsonl']);
  });

  it('holds what was rewritten and then what was appended, also while it was being rewritten', async () => {
    const file = fileOf();
    await file.append(entry(0));
    const waiting = file.append(entry(1));
    const rewritten = file.rewrite([entry(10), entry(11)]);
    const after = file.append(entry(12));
    await Promise.all([waiting, rewritten, after]);
    await file.append(entry(13));
    assert.deepEqual((await loaded()).entries, [entry(10), entry(11), entry(12), entry(13)]);
    assert.deepEqual(await files(), ['ledger-x.jsonl'], 'nothing temporary is left');
    await file.close();
  });

  it('loses at most the line that was being written, wherever the file is cut', async () => {
    const lines = Array.from({ length: 4 }, (_, index) => lineOf(entry(index)));
    const whole = Buffer.from(lines.join(''));
    for (let length = 0; length <= whole.length; length += 1) {
      const file = fileOf();
      await put(whole.subarray(0, length));
      const { entries, warnings } = await loaded(file);
      let ends = 0;
      // The last line is whole even where only its line break is missing.
      const complete = lines.filter((line) => (ends += line.length) <= length + 1).length;
      assert.deepEqual(
        entries,
        Array.from({ length: complete }, (_, index) => entry(index)),
        `cut at ${length}`,
      );
      const onBorder = [0, ...lines.map((_, index) => lines.slice(0, index + 1).join('').length)].some(
        (border) => border === length || border === length + 1,
      );
      assert.equal(warnings.length, onBorder ? 0 : 1, `cut at ${length}: ${warnings.join()}`);
      if (!onBorder) assert.match(warnings[0] ?? '', /last line .* was cut off/);
    }
  });

  it('goes on after a cut: what comes later is not glued to the half line', async () => {
    const kept = keptLedger();
    await account(kept, 3);
    await kept.close();
    const whole = await readFile(fileOf().path);
    await put(whole.subarray(0, whole.length - 5));
    const again = keptLedger();
    assert.match((await again.open()).join(), /cut off/);
    assert.equal((await account(again, 1)).total.served, 30, 'two of three, and one more');
    await again.close();
    const third = keptLedger();
    assert.deepEqual(await third.open(), []);
    assert.equal(third.ledger.receipt().total.served, 30);
    await third.close();
  });

  it('leaves out the lines that were damaged, keeps the others, says how many, and keeps the damaged file', async () => {
    const lines = Array.from({ length: 6 }, (_, index) => lineOf(entry(index)));
    const whole = Buffer.from(lines.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        async (flips) => {
          const damaged = Buffer.from(whole);
          for (const [at, bits] of flips) damaged[at] = (damaged[at] ?? 0) ^ bits;
          if (damaged.equals(whole)) return;
          await rm(join(directory, 'ecomap'), { recursive: true, force: true });
          await put(damaged);
          const { entries, warnings } = await loaded();
          const touched = new Set<number>();
          let from = 0;
          lines.forEach((line, index) => {
            const to = from + line.length;
            if (!damaged.subarray(from, to).equals(whole.subarray(from, to))) {
              touched.add(index);
              // A line break that is gone takes the next line with it.
              if (damaged[to - 1] !== 10) touched.add(index + 1);
            }
            from = to;
          });
          const sound = lines.flatMap((_, index) => (touched.has(index) ? [] : [entry(index)]));
          const isSubsequence = sound.every((one) =>
            entries.some((read) => JSON.stringify(read) === JSON.stringify(one)),
          );
          assert.ok(isSubsequence, 'every line that nothing touched is read');
          const all = lines.map((_, index) => JSON.stringify(entry(index)));
          assert.ok(
            entries.every((read) => all.includes(JSON.stringify(read))),
            'nothing is read that was never written',
          );
          if (entries.length < lines.length) assert.ok(warnings.length > 0);
          for (const warning of warnings.filter((text) => /cannot be read/.test(text))) {
            const aside = /is kept as (.*\.damaged-.*)\.$/.exec(warning)?.[1] ?? '';
            assert.deepEqual(await readFile(aside), damaged);
          }
        },
      ),
      { numRuns: 150, seed: 20_261_121 },
    );
  });

  it('puts a file of a newer version aside untouched, and starts a new one', async () => {
    const json = JSON.stringify({ kind: 'something new' });
    const { crc32 } = await import('node:zlib');
    const newer = `${lineOf(entry(1))}3 ${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
    await put(newer);
    const kept = keptLedger();
    const [warning = ''] = await kept.open();
    assert.match(warning, /newer version.*format 3.*starts afresh/);
    const [aside = ''] = (await files()).filter((name) => name.includes('.newer-'));
    assert.equal(await readFile(join(directory, 'ecomap', aside), 'utf8'), newer);
    await account(kept, 1);
    await kept.close();
    const again = keptLedger();
    assert.deepEqual(await again.open(), []);
    assert.equal(again.ledger.receipt().total.served, 10);
    await again.close();
  });

  it('goes on with an account of the first format', async () => {
    const legacy = join(directory, 'ecomap', 'ledger-x.json');
    await put(JSON.stringify(firstFormat), legacy);
    const kept = keptLedger();
    assert.deepEqual(await kept.open(), []);
    const receipt = kept.ledger.receipt();
    assert.deepEqual([receipt.total.energyJ, receipt.total.carbonG, receipt.total.served], [150, 0.01, 30]);
    assert.equal(receipt.total.carbonPerInferenceG, 0.01 / 20);
    assert.equal(receipt.total.attainment, 29 / 31);
    assert.deepEqual(receipt.idle, { energyJ: 120, carbonG: 0.008 });
    assert.deepEqual([receipt.tenants[0]?.tenant, receipt.tenants[0]?.carbonG], ['a', 0.002]);
    assert.equal(receipt.alwaysMax.savedCarbonPct, 50);
    assert.deepEqual(receipt.carbon.secondsByQuality, { measured: 15, stale: 5, unknown: 10 });
    assert.deepEqual(receipt.coverage, { unknownEnergyS: 0, unknownIntensityS: 10, unaccountedEnergyJ: 50 });
    assert.equal(receipt.carbon.mixedBasis, false);
    assert.deepEqual(receipt.carbon.attribution, ['a grid']);
    clock.set(start + 60_000);
    assert.equal((await account(kept, 1)).total.served, 40);
    await kept.close();
    assert.deepEqual(await files(), ['ledger-x.jsonl'], 'in the new format only');
    const again = keptLedger();
    assert.deepEqual(await again.open(), []);
    assert.equal(again.ledger.receipt().total.served, 40);
    await again.close();
  });

  const unusable: [name: string, content: string, says: RegExp, suffix: RegExp][] = [
    ['cut off', JSON.stringify(firstFormat).slice(0, 40), /cannot be used/, /\.unreadable-/],
    ['empty', '', /cannot be used/, /\.unreadable-/],
    ['something else', '{"version":1,"hello":true}', /fromMs/, /\.unreadable-/],
    ['of another version', JSON.stringify({ version: 9, energy: {} }), /newer version.*format 9/, /\.newer-/],
  ];
  for (const [name, content, says, suffix] of unusable) {
    it(`starts afresh when a file of the first format is ${name}, and keeps it`, async () => {
      await put(content, join(directory, 'ecomap', 'ledger-x.json'));
      const { entries, warnings } = await loaded();
      assert.deepEqual(entries, []);
      assert.match(warnings[0] ?? '', says);
      assert.match(warnings[0] ?? '', /starts afresh\. The file is kept as/);
      const [kept = ''] = (await files()).filter((one) => suffix.test(one));
      assert.equal(await readFile(join(directory, 'ecomap', kept), 'utf8'), content);
    });
  }

  it('goes on in memory when it cannot write, says so once, and catches up when it can', async () => {
    await writeFile(join(directory, 'ecomap'), 'in the way');
    const kept = keptLedger();
    await kept.open();
    assert.equal((await account(kept, 5)).total.served, 50);
    assert.equal(troubles.length, 1);
    assert.equal(typeof troubles[0], 'string');
    await rm(join(directory, 'ecomap'));
    clock.advance(60_000);
    assert.equal((await account(kept, 1)).total.served, 60);
    await kept.close();
    assert.deepEqual(troubles.slice(1), [null], 'and that it can again');
    const again = keptLedger();
    assert.deepEqual(await again.open(), []);
    assert.equal(again.ledger.receipt().total.served, 60, 'the time in memory is not lost');
    await again.close();
  });

  it('counts nothing twice when the disk is full for a while', async function () {
    if (process.platform !== 'linux') return this.skip();
    const kept = keptLedger();
    await account(kept, 2);
    await kept.close();
    const { path } = fileOf();
    const earlier = await readFile(path);
    await rm(path);
    await symlink('/dev/full', path);
    const full = keptLedger({ file: new LedgerFile(directory, 'x') });
    for (const line of earlier.toString().trim().split('\n')) {
      full.ledger.restore(JSON.parse(line.slice(11)) as LedgerEntry);
    }
    await symlink('/dev/full', `${path}.new`);
    // Not opened from the file, which is none now.
    Object.assign(full, { open: () => Promise.resolve([]) });
    assert.equal((await account(full, 3)).total.served, 50);
    assert.match(troubles[0] ?? '', /ENOSPC/);
    await rm(`${path}.new`, { force: true });
    clock.advance(60_000);
    await account(full, 1);
    await full.close();
    const again = keptLedger();
    assert.deepEqual(await again.open(), []);
    assert.equal(again.ledger.receipt().total.served, 60);
    await again.close();
  });

  it('puts aside what it cannot read at all, rather than overwrite it', async () => {
    const { path } = fileOf();
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'precious'), 'kept');
    const kept = keptLedger();
    const [warning = ''] = await kept.open();
    const aside = /cannot be read \(.*\)\. The file is kept as (.*\.unreadable-.*)\.$/.exec(warning)?.[1] ?? '';
    assert.equal(await readFile(join(aside, 'precious'), 'utf8'), 'kept');
    await account(kept, 1);
    await kept.close();
    const again = keptLedger();
    assert.deepEqual(await again.open(), []);
    assert.equal(again.ledger.receipt().total.served, 10);
    await again.close();
  });

  it('holds only so much in memory for a disk that does not answer', async function () {
    if (process.platform !== 'linux') return this.skip();
    const file = fileOf();
    await mkdir(dirname(file.path), { recursive: true });
    // Opening a pipe that nobody reads waits, as a network disk may that has gone away.
    execFileSync('mkfifo', [file.path]);
    const large: LedgerEntry = { kind: 'in-force', atMs: 1, intensity: 'x'.repeat(100_000) };
    let hasAnswered = false;
    const first = file.append(entry(0)).then(() => (hasAnswered = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const outcomes = Array.from({ length: 60 }, () =>
      file.append(large).then(
        () => 'written',
        (error: Error) => error.message,
      ),
    );
    assert.equal(await outcomes[59], 'the disk does not answer');
    assert.deepEqual([file.needsRewrite, hasAnswered], [true, false]);
    const reader = createReadStream(file.path).resume();
    await first;
    assert.equal(await outcomes[0], 'the file has to be written anew first');
    const rewritten = file.rewrite([entry(1)]);
    const more = file.append(entry(2));
    await Promise.all([rewritten, more]);
    assert.deepEqual((await loaded()).entries, [entry(1), entry(2)]);
    await file.close();
    reader.destroy();
  });

  it('stays small: writes itself anew and says the same afterwards', async () => {
    const kept = keptLedger({ rewriteAfterBytes: 20_000 });
    await kept.onCarbon(reading(360));
    const receipt = await account(kept, 300);
    await kept.close();
    assert.ok((await readFile(fileOf().path)).length < 60_000, `${(await readFile(fileOf().path)).length} bytes`);
    const again = keptLedger();
    await again.open();
    const restored = again.ledger.receipt();
    assert.deepEqual({ ...restored, carbon: { ...restored.carbon } }, receipt);
    await again.close();
  });

  it('stays inside its folder whatever the id', () => {
    assert.equal(dirname(fileOf('../../etc/passwd').path), join(directory, 'ecomap'));
  });
});
