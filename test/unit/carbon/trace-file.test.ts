import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTraceFile } from '../../../src/carbon/trace-file';
import { judge } from '../../../src/carbon/plausibility';
import { fixtures } from './provider-server';

const options = { column: null, rowStepS: 3600 };
const at = (text: string): number => Date.parse(text);

describe('trace file', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-trace-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function written(content: string): Promise<string> {
    const path = join(directory, 'trace.csv');
    await writeFile(path, content);
    return path;
  }

  it('tells blank, text and impossible cells apart and knows their lines', async () => {
    const trace = await readTraceFile(join(fixtures, 'trace-with-defects.csv'), { ...options, column: 'ci_g_per_kwh' });
    assert.deepEqual(
      trace.rows.map(({ intensityGPerKwh, reason }) => intensityGPerKwh ?? reason),
      [
        300,
        310.5,
        'line 4 is blank',
        'line 5 holds "n/a", which is no number',
        'line 6: -5 g/kWh is outside 0..1500 g/kWh',
        'line 7: 99999 g/kWh is outside 0..1500 g/kWh',
        320,
        330,
      ],
    );
    assert.equal(trace.stepMs, 3_600_000);
    assert.match(trace.notes[0] ?? '', /1 blank \(first: line 4\), 3 unusable \(first: line 5 holds "n\/a"/);
    // Rows that are not there leave a hole behind the row before them.
    assert.equal(trace.rows[6]?.validToMs, at('2026-03-29T07:00Z'));
  });

  it('takes the first column that is not the time, any usual delimiter, quotes, a byte order mark and CRLF', async () => {
    const path = await written('\uFEFF"value";"time"\r\n"12.5";"2026-03-29 00:00+01:00"\r\n13;2026-03-29T00:15:00\r\n');
    const trace = await readTraceFile(path, options);
    assert.deepEqual(
      trace.rows.map(({ validFromMs, intensityGPerKwh }) => [validFromMs, intensityGPerKwh]),
      [
        [at('2026-03-28T23:00Z'), 12.5],
        [at('2026-03-29T00:15Z'), 13],
      ],
    );
  });

  it('keeps UTC over a clock change', async () => {
    const hours = Array.from({ length: 6 }, (_, hour) => `2026-03-29T0${hour}:00Z,${300 + hour}`);
    const trace = await readTraceFile(await written(`datetime_utc,ci\n${hours.join('\n')}\n`), options);
    trace.rows.forEach((row, hour) => {
      assert.equal(row.validFromMs, at('2026-03-29T00:00Z') + hour * 3_600_000);
      assert.equal(row.intensityGPerKwh, 300 + hour);
    });
  });

  it('gives rows without a time the step it is told', async () => {
    const trace = await readTraceFile(await written('CISO_March\n124.57\n135.6\n\n148\n'), {
      column: null,
      rowStepS: 1800,
    });
    assert.equal(trace.rows.length, 4);
    assert.equal(trace.stepMs, 1_800_000);
    assert.equal(trace.rows[2]?.reason, 'line 4 is blank');
  });

  const unusable: [name: string, content: string, says: RegExp][] = [
    ['an empty file', '', /is empty/],
    ['a header alone', 'datetime_utc,ci\n', /no row with a value in the column "ci"/],
    ['only blanks and text', 'datetime_utc,ci\n2026-01-01,\n2026-01-02,x\n', /no row with a value.*line 2 is blank/],
    ['a binary file', '\u0000\u0001PNG,\u0000\n\u0000,\u0001\n', /no row with a value/],
    ['a wrong time', 'datetime_utc,ci\n2026-01-01,1\nyesterday,2\n', /no time in line 3: "yesterday"/],
    ['going back in time', 'datetime_utc,ci\n2026-01-02,1\n2026-01-01,2\n', /back in time in line 3 \(after line 2\)/],
    ['a time twice', 'datetime_utc,ci\n2026-01-02,1\n2026-01-02,2\n', /back in time in line 3/],
    ['no column of values', 'datetime_utc\n2026-01-02\n', /no column of values/],
  ];
  for (const [name, content, says] of unusable) {
    it(`refuses ${name}`, async () => {
      const path = await written(content);
      await assert.rejects(readTraceFile(path, options), { code: 'PROVIDER_UNREACHABLE', message: says });
      await assert.rejects(readTraceFile(path, options), (error: Error) => error.message.includes(path));
    });
  }

  it('names the column that is not there and those that are', async () => {
    const path = await written('datetime_utc,ci\n2026-01-02,1\n');
    await assert.rejects(
      readTraceFile(path, { ...options, column: 'co2' }),
      /no column "co2"; its columns are datetime_utc, ci/,
    );
  });

  it('names a file that is not there', async () => {
    await assert.rejects(readTraceFile(join(directory, 'none.csv'), options), {
      code: 'PROVIDER_UNREACHABLE',
      message: /none\.csv cannot be read \(ENOENT.*check the path/,
    });
    await assert.rejects(readTraceFile(directory, options), { code: 'PROVIDER_UNREACHABLE', message: /EISDIR/ });
  });

  describe('of the year 2022 in PJM', () => {
    const path = join(__dirname, '../../../../shared/traces/eia-2022/PJM.csv');

    before(function () {
      if (existsSync(path)) return;
      console.log('      skipped: no ../shared/traces/eia-2022/PJM.csv beside this checkout');
      this.skip();
    });

    it('has 23 blanks, 22 of them in one gap over the clock change', async () => {
      const { rows, notes } = await readTraceFile(path, options);
      const missing = rows.filter((row) => row.intensityGPerKwh === null).map((row) => row.validFromMs);
      assert.equal(rows.length, 8760);
      assert.equal(missing.length, 23);
      assert.deepEqual(
        missing.slice(0, 22),
        Array.from({ length: 22 }, (_, hour) => at('2022-03-13T07:00Z') + hour * 3_600_000),
      );
      assert.match(notes[0] ?? '', /23 blank/);
    });

    it('has five impossible values, and all five are suspect, and nothing else is', async () => {
      const { rows } = await readTraceFile(path, options);
      const judged = judge(
        rows.map((row) => ({ ...row, reason: undefined, quality: 'measured' })),
        'average',
      );
      const suspect = judged.filter(({ verdict }) => verdict === 'suspect').map(({ point }) => point.validFromMs);
      const times = ['01T05', '01T06', '01T07', '01T08', '02T04'].map((hour) => at(`2022-10-${hour}:00Z`));
      assert.deepEqual(suspect, times);
    });
  });
});
