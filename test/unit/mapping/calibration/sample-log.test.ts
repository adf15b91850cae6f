import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SampleLog } from '../../../../src/mapping/calibration/sample-log';
import type { CalibrationRecord } from '../../../../src/mapping/calibration/sample-records';
import { fewSamples } from '../../../support/co-location-fixtures';

const at = '2026-11-21T20:00:00.000Z';
const samples = fewSamples(2, 2);
const begun: CalibrationRecord = { kind: 'begun', version: 1, at, plan: 'a', samples: 4 };
const sampleRecord = (planned: number): CalibrationRecord => ({
  kind: 'sample',
  at,
  planned,
  sample: samples[planned] ?? null,
  powerSource: 'modelled',
});

describe('log of measured co-locations', () => {
  let directory: string;
  let path: string;
  let warnings: string[];
  const open = (): Promise<SampleLog> => SampleLog.open(path, (text) => warnings.push(text));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-log-'));
    path = join(directory, 'samples.jsonl');
    warnings = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('gives back what was appended, also by another process, and periods without end', async () => {
    const log = await open();
    const [first] = samples;
    assert.ok(first);
    const resting = {
      ...first,
      networks: first.networks.map((network) => ({ ...network, periodS: Number.POSITIVE_INFINITY })),
    };
    const records: CalibrationRecord[] = [
      begun,
      sampleRecord(0),
      { kind: 'anchor', at, point: 'full', lnLatency: -4.5 },
      { kind: 'tried', at, sample: resting, powerSource: 'measured' },
      { kind: 'ended', at, outcome: 'done' },
    ];
    for (const record of records) await log.append(record);
    assert.deepEqual((await open()).records, records);
    assert.deepEqual(warnings, []);
  });

  it('loses at most the last line when the process is killed at any byte, and goes on with a line of its own', async () => {
    const log = await open();
    for (const record of [begun, sampleRecord(0), sampleRecord(1)]) await log.append(record);
    const whole = await readFile(path);
    const lastLine = whole.subarray(0, -1).lastIndexOf('\n') + 1;
    const cuts = [lastLine, lastLine + 1, lastLine + 40, Math.floor((lastLine + whole.length) / 2), whole.length - 1];
    for (const bytes of cuts) {
      await writeFile(path, whole);
      await truncate(path, bytes);
      const again = await open();
      assert.equal(again.records.length, 2, `cut at ${bytes} of ${whole.length}`);
      await again.append(sampleRecord(2));
      const { records } = await open();
      assert.deepEqual(
        records.flatMap((record) => (record.kind === 'sample' ? [record.planned] : [])),
        // A line that was whole but for its end is known again when another has been written.
        bytes === whole.length - 1 ? [0, 1, 2] : [0, 2],
      );
    }
  });

  it('leaves damaged lines out and says so, and sets a newer file aside', async () => {
    const log = await open();
    for (const record of [begun, sampleRecord(0)]) await log.append(record);
    await writeFile(path, `${await readFile(path, 'utf8')}{"kind":"sample","planned":-1}\nnonsense\n`);
    assert.equal((await open()).records.length, 2);
    assert.match(warnings[0] ?? '', /2 lines .* damaged/);
    await writeFile(path, `${JSON.stringify({ ...begun, version: 2 })}\n`);
    const fresh = await open();
    assert.deepEqual(fresh.records, []);
    assert.match(warnings[1] ?? '', /newer version .* set aside/);
    assert.deepEqual(await readdir(directory), ['samples.jsonl.set-aside']);
    await fresh.append(begun);
    assert.deepEqual((await open()).records, [begun]);
  });

  it('keeps the latest five hundred plans that were tried, and gives way to others while it is read', async () => {
    const [sample] = samples;
    assert.ok(sample);
    const tried = (workload: number): string =>
      JSON.stringify({ kind: 'tried', at, sample: { ...sample, workload }, powerSource: 'modelled' });
    const lines = [begun, sampleRecord(0)].map((record) => JSON.stringify(record));
    for (let index = 0; index < 1200; index += 1) lines.push(tried(index));
    await writeFile(path, `${lines.join('\n')}\n`);
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    const log = await open();
    clearInterval(counting);
    assert.ok(turns > 10, `others had ${turns} turns`);
    const workloads = log.records.flatMap((record) => (record.kind === 'tried' ? [record.sample.workload] : []));
    assert.deepEqual([workloads.length, workloads[0], workloads.at(-1)], [500, 700, 1199]);
    assert.deepEqual(log.records.slice(0, 2), [begun, sampleRecord(0)]);
    assert.ok(log.isOvergrown);
    await log.append({ kind: 'tried', at, sample: { ...sample, workload: 1200 }, powerSource: 'modelled' });
    assert.equal(log.records.length, 502);
    await log.replace(log.records);
    assert.ok(!log.isOvergrown);
    assert.deepEqual((await open()).records, log.records);
  });

  it('knows after reading again what others wrote, and what it is writing itself', async () => {
    const [log, other] = [await open(), await open()];
    await other.append(begun);
    await Promise.all([log.reload(), log.append(sampleRecord(0)), other.append(sampleRecord(1))]);
    await log.reload();
    const planned = log.records.flatMap((record) => (record.kind === 'sample' ? [record.planned] : []));
    assert.deepEqual(planned.sort(), [0, 1]);
    assert.deepEqual(log.records[0], begun);
    const written = log.append(sampleRecord(1));
    const reloaded = log.reload();
    void log.append(sampleRecord(0));
    await Promise.all([written, reloaded]);
    assert.equal(log.records.length, 5, 'what is under way is not lost');
  });

  it('is replaced as a whole', async () => {
    const log = await open();
    await log.append(begun);
    await Promise.all([log.replace([sampleRecord(1)]), log.append(sampleRecord(2))]);
    assert.deepEqual((await open()).records, [sampleRecord(1), sampleRecord(2)]);
    assert.deepEqual(await readdir(directory), ['samples.jsonl']);
  });
});
