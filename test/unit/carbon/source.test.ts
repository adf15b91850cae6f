import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gridConfigSchema, type GridConfigInput } from '../../../src/carbon/grid-config';
import { createCarbonSource, type CarbonSource } from '../../../src/carbon/source';
import { dayMs, hourMs } from '../../../src/carbon/provider';
import { carbonReadingSchema, type CarbonReading } from '../../../src/signals/carbon';
import { answerWith, FakeClock, fixtures, startProviderServer, type ProviderServer } from './provider-server';

const noon = Date.parse('2026-11-20T12:10:00Z');
const minuteMs = 60_000;

describe('carbon source', () => {
  let server: ProviderServer;
  let directory: string;
  const clock = new FakeClock(noon);

  before(async () => {
    server = await startProviderServer((_request, response) => response.writeHead(404).end());
  });
  after(() => server.stop());
  beforeEach(async () => {
    server.asked.length = 0;
    clock.set(noon);
    directory = await mkdtemp(join(tmpdir(), 'ecomap-carbon-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function source(config: GridConfigInput): CarbonSource {
    return createCarbonSource(gridConfigSchema.parse(config), {
      now: clock.now,
      random: () => 0,
      stateDirectory: directory,
      http: { timeoutMs: 500 },
    });
  }
  const gb = (): CarbonSource => source({ provider: 'gb', baseUrl: server.baseUrl });
  const answers = (): Promise<ProviderServer['answer']> =>
    answerWith({ fw48h: 'gb-fw48h.json', pt24h: 'gb-pt24h.json' });
  const down: ProviderServer['answer'] = (_request, response) => response.writeHead(500).end();

  async function read(from: CarbonSource): Promise<CarbonReading> {
    const reading = await from.read();
    assert.deepEqual(carbonReadingSchema.parse(reading), reading, 'a reading keeps to its schema');
    return reading;
  }

  it('passes on what the provider says, with nothing to explain', async () => {
    server.answer = await answers();
    const grid = gb();
    const reading = await read(grid);
    assert.equal(reading.intensityGPerKwh, 233);
    assert.equal(reading.quality, 'forecast');
    assert.deepEqual(
      [reading.signal, reading.basis, reading.zone, reading.provider],
      ['average', 'operational', 'GB', 'gb'],
    );
    assert.deepEqual(reading.why, []);
    assert.equal(reading.validFrom, '2026-11-20T12:00:00.000Z');
    assert.equal(reading.validTo, '2026-11-20T12:30:00.000Z');
    assert.equal(reading.fetchedAt, new Date(noon).toISOString());
    assert.equal(reading.forecast.length, 96);
    assert.equal(grid.trouble, null);
    const { range24h, trailingBounds } = reading;
    assert.ok(range24h !== null && trailingBounds !== null);
    assert.ok(range24h.minimumGPerKwh < trailingBounds.highGPerKwh);
    assert.ok(trailingBounds.lowGPerKwh < trailingBounds.highGPerKwh);
  });

  it('falls down the chain step by step as an outage lasts, says each step, and comes back', async () => {
    server.answer = await answers();
    const grid = gb();
    await read(grid);
    server.answer = down;

    const steps: [afterMs: number, quality: string, provider: string, says: RegExp][] = [
      [40 * minuteMs, 'stale', 'gb', /the last good value, from 2026-11-20T12:00/],
      [3 * hourMs, 'stale', 'gb', /the last good value/],
      [3 * hourMs + 25 * minuteMs, 'forecast', 'gb', /the provider's last forecast/],
      [47 * hourMs, 'forecast', 'gb', /the provider's last forecast/],
      [60 * hourMs, 'forecast', 'gb', /own forecast/],
      [5 * dayMs, 'static', 'static', /yearly average of the zone GB \(2\d{3}\)/],
    ];
    for (const [afterMs, quality, provider, says] of steps) {
      clock.set(noon + afterMs);
      const reading = await read(grid);
      assert.equal(reading.quality, quality, `${afterMs / hourMs} h: ${reading.why.join('; ')}`);
      assert.equal(reading.provider, provider);
      assert.match(reading.why[0] ?? '', /gb \(.*HTTP status 500/);
      assert.ok(
        reading.why.some((line) => says.test(line)),
        reading.why.join('; '),
      );
      assert.equal(grid.trouble?.code, 'PROVIDER_UNREACHABLE');
    }

    const last = await read(grid);
    assert.deepEqual([last.signal, last.basis], ['average', 'lifecycle']);
    assert.match(last.attribution, /CO2\.js/);
    assert.equal(last.trailingBounds, null, 'bounds of another basis would not compare');

    clock.set(noon + 1000 * dayMs);
    server.answer = (request, response) => {
      const from = new Date(clock.now() - 10 * minuteMs).toISOString().slice(0, 16);
      const to = new Date(clock.now() + 20 * minuteMs).toISOString().slice(0, 16);
      response.end(
        JSON.stringify({
          data: [{ from: `${from}Z`, to: `${to}Z`, intensity: { forecast: 100, actual: 90, index: 'low' } }],
        }),
      );
      void request;
    };
    const back = await read(grid);
    assert.deepEqual([back.intensityGPerKwh, back.quality], [90, 'estimated']);
    assert.equal(grid.trouble, null);
    assert.match(back.why.join(), /signal and basis changed from \(average, lifecycle\) to \(average, operational\)/);
  });

  it('says which earlier values the provider has revised, and nothing of the others', async () => {
    const halfHours = (actuals: readonly (number | null)[]): string => {
      const first = Date.parse('2026-11-20T11:00Z');
      const time = (step: number): string => `${new Date(first + step * 30 * minuteMs).toISOString().slice(0, 16)}Z`;
      const data = actuals.map((actual, step) => ({
        from: time(step),
        to: time(step + 1),
        intensity: { forecast: 200 + step, actual, index: 'low' },
      }));
      return JSON.stringify({ data });
    };
    server.answer = (_request, response) => response.end(halfHours([190, 191, null, null]));
    const grid = gb();
    assert.equal((await read(grid)).revised, undefined, 'nothing was known before');
    server.answer = (_request, response) => response.end(halfHours([190, 185, 195, null]));
    clock.set(Date.parse('2026-11-20T12:40Z'));
    const revised = [
      ['2026-11-20T11:30:00.000Z', 185, 'estimated'],
      ['2026-11-20T12:00:00.000Z', 195, 'estimated'],
    ];
    for (const grids of [grid, grid]) {
      const reading = await read(grids);
      assert.deepEqual(
        reading.revised?.map(({ validFrom, intensityGPerKwh, quality }) => [validFrom, intensityGPerKwh, quality]),
        revised,
      );
    }
    clock.set(Date.parse('2026-11-20T13:10Z'));
    assert.equal((await read(grid)).revised, undefined, 'this answer said nothing new of the past');
  });

  it('says that the basis changed once, when it does', async () => {
    server.answer = await answers();
    const grid = gb();
    await read(grid);
    server.answer = down;
    clock.advance(5 * dayMs);
    const changed = /signal and basis changed from \(average, operational\) to \(average, lifecycle\)/;
    assert.match((await read(grid)).why.join(), changed);
    assert.doesNotMatch((await read(grid)).why.join(), changed);
  });

  it('is unknown, and never 0, when nothing at all is known', async () => {
    const grid = source({ provider: 'trace', path: 'none.csv', zone: 'MISO' });
    const reading = await read(grid);
    assert.equal(reading.intensityGPerKwh, null);
    assert.equal(reading.quality, 'unknown');
    assert.deepEqual(reading.forecast, []);
    assert.match(reading.why[0] ?? '', /none\.csv cannot be read/);
    assert.equal(reading.why.length, 5, reading.why.join('; '));
    assert.equal(grid.trouble?.code, 'PROVIDER_UNREACHABLE');
  });

  it('answers with the average of the fallback zone from the first read on', async () => {
    server.answer = down;
    const reading = await read(source({ provider: 'energy-charts', country: 'de', baseUrl: server.baseUrl }));
    assert.deepEqual([reading.quality, reading.zone, reading.basis], ['static', 'DE', 'lifecycle']);
    assert.equal(reading.fetchedAt, new Date(noon).toISOString());
  });

  it('refuses a fallback zone that no table knows', () => {
    assert.throws(() => source({ provider: 'simulated', fallbackZone: 'ATLANTIS' }), {
      code: 'INVALID_CONFIG',
      message: /ATLANTIS/,
    });
  });

  it('tells a refused key from an unreachable provider', async () => {
    server.answer = (_request, response) => response.writeHead(401).end();
    const grid = gb();
    assert.equal((await read(grid)).quality, 'static');
    assert.equal(grid.trouble?.code, 'PROVIDER_UNAUTHORIZED');
  });

  it('asks a remote provider once per interval, however often it is read', async () => {
    server.answer = await answers();
    const grid = gb();
    await Promise.all([read(grid), read(grid), read(grid)]);
    assert.equal(server.asked.length, 2, 'the present and the past, once each');
    // The half hour of noon ends in 20 minutes.
    for (let minute = 1; minute <= 19; minute += 1) {
      clock.advance(minuteMs);
      const reading = await read(grid);
      assert.equal(reading.quality, 'forecast');
    }
    assert.equal(server.asked.length, 2);
    clock.advance(2 * minuteMs);
    await read(grid);
    assert.equal(server.asked.length, 4);
  });

  it('goes on after a restart with what it kept, without asking again', async () => {
    server.answer = await answers();
    await read(gb());
    const asked = server.asked.length;
    server.answer = down;
    clock.advance(5 * minuteMs);
    const restarted = gb();
    const reading = await read(restarted);
    assert.equal(reading.intensityGPerKwh, 233);
    assert.equal(reading.fetchedAt, new Date(noon).toISOString());
    assert.equal(server.asked.length, asked);
    clock.advance(hourMs);
    assert.equal((await read(restarted)).quality, 'stale');
  });

  it('begins anew when what it kept is damaged', async () => {
    server.answer = await answers();
    await read(gb());
    const folder = join(directory, 'ecomap', 'carbon');
    for (const file of await readdir(folder)) await writeFile(join(folder, file), '{"version":1,"points":"many"');
    assert.equal((await read(gb())).intensityGPerKwh, 233);
    assert.equal(server.asked.length, 4);
  });

  it('keeps reading where the cache cannot be written, and notes it', async () => {
    await writeFile(join(directory, 'ecomap'), 'a file where the folder should be');
    server.answer = await answers();
    const grid = gb();
    assert.equal((await read(grid)).intensityGPerKwh, 233);
    assert.match(grid.notes.join(), /carbon cache .* cannot be written/);
  });

  it('reads again soon while the provider is in trouble', async () => {
    server.answer = await answers();
    const grid = gb();
    await read(grid);
    assert.equal(grid.pollIntervalMs, 20 * minuteMs, 'until the next half hour');
    server.answer = down;
    clock.advance(hourMs);
    await read(grid);
    assert.equal(grid.pollIntervalMs, 30_000);
  });

  it('spreads its requests over the time after a step, never before it', async () => {
    server.answer = await answers();
    for (const [random, waitMs] of [
      [0, 20 * minuteMs],
      [0.5, 21 * minuteMs],
    ] as const) {
      const config = gridConfigSchema.parse({ provider: 'gb', baseUrl: server.baseUrl });
      const surroundings = { now: clock.now, random: () => random, stateDirectory: directory };
      const grid = createCarbonSource(config, surroundings);
      await read(grid);
      assert.equal(grid.pollIntervalMs, waitMs);
    }
  });

  it('asks again after a quarter of an hour when the value of this hour was not there yet', async () => {
    const value = (datetime: string, carbonIntensity: number) =>
      JSON.stringify({ zone: 'DE', carbonIntensity, datetime, isEstimated: true });
    server.answer = (_request, response) => response.end(value('2026-11-20T11:00:00Z', 300));
    const grid = createCarbonSource(
      gridConfigSchema.parse({ provider: 'electricity-maps', zone: 'DE', horizonH: 0, baseUrl: server.baseUrl }),
      { now: clock.now, random: () => 0, stateDirectory: directory, secrets: { token: 'x' }, environment: {} },
    );
    assert.equal((await read(grid)).quality, 'stale');
    const asked = server.asked.filter((path) => path.includes('/latest')).length;
    clock.advance(14 * minuteMs);
    await read(grid);
    assert.equal(server.asked.filter((path) => path.includes('/latest')).length, asked);
    server.answer = (_request, response) => response.end(value('2026-11-20T12:00:00Z', 310));
    clock.advance(minuteMs);
    const reading = await read(grid);
    assert.deepEqual([reading.intensityGPerKwh, reading.quality, reading.providerVersion], [310, 'estimated', 'v4']);
    assert.equal(grid.pollIntervalMs, 35 * minuteMs, 'until the next hour');
  });

  it('bridges text and blanks of a trace and names the line', async () => {
    const path = join(fixtures, 'trace-with-defects.csv');
    const grid = source({ provider: 'trace', path, column: 'ci_g_per_kwh', loop: false, dayLengthS: 240 });
    assert.equal((await read(grid)).quality, 'measured');
    assert.match(grid.notes.join(), /3 unusable/);
    clock.advance(35_000);
    const reading = await read(grid);
    assert.deepEqual([reading.intensityGPerKwh, reading.quality], [310.5, 'stale']);
    assert.equal(reading.validFrom, '2026-03-29T01:00:00.000Z');
    assert.match(grid.trouble?.message ?? '', /line 5 holds "n\/a"/);
    clock.advance(30_000);
    assert.equal((await read(grid)).quality, 'measured');
    assert.equal(grid.trouble, null);
  });

  it('finds a trace beside the flows', async () => {
    await writeFile(join(directory, 'mine.csv'), 'datetime_utc,ci\n2026-01-01T00:00Z,123\n');
    assert.equal((await read(source({ provider: 'trace', path: 'mine.csv' }))).intensityGPerKwh, 123);
  });

  it('gives a simulated day its forecast, range and bounds at once', async () => {
    const reading = await read(source({ provider: 'simulated', dayLengthS: 60 }));
    assert.equal(reading.quality, 'simulated');
    assert.equal(reading.speed, 1440);
    assert.equal((await read(source({ provider: 'simulated', mode: 'real-time' }))).speed, undefined);
    assert.equal(reading.forecast.length, 96);
    assert.ok((reading.range24h?.maximumGPerKwh ?? 0) - (reading.range24h?.minimumGPerKwh ?? 0) > 150);
    assert.ok((reading.trailingBounds?.highGPerKwh ?? 0) > (reading.trailingBounds?.lowGPerKwh ?? 0));
  });

  it("bounds the provider's forecast by its own errors, once enough of them are known", async () => {
    const grid = source({ provider: 'simulated', dayLengthS: 24, noiseGPerKwh: 10, seed: 3 });
    const [first] = (await read(grid)).forecast;
    assert.equal(first?.lowerGPerKwh, undefined, 'nothing is known of its errors yet');
    for (let hour = 0; hour < 80; hour += 1) {
      clock.advance(1000);
      await read(grid);
    }
    const reading = await read(grid);
    assert.equal(reading.forecastBy, 'provider');
    const next = reading.forecast[0];
    assert.ok(next?.intensityGPerKwh !== null && next?.lowerGPerKwh !== undefined && next.upperGPerKwh !== undefined);
    const halfWidth = (next.upperGPerKwh - next.lowerGPerKwh) / 2;
    assert.ok(halfWidth > 8 && halfWidth < 40, `${halfWidth} for noise of 10 g/kWh`);
  });

  it('keeps what it knows of those errors over a restart', async () => {
    server.answer = await answers();
    await read(gb());
    const folder = join(directory, 'ecomap', 'carbon');
    const [file = ''] = await readdir(folder);
    const path = join(folder, file);
    const kept = JSON.parse(await readFile(path, 'utf8'));
    assert.equal(kept.forecastRecord.noted.length, 1);
    kept.forecastRecord.errors = new Array(96).fill(new Array(12).fill(7));
    await writeFile(path, JSON.stringify(kept));
    const [, next] = (await read(gb())).forecast;
    assert.equal((next?.upperGPerKwh ?? 0) - (next?.intensityGPerKwh ?? 0), 7);
    kept.forecastRecord = { noted: 'many' };
    await writeFile(path, JSON.stringify(kept));
    const reading = await read(gb());
    assert.equal(reading.intensityGPerKwh, 233, 'a damaged record costs the bounds only');
    assert.equal(reading.forecast[1]?.upperGPerKwh, undefined);
  });

  it('makes its own forecast where the provider makes none, with bounds and how far ahead', async () => {
    const rows = Array.from({ length: 20 * 24 }, (_, hour) => {
      const at = new Date(Date.parse('2026-01-01T00:00Z') + hour * hourMs).toISOString();
      return `${at},${300 + 80 * Math.sin((2 * Math.PI * hour) / 24) + ((hour * 37) % 20)}`;
    });
    await writeFile(join(directory, 'grid.csv'), ['datetime_utc,ci', ...rows].join('\n'));
    const grid = source({ provider: 'trace', path: 'grid.csv', startOffsetH: 19 * 24, dayLengthS: 240, loop: false });
    const reading = await read(grid);
    assert.equal(reading.forecastBy, 'own');
    assert.equal(reading.forecast.length, 96);
    assert.equal(reading.forecast[0]?.validFrom, '2026-01-20T01:00:00.000Z');
    reading.forecast.forEach((point, index) => {
      assert.equal(point.horizonH, index + 1);
      assert.ok(point.lowerGPerKwh !== undefined && point.upperGPerKwh !== undefined);
      assert.ok(point.intensityGPerKwh !== null && point.lowerGPerKwh <= point.intensityGPerKwh);
      assert.ok(point.intensityGPerKwh <= point.upperGPerKwh);
    });
  });

  describe('on the year 2022 in PJM', () => {
    const path = join(__dirname, '../../../../shared/traces/eia-2022/PJM.csv');
    before(function () {
      if (existsSync(path)) return;
      console.log('      skipped: no ../shared/traces/eia-2022/PJM.csv beside this checkout');
      this.skip();
    });

    /** Reads each hour of the trace from the given one on. */
    async function play(from: string, hours: number): Promise<CarbonReading[]> {
      const startOffsetH = (Date.parse(from) - Date.parse('2022-01-01T00:00Z')) / hourMs;
      const grid = source({ provider: 'trace', path, startOffsetH, dayLengthS: 240, zone: 'PJM' });
      const readings: CarbonReading[] = [];
      for (let hour = 0; hour < hours; hour += 1) {
        readings.push(await read(grid));
        clock.advance(10_000);
      }
      return readings;
    }

    it('bridges the gap of 22 hours: three as stale, the rest by its own forecast', async () => {
      const readings = await play('2022-03-13T05:00Z', 26);
      const qualities = readings.map((reading) => reading.quality);
      assert.deepEqual(qualities, [
        ...['measured', 'measured'],
        ...new Array<string>(4).fill('stale'),
        ...new Array<string>(18).fill('forecast'),
        ...['measured', 'measured'],
      ]);
      assert.ok(readings.every(({ intensityGPerKwh }) => intensityGPerKwh !== null && intensityGPerKwh > 250));
      assert.match(readings[10]?.why.join() ?? '', /line \d+ is blank.*too old.*own forecast/);
    });

    it('does not act on the impossible values: it holds the last good one and says so', async () => {
      const readings = await play('2022-10-01T03:00Z', 7);
      assert.deepEqual(
        readings.map(({ suspect }) => suspect),
        [false, false, true, true, true, true, false],
      );
      const [, good, ...held] = readings;
      for (const reading of held.slice(0, 4)) {
        assert.equal(reading.quality, 'stale');
        assert.equal(reading.intensityGPerKwh, good?.intensityGPerKwh);
        assert.match(reading.why.join(), /implausible jump.*held the last good value, from 2022-10-01T04:00/);
      }
      assert.ok((readings[6]?.trailingBounds?.lowGPerKwh ?? 0) > 250, 'and they move no bounds');
    });
  });
});
