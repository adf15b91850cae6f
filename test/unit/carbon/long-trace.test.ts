import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gridConfigSchema } from '../../../src/carbon/grid-config';
import { coversTime, dayMs } from '../../../src/carbon/provider';
import { createProvider } from '../../../src/carbon/providers';
import { openTraceFile } from '../../../src/carbon/trace-file';
import { FakeClock } from './provider-server';

/** ECOMAP_TRACE_ROWS=10000000 tries the size that the limit is meant for. */
const rowCount = Number(process.env['ECOMAP_TRACE_ROWS'] ?? 1_200_000);
const stepMs = 300_000;
const startMs = Date.UTC(1950, 0, 1);
const mib = 2 ** 20;
const valueOf = (row: number): number => 100 + ((row * 7919) % 400);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe(`a trace of ${rowCount} rows`, function () {
  this.timeout(300_000);
  let directory: string;
  let path: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-long-trace-'));
    path = join(directory, 'long.csv');
    const file = createWriteStream(path);
    file.write('datetime_utc,ci\n');
    for (let row = 0; row < rowCount; row += 10_000) {
      let text = '';
      for (let index = row; index < Math.min(rowCount, row + 10_000); index += 1) {
        text += `${new Date(startMs + index * stepMs).toISOString().slice(0, 16)}Z,${valueOf(index)}\n`;
      }
      if (!file.write(text)) await once(file, 'drain');
    }
    file.end();
    await once(file, 'close');
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('is gone through and played with little memory, without holding up the event loop', async () => {
    const before = heapUsed();
    let peak = 0;
    let ticks = 0;
    const watch = setInterval(() => {
      ticks += 1;
      peak = Math.max(peak, process.memoryUsage().heapUsed);
    }, 5);
    const clock = new FakeClock(Date.UTC(2026, 0, 1));
    const offsetRows = Math.floor(rowCount * 0.9);
    const config = gridConfigSchema.parse({
      provider: 'trace',
      path,
      startOffsetH: (offsetRows * stepMs) / 3_600_000,
      dayLengthS: 86_400,
      loop: true,
    });
    const grid = createProvider(config, { now: clock.now, stateDirectory: directory });
    const startedMs = performance.now();
    const first = await grid.read();
    const tookMs = performance.now() - startedMs;
    clearInterval(watch);
    assert.equal(first.points.at(-1)?.intensityGPerKwh, valueOf(offsetRows));
    assert.equal(first.points.length, 4032);
    assert.equal(grid.stepS, 300);
    assert.ok(ticks > 10, `the event loop turned ${ticks} times in ${Math.round(tookMs)} ms`);
    const kept = heapUsed() - before;
    assert.ok(kept < 8 * mib, `${(kept / mib).toFixed(1)} MiB are kept`);
    assert.ok(peak - before < 64 * mib, `${((peak - before) / mib).toFixed(0)} MiB at most`);
    console.log(
      `      ${(tookMs / 1000).toFixed(1)} s, ${(kept / mib).toFixed(1)} MiB kept, ${((peak - before) / mib).toFixed(0)} MiB at most`,
    );
    // Over the end of the file and into the next turn.
    for (let day = 0; day < 5; day += 1) {
      clock.advance(((rowCount - offsetRows) * stepMs) / 4);
      const { points } = await grid.read();
      const current = points.at(-1);
      assert.ok(current !== undefined && coversTime(current, grid.gridTimeMs()));
      const row = Math.floor((current.validFromMs - startMs) / stepMs) % rowCount;
      assert.equal(current.intensityGPerKwh, valueOf(row));
    }
    assert.ok(heapUsed() - before < 8 * mib);
  });

  it('finds any row by its time', async () => {
    const trace = await openTraceFile(path, { column: null, rowStepS: 3600 });
    assert.equal(trace.rowCount, rowCount);
    for (const row of [0, 1, 2_999, 3_000, 3_001, rowCount >> 1, rowCount - 1]) {
      assert.equal(await trace.indexAt(startMs + row * stepMs), row);
      assert.equal(await trace.indexAt(startMs + row * stepMs + 1000), row);
      assert.equal((await trace.row(row))?.intensityGPerKwh, valueOf(row));
    }
    assert.equal(await trace.indexAt(startMs - dayMs), 0);
    assert.equal(await trace.indexAt(startMs + rowCount * stepMs + dayMs), rowCount - 1);
    assert.equal(await trace.row(rowCount), null);
  });

  it('is read anew when it has changed, and goes on where it was', async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1));
    const config = gridConfigSchema.parse({ provider: 'trace', path, loop: false, dayLengthS: 86_400 });
    const grid = createProvider(config, { now: clock.now, stateDirectory: directory });
    await grid.read();
    await appendFile(path, `${new Date(startMs + rowCount * stepMs).toISOString()},77\n`);
    clock.advance(rowCount * stepMs);
    await assert.rejects(grid.read(), { code: 'PROVIDER_UNREACHABLE', message: /was changed while it was played/ });
    assert.equal((await grid.read()).points.at(-1)?.intensityGPerKwh, 77);
  });
});
