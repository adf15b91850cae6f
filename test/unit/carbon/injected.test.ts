import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gridConfigSchema } from '../../../src/carbon/grid-config';
import { dayMs } from '../../../src/carbon/provider';
import { SharedSource } from '../../../src/carbon/shared-source';
import { createCarbonSource, type CarbonSource } from '../../../src/carbon/source';
import { carbonReadingSchema, type CarbonReading } from '../../../src/signals/carbon';
import { FakeClock } from './provider-server';

const noon = Date.parse('2026-11-20T12:10:00Z');

describe('values sent by message', () => {
  const clock = new FakeClock(noon);
  let directory: string;
  beforeEach(async () => {
    clock.set(noon);
    directory = await mkdtemp(join(tmpdir(), 'ecomap-injected-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const source = (more: object = {}): CarbonSource =>
    createCarbonSource(gridConfigSchema.parse({ provider: 'injected', zone: 'roof', staleAfterS: 600, ...more }), {
      now: clock.now,
      random: () => 0,
      stateDirectory: directory,
    });
  async function after(grid: CarbonSource, payload: unknown): Promise<CarbonReading> {
    assert.ok(grid.inject !== null);
    grid.inject(payload);
    const reading = await grid.read();
    assert.deepEqual(carbonReadingSchema.parse(reading), reading);
    return reading;
  }

  it('is unknown until the first one comes, and says what to send', async () => {
    const grid = source();
    const reading = await grid.read();
    assert.deepEqual([reading.intensityGPerKwh, reading.quality], [null, 'unknown']);
    assert.match(grid.trouble?.message ?? '', /send a number in g\/kWh to a carbon-intensity node/);
  });

  it('takes a number, or text that is one, as injected and in order', async () => {
    const grid = source();
    for (const payload of [212.5, ' 212.5 ']) {
      const reading = await after(grid, payload);
      assert.deepEqual([reading.intensityGPerKwh, reading.quality, reading.zone], [212.5, 'injected', 'roof']);
      assert.deepEqual([reading.signal, reading.basis, reading.why], ['average', 'unknown', []]);
      assert.equal(reading.validTo, new Date(clock.now() + 600_000).toISOString());
      clock.advance(1000);
    }
    assert.equal(grid.trouble, null);
  });

  it('is stale after its time, then steps down like any other source', async () => {
    const grid = source({ fallbackZone: 'DE' });
    await after(grid, 212);
    clock.advance(599_000);
    assert.equal((await grid.read()).quality, 'injected');
    clock.advance(2000);
    const late = await grid.read();
    assert.deepEqual([late.intensityGPerKwh, late.quality], [212, 'stale']);
    assert.equal(grid.trouble?.code, 'PROVIDER_UNREACHABLE');
    clock.advance(dayMs);
    assert.equal((await grid.read()).quality, 'static');
  });

  it('keeps what a reading says of itself: quality, times, kind, origin, forecast', async () => {
    const reading = await after(source(), {
      intensityGPerKwh: 300,
      quality: 'measured',
      signal: 'average',
      basis: 'direct',
      zone: 'roof',
      provider: 'meter-7',
      method: 'own mix',
      attribution: 'our own meter',
      validFrom: '2026-11-20T12:00:00Z',
      validTo: '2026-11-20T13:00:00+00:00',
      forecast: [
        { validFrom: '2026-11-20T13:00:00Z', validTo: '2026-11-20T14:00:00Z', intensityGPerKwh: 280, more: 'ignored' },
      ],
    });
    assert.deepEqual(
      [reading.quality, reading.basis, reading.method, reading.attribution, reading.validTo],
      ['measured', 'direct', 'meter-7: own mix', 'our own meter', '2026-11-20T13:00:00.000Z'],
    );
    assert.deepEqual(
      [reading.forecast.length, reading.forecast[0]?.intensityGPerKwh, reading.forecastBy],
      [1, 280, 'provider'],
    );
    assert.match(
      reading.why.join(),
      /changed from \(average, unknown\) to \(average, direct\)/,
      'visibly another kind',
    );
  });

  it('does not call nothing a zero: null is unknown for now', async () => {
    const grid = source();
    await after(grid, 212);
    clock.advance(1000);
    const reading = await after(grid, { intensityGPerKwh: null });
    assert.deepEqual([reading.intensityGPerKwh, reading.quality], [212, 'stale']);
    assert.match(reading.why.join(), /the message held no value/);
  });

  const refused: [name: string, payload: unknown, says: RegExp][] = [
    ['a timestamp', noon, /outside 0\.\.1500/],
    ['a negative number', -1, /-1 g\/kWh is outside/],
    ['NaN', Number.NaN, /intensityGPerKwh/],
    ['text', 'high', /intensityGPerKwh/],
    ['another zone', { intensityGPerKwh: 1, zone: 'cellar' }, /zone cellar, this grid is roof/],
    ['an object without a value', { value: 3 }, /intensityGPerKwh/],
    ['a quality that does not exist', { intensityGPerKwh: 1, quality: 'good' }, /quality/],
    [
      'an end before its beginning',
      { intensityGPerKwh: 1, validFrom: '2026-11-20T13:00:00Z', validTo: '2026-11-20T12:00:00Z' },
      /later than validFrom/,
    ],
  ];
  for (const [name, payload, says] of refused) {
    it(`refuses ${name} and keeps what it had`, async () => {
      const grid = source();
      await after(grid, 212);
      assert.throws(() => grid.inject?.(payload), { code: 'INVALID_MESSAGE', message: says });
      assert.equal((await grid.read()).intensityGPerKwh, 212);
    });
  }

  it('gives who sends a value at least that value, whatever read is under way', async () => {
    const shared = new SharedSource(source(), () => undefined);
    await shared.read();
    shared.inject?.(212);
    const early = shared.read();
    // Now 212 is taken in and about to be written down.
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    shared.inject?.(213);
    assert.equal((await shared.read()).intensityGPerKwh, 213);
    assert.equal((await early).intensityGPerKwh, 212);
    shared.close();
  });

  it('still knows after a restart what had come', async () => {
    await after(source(), 212);
    clock.advance(60_000);
    const reading = await source().read();
    assert.deepEqual([reading.intensityGPerKwh, reading.quality], [212, 'injected']);
    assert.match(reading.why.join(), /no value has come since the start/);
  });

  it('holds off an implausible jump like that of any provider', async () => {
    const grid = source();
    for (let step = 0; step < 15; step += 1) {
      await after(grid, 300 + step);
      clock.advance(300_000);
    }
    const reading = await after(grid, 30);
    assert.deepEqual([reading.suspect, reading.intensityGPerKwh], [true, 314]);
  });
});
