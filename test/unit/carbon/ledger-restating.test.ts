import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CarbonLedger } from '../../../src/carbon/accounting/ledger';
import type { JoinedRow } from '../../../src/carbon/accounting/joined';
import type { CarbonReading } from '../../../src/signals/carbon';
import { iso, reading, telemetryWindow, tenantWindow } from './ledger-inputs';
import { FakeClock } from './provider-server';

const hourMs = 3_600_000;
const start = Date.parse('2026-11-20T12:00:00Z');

function near(actual: number | null | undefined, expected: number, what = ''): void {
  assert.ok(actual !== null && actual !== undefined, `${what} is unknown`);
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(Math.abs(expected), 1e-12),
    `${what}: ${actual}, not ${expected}`,
  );
}

describe('carbon ledger, when intensities are restated', () => {
  const clock = new FakeClock(start);
  beforeEach(() => clock.set(start));

  /** What a provider says of the hour `hour` after the start, `saidH` hours after it. */
  const hourly = (hour: number, value: number | null, saidH = hour, more: Partial<CarbonReading> = {}): CarbonReading =>
    reading(value, {
      validFrom: iso(start + hour * hourMs),
      validTo: iso(start + (hour + 1) * hourMs),
      fetchedAt: iso(start + saidH * hourMs),
      quality: value === null ? 'unknown' : 'estimated',
      ...more,
    });

  /** Hours of 1 kWh each, in windows of ten minutes. */
  function playHour(ledger: CarbonLedger, hour: number): void {
    for (let window = 0; window < 6; window += 1) {
      const fromMs = start + hour * hourMs + window * 600_000;
      clock.set(fromMs + 600_000);
      const tenant = tenantWindow('a', { energyJ: 300_000, alwaysMaxEnergyJ: 700_000 });
      ledger.onTelemetry(telemetryWindow(fromMs, 600, [tenant], { totalJ: 600_000, idleJ: 300_000 }));
    }
  }

  const gramsByHour = (rows: readonly JoinedRow[]): Map<number, number | null> => {
    const grams = new Map<number, number | null>();
    for (const { hourMs: at, cells } of rows) {
      const hour = (at - start) / hourMs;
      const carbonG = cells.get('total')?.carbonG ?? null;
      grams.set(hour, carbonG === null ? (grams.get(hour) ?? null) : (grams.get(hour) ?? 0) + carbonG);
    }
    return grams;
  };

  function fourHours(): CarbonLedger {
    const ledger = new CarbonLedger({ now: clock.now });
    for (let hour = 0; hour < 4; hour += 1) {
      clock.set(start + hour * hourMs);
      ledger.onCarbon(hourly(hour, 400 + hour));
      playHour(ledger, hour);
    }
    return ledger;
  }

  it('changes the grams of exactly the interval that was stated anew', () => {
    const ledger = fourHours();
    assert.deepEqual(
      [...gramsByHour(ledger.hours())].map(([hour, grams]) => [hour, Math.round(grams ?? 0)]),
      [
        [0, 400],
        [1, 401],
        [2, 402],
        [3, 403],
      ],
    );
    assert.equal(ledger.receipt().carbon.finalG, null);
    clock.set(start + 5 * hourMs);
    ledger.onCarbon(hourly(1, 300, 5, { quality: 'measured' }));
    const grams = gramsByHour(ledger.hours());
    for (const [hour, expected] of [400, 300, 402, 403].entries()) near(grams.get(hour), expected, `hour ${hour}`);
    const { total, idle, carbon, tenants, alwaysMax } = ledger.receipt();
    near(total.carbonG, 1505);
    near(tenants[0]?.carbonG, 752.5);
    near(idle.carbonG, 752.5);
    near(carbon.finalG, 300);
    near(carbon.provisionalG, 1205);
    near(alwaysMax.carbonG, (1000 / 600) * 1505);
    assert.equal(carbon.restatedIntervals, 1);
    assert.equal(carbon.intensityGPerKwh, 403, 'what is in force stays');
  });

  it('takes what was revised from the reading of another hour', () => {
    const ledger = fourHours();
    clock.set(start + 4 * hourMs);
    const revised = [0, 2].map((hour) => ({
      validFrom: iso(start + hour * hourMs),
      validTo: iso(start + (hour + 1) * hourMs),
      intensityGPerKwh: 500,
      quality: 'measured' as const,
    }));
    ledger.onCarbon(hourly(4, 404, 4, { revised }));
    near(ledger.receipt().total.carbonG, 500 + 401 + 500 + 403);
    assert.equal(ledger.receipt().carbon.intensityGPerKwh, 404);
  });

  it('is not moved by an older word, a worse one, or one of another zone, signal or basis', () => {
    const ledger = fourHours();
    clock.set(start + 5 * hourMs);
    ledger.onCarbon(hourly(1, 450, 5, { quality: 'measured' }));
    const settled = ledger.receipt().total.carbonG;
    clock.set(start + 6 * hourMs);
    ledger.onCarbon(hourly(1, 100, 4, { quality: 'measured' }));
    ledger.onCarbon(hourly(1, 110, 7, { quality: 'estimated' }));
    ledger.onCarbon(hourly(1, 120, 7, { quality: 'measured', zone: 'Y' }));
    ledger.onCarbon(hourly(1, 130, 7, { quality: 'measured', basis: 'direct' }));
    ledger.onCarbon(hourly(1, 140, 7, { quality: 'measured', signal: 'marginal' }));
    assert.equal(ledger.receipt().total.carbonG, settled);
  });

  it('counts time without a reading as unknown, and knows its grams once the provider tells', () => {
    const ledger = new CarbonLedger({ now: clock.now });
    playHour(ledger, 0);
    const blind = ledger.receipt();
    assert.equal(blind.total.carbonG, null);
    assert.equal(blind.sci?.perInferenceG, null);
    near(blind.total.unknownCarbonJ, 3_600_000);
    near(blind.coverage.unknownIntensityS, 3600);
    clock.set(start + 2 * hourMs);
    ledger.onCarbon(hourly(0, 250, 2, { quality: 'measured' }));
    const { total, coverage, carbon } = ledger.receipt();
    near(total.carbonG, 250);
    assert.equal(total.unknownCarbonJ, 0);
    assert.equal(coverage.unaccountedEnergyJ, 0);
    assert.deepEqual(Object.keys(carbon.secondsByQuality), ['measured']);
  });

  for (const quality of ['stale', 'forecast', 'static'] as const) {
    it(`joins time for which a ${quality} value stood in anew when the provider tells of it`, () => {
      const ledger = new CarbonLedger({ now: clock.now });
      const standIn: Partial<CarbonReading> =
        quality === 'stale'
          ? { validFrom: iso(start - hourMs), validTo: iso(start) }
          : { validFrom: iso(start - 10 * hourMs), validTo: iso(start + 500 * hourMs) };
      ledger.onCarbon(hourly(0, 600, 0, { quality, ...standIn }));
      playHour(ledger, 0);
      playHour(ledger, 1);
      near(ledger.receipt().total.carbonG, 1200);
      near(ledger.receipt().carbon.provisionalG, 1200);
      ledger.onCarbon(hourly(0, 200, 2, { quality: 'measured' }));
      const { total, carbon } = ledger.receipt();
      near(total.carbonG, 800);
      near(carbon.finalG, 200);
      near(carbon.secondsByQuality[quality], 3600);
      near(carbon.secondsByQuality['measured'], 3600);
    });
  }

  it('keeps signals and bases apart, with a flag on the sum of both', () => {
    const ledger = new CarbonLedger({ now: clock.now });
    ledger.onCarbon(hourly(0, 100));
    playHour(ledger, 0);
    assert.equal(ledger.receipt().carbon.mixedBasis, false);
    clock.set(start + hourMs);
    ledger.onCarbon(hourly(1, 300, 1, { signal: 'marginal', basis: 'direct' }));
    playHour(ledger, 1);
    const { carbon, total } = ledger.receipt();
    near(total.carbonG, 400);
    assert.equal(carbon.mixedBasis, true);
    assert.deepEqual(
      carbon.chains.map(({ signal, basis, carbonG, meanIntensityGPerKwh }) => [
        signal,
        basis,
        Math.round(carbonG ?? 0),
        Math.round(meanIntensityGPerKwh ?? 0),
      ]),
      [
        ['average', 'lifecycle', 100, 100],
        ['marginal', 'direct', 300, 300],
      ],
    );
  });

  it('never restates what was played: a recording that begins anew is in force again', () => {
    const ledger = new CarbonLedger({ now: clock.now });
    const played = (value: number, hour: number): CarbonReading =>
      hourly(hour - 30_000, value, 0, { provider: 'trace', quality: 'measured' });
    ledger.onCarbon(played(100, 0));
    playHour(ledger, 0);
    clock.set(start + hourMs);
    ledger.onCarbon(played(900, 1));
    playHour(ledger, 1);
    clock.set(start + 2 * hourMs);
    ledger.onCarbon(played(100, 0));
    playHour(ledger, 2);
    near(ledger.receipt().total.carbonG, 1100);
    assert.equal(ledger.receipt().carbon.restatedIntervals, 0);
  });

  it('restates across a restart', () => {
    const ledger = fourHours();
    const again = new CarbonLedger({ now: clock.now });
    for (const entry of ledger.entries()) again.restore(structuredClone(entry));
    again.resume();
    clock.set(start + 5 * hourMs);
    again.onCarbon(hourly(0, 100, 5, { quality: 'measured' }));
    near(again.receipt().total.carbonG, 100 + 401 + 402 + 403);
  });

  it('gives the same books in whatever time zone, also on the days when clocks change', () => {
    const zone = process.env['TZ'];
    const changes = Date.parse('2026-10-25T00:00:00Z');
    const books: string[] = [];
    try {
      for (const name of ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) {
        process.env['TZ'] = name;
        clock.set(changes);
        const ledger = new CarbonLedger({ now: clock.now });
        for (let hour = 0; hour < 30; hour += 1) {
          const fromMs = changes + hour * hourMs;
          clock.set(fromMs);
          ledger.onCarbon(reading(100 + hour, { validFrom: iso(fromMs), validTo: iso(fromMs + hourMs) }));
          // Windows that do not end with the hour.
          for (const minute of [0, 25, 50]) {
            ledger.onTelemetry(telemetryWindow(fromMs + minute * 60_000, 1500, [tenantWindow('a')]));
          }
        }
        const hours = ledger.hours();
        assert.equal(new Set(hours.map(({ hourMs: at }) => at)).size, 31);
        books.push(JSON.stringify([ledger.receipt(), hours.map((row) => [...row.cells])]));
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
    assert.equal(new Set(books).size, 1);
  });

  it('totals equal an independent recomputation to 1e-9, in whatever order words about hours come', () => {
    const word = fc.record({
      hour: fc.integer({ min: 0, max: 5 }),
      value: fc.double({ min: 1, max: 1500, noNaN: true }),
      quality: fc.constantFrom('estimated' as const, 'measured' as const),
    });
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 30 }),
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 6, maxLength: 6 }),
        (words, joules) => {
          clock.set(start);
          const ledger = new CarbonLedger({ now: clock.now });
          const value: number[] = [];
          const isMeasured: boolean[] = [];
          for (let hour = 0; hour < 6; hour += 1) {
            clock.set(start + hour * hourMs);
            ledger.onCarbon(hourly(hour, 400 + hour));
            value.push(400 + hour);
            isMeasured.push(false);
            const totalJ = joules[hour] ?? 0;
            ledger.onTelemetry(telemetryWindow(start + hour * hourMs, 3600, [], { totalJ, idleJ: totalJ }));
          }
          words.forEach(({ hour, value: said, quality }, index) => {
            clock.set(start + (7 + index / 10) * hourMs);
            ledger.onCarbon(hourly(hour, said, 7 + index, { quality }));
            if (isMeasured[hour] && quality === 'estimated') return;
            value[hour] = said;
            isMeasured[hour] = quality === 'measured';
          });
          const expected = joules.reduce((sum, energyJ, hour) => sum + (energyJ / 3_600_000) * (value[hour] ?? 0), 0);
          near(ledger.receipt().total.carbonG, expected);
          const hours = gramsByHour(ledger.hours());
          joules.forEach((energyJ, hour) =>
            near(hours.get(hour), (energyJ / 3_600_000) * (value[hour] ?? 0), `hour ${hour}`),
          );
        },
      ),
    );
  });

  it('stays bounded over weeks of five-minute values, and keeps the sum', function () {
    this.timeout(60_000);
    const ledger = new CarbonLedger({ now: clock.now, retentionDays: 9 });
    const days = 14;
    let grams = 0;
    for (let step = 0; step < days * 288; step += 1) {
      const fromMs = start + step * 300_000;
      clock.set(fromMs);
      const value = 300 + (step % 100);
      ledger.onCarbon(
        reading(value, { validFrom: iso(fromMs), validTo: iso(fromMs + 300_000), fetchedAt: iso(fromMs) }),
      );
      if (step % 12 === 0) continue;
      grams += (50 / 3_600_000) * value;
      // Without the cost of a receipt for each.
      ledger.restore({
        kind: 'window',
        fromMs,
        toMs: fromMs + 300_000,
        durationS: 300,
        source: 'measured',
        energyKnown: true,
        compared: false,
        parts: [[fromMs, fromMs + 300_000, 1, `average|lifecycle|X|${fromMs}|${fromMs + 300_000}|value`]],
        accounts: [['total', [50, 0, 0, 0, 0, 0, 0, 0, 0, 0]]],
      });
    }
    near(ledger.receipt().total.carbonG, grams);
    const entries = [...ledger.entries()];
    assert.ok(entries.length < 4800, `${entries.length} rows`);
    assert.ok(ledger.hours().every(({ hourMs: at }) => at > clock.now() - 10 * 24 * hourMs));
  });
});
