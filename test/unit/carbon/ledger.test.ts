import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CarbonLedger } from '../../../src/carbon/accounting/ledger';

import { ledgerEntrySchema } from '../../../src/carbon/accounting/ledger-entries';
import { receiptSchema, type Receipt } from '../../../src/signals/receipt';
import type { Telemetry, TenantTelemetry } from '../../../src/signals/telemetry';
import { iso, reading, telemetryWindow, tenantWindow } from './ledger-inputs';
import { FakeClock } from './provider-server';

const start = Date.parse('2026-11-20T12:00:00Z');
function near(actual: number | null | undefined, expected: number, what = ''): void {
  assert.ok(actual !== null && actual !== undefined, `${what} is unknown`);
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(Math.abs(expected), 1e-12),
    `${what}: ${actual} is not ${expected}`,
  );
}

/** An interval that is over: such a reading only stands in for what the provider has not said yet. */
const before = { validFrom: iso(start - 3_600_000), validTo: iso(start) };

describe('carbon ledger', () => {
  const clock = new FakeClock(start);
  beforeEach(() => clock.set(start));
  const newLedger = (): CarbonLedger => new CarbonLedger({ now: clock.now });

  function checked(receipt: Receipt): Receipt {
    assert.deepEqual(receiptSchema.parse(receipt), receipt, 'a receipt keeps to its schema');
    return receipt;
  }

  it('accounts energy and grams per tenant, idle and in total', () => {
    const ledger = newLedger();
    ledger.onCarbon(reading(360));
    const receipt = checked(
      ledger.onTelemetry(telemetryWindow(start, 10, [tenantWindow('a'), tenantWindow('b', { energyJ: 5 })])),
    );
    const grams = (energyJ: number): number => (energyJ / 3_600_000) * 360;
    assert.equal(receipt.total.energyJ, 50);
    assert.equal(receipt.idle.energyJ, 35, 'what no tenant accounts for is idle');
    assert.deepEqual(
      receipt.tenants.map(({ tenant, energyJ }) => [tenant, energyJ]),
      [
        ['a', 10],
        ['b', 5],
      ],
    );
    near(receipt.total.carbonG, grams(50));
    near(receipt.idle.carbonG, grams(35));
    near(receipt.tenants[0]?.carbonG, grams(10));
    assert.equal(receipt.energySource, 'modelled');
    assert.deepEqual(receipt.carbon.secondsByQuality, { measured: 10 });
    assert.deepEqual(receipt.carbon.attribution, ['a test']);
    assert.equal(receipt.carbon.intensityGPerKwh, 360);
    assert.deepEqual(receipt.coverage, { unknownEnergyS: 0, unknownIntensityS: 0, unaccountedEnergyJ: 0 });
    assert.deepEqual([receipt.from, receipt.to, receipt.durationS], [iso(start), iso(start + 10_000), 10]);
  });

  it('counts opCDP, attainment, effective accuracy and cost per inference as sums over sums', () => {
    const ledger = newLedger();
    ledger.onCarbon(reading(360));
    const latencyMs = (mean: number): TenantTelemetry['latencyMs'] => ({
      mean,
      p50: mean,
      p95: mean,
      p99: mean,
      maximum: mean,
    });
    const window = (more: Partial<TenantTelemetry>): Telemetry =>
      telemetryWindow(start, 10, [tenantWindow('a', more)], { totalJ: 100, idleJ: 90 });
    ledger.onTelemetry(
      window({
        offered: 10,
        served: 8,
        late: 2,
        rejected: 1,
        failed: 1,
        latencyMs: latencyMs(100),
        effectiveAccuracy: 0.9,
        swaps: 1,
      }),
    );
    const { total, tenants } = ledger.onTelemetry(
      window({
        offered: 30,
        served: 30,
        late: 0,
        latencyMs: latencyMs(20),
        effectiveAccuracy: 0.8,
        energyJ: 28,
        swaps: 2,
      }),
    );
    const tenant = tenants[0];
    assert.equal(tenant?.attainment, 36 / 40);
    near(tenant.effectiveAccuracy, (0.9 * 6 + 0.8 * 30) / 36);
    near(tenant.meanLatencyMs, (8 * 100 + 30 * 20) / 38);
    near(tenant.energyPerInferenceJ, 38 / 38);
    near(tenant.carbonG, 0.0038);
    near(tenant.carbonPerInferenceG, 0.0001);
    near(tenant.opCdpGs, (0.0038 * (8 * 100 + 30 * 20)) / 38 / 1000);
    assert.equal(tenant.swaps, 3);
    near(total.energyPerInferenceJ, 200 / 38, 'idle counts in the total');
    near(total.opCdpGs, (0.02 * (8 * 100 + 30 * 20)) / 38 / 1000);
  });

  it('weighs an intensity that changes within a window by time', () => {
    const ledger = newLedger();
    ledger.onCarbon(reading(100, before));
    clock.set(start + 2_000);
    ledger.onCarbon(reading(200, before));
    clock.set(start + 7_000);
    ledger.onCarbon(reading(600, { ...before, quality: 'stale' }));
    const receipt = ledger.onTelemetry(telemetryWindow(start, 10, [tenantWindow('a')]));
    near(receipt.total.carbonG, (50 / 3_600_000) * (0.2 * 100 + 0.5 * 200 + 0.3 * 600));
    near(receipt.carbon.secondsByQuality.measured, 7);
    near(receipt.carbon.secondsByQuality.stale, 3);
  });

  it('counts no grams while the intensity is unknown, and says how much that leaves out', () => {
    const ledger = newLedger();
    const blind = checked(ledger.onTelemetry(telemetryWindow(start, 10, [tenantWindow('a')])));
    assert.equal(blind.total.carbonG, null);
    assert.equal(blind.tenants[0]?.carbonG, null);
    assert.equal(blind.total.opCdpGs, null);
    assert.equal(blind.alwaysMax.savedCarbonPct, null);
    assert.deepEqual(blind.coverage, { unknownEnergyS: 0, unknownIntensityS: 10, unaccountedEnergyJ: 50 });

    clock.set(start + 15_000);
    ledger.onCarbon(reading(360, before));
    const half = ledger.onTelemetry(telemetryWindow(start + 10_000, 10, [tenantWindow('a')]));
    near(half.total.carbonG, (25 / 3_600_000) * 360);
    near(half.coverage.unknownIntensityS, 15);
    near(half.coverage.unaccountedEnergyJ, 75);
    near(half.tenants[0]?.carbonPerInferenceG, ((5 / 3_600_000) * 360) / 5, 'per inference while it was known');

    clock.set(start + 20_000);
    ledger.onCarbon(reading(null, before));
    const lost = ledger.onTelemetry(telemetryWindow(start + 20_000, 10, [tenantWindow('a')]));
    near(lost.total.carbonG, (25 / 3_600_000) * 360);
    assert.equal(lost.carbon.intensityGPerKwh, null);
    near(lost.carbon.secondsByQuality.unknown, 25);
  });

  it('keeps requests but no joules of a window whose energy is unknown', () => {
    const ledger = newLedger();
    ledger.onCarbon(reading(360));
    const unknown = { totalJ: null, idleJ: null };
    const blind = ledger.onTelemetry(telemetryWindow(start, 10, [tenantWindow('a', { energyJ: null })], unknown));
    assert.deepEqual([blind.total.energyJ, blind.total.carbonG, blind.energySource], [null, null, null]);
    assert.equal(blind.total.served, 10);
    const receipt = ledger.onTelemetry(telemetryWindow(start + 10_000, 10, [tenantWindow('a')]));
    assert.equal(receipt.total.energyJ, 50);
    assert.equal(receipt.total.energyPerInferenceJ, 5, 'ten of the twenty served have their energy known');
    assert.equal(receipt.coverage.unknownEnergyS, 10);
  });

  it('compares with always-max only where that is known for all who served', () => {
    const ledger = newLedger();
    ledger.onCarbon(reading(360));
    const known = tenantWindow('a', { alwaysMaxEnergyJ: 70 });
    const { alwaysMax } = ledger.onTelemetry(telemetryWindow(start, 10, [known]));
    assert.deepEqual([alwaysMax.energyJ, alwaysMax.againstEnergyJ], [40 + 70, 50]);
    near(alwaysMax.savedEnergyPct, (100 * 60) / 110);
    near(alwaysMax.savedCarbonPct, (100 * 60) / 110);
    const unprofiled = tenantWindow('b', { alwaysMaxEnergyJ: null });
    const after = ledger.onTelemetry(telemetryWindow(start + 10_000, 10, [known, unprofiled])).alwaysMax;
    assert.deepEqual(after, alwaysMax, 'a window that cannot be compared changes nothing');
    const silent = tenantWindow('b', { alwaysMaxEnergyJ: null, offered: 0, served: 0, latencyMs: null, energyJ: 0 });
    assert.equal(ledger.onTelemetry(telemetryWindow(start + 20_000, 10, [known, silent])).alwaysMax.comparedS, 20);
  });

  it('is as trustworthy as its weakest energy, and shows mixed bases', () => {
    const ledger = newLedger();
    ledger.onCarbon(reading(360));
    ledger.onTelemetry(telemetryWindow(start, 10, [], { source: 'measured' }));
    assert.equal(ledger.receipt().energySource, 'measured');
    assert.equal(ledger.receipt().carbon.mixedBasis, false);
    clock.set(start + 10_000);
    ledger.onCarbon(reading(300, { basis: 'operational', attribution: 'another' }));
    const receipt = ledger.onTelemetry(telemetryWindow(start + 10_000, 10, [], { source: 'simulated' }));
    assert.equal(receipt.energySource, 'simulated');
    assert.equal(receipt.carbon.mixedBasis, true);
    assert.deepEqual(receipt.carbon.attribution, ['a test', 'another']);
  });

  it('scales attribution down to a total that is below it', () => {
    const ledger = newLedger();
    const tenants = [tenantWindow('a', { energyJ: 60 }), tenantWindow('b', { energyJ: 20 })];
    const receipt = ledger.onTelemetry(telemetryWindow(start, 10, tenants, { totalJ: 40, idleJ: 30 }));
    assert.deepEqual(
      receipt.tenants.map(({ energyJ }) => energyJ),
      [30, 10],
    );
    assert.equal(receipt.idle.energyJ, 0);
    assert.equal(receipt.total.energyJ, 40);
  });

  it('keeps apart tenants whatever they are called', () => {
    const ledger = new CarbonLedger({ now: () => 0 });
    const names = ['__proto__', 'constructor', 'toString', 'plain'];
    ledger.onTelemetry(
      telemetryWindow(
        0,
        5,
        names.map((name) => tenantWindow(name)),
      ),
    );
    const { tenants } = ledger.onTelemetry(telemetryWindow(5000, 5, [tenantWindow('__proto__')]));
    assert.deepEqual(
      tenants.map(({ tenant, served, energyJ }) => [tenant, served, energyJ]),
      [
        ['__proto__', 20, 20],
        ['constructor', 10, 10],
        ['toString', 10, 10],
        ['plain', 10, 10],
      ],
    );
    assert.equal('served' in {}, false);
  });

  it('begins with nothing known, and begins anew on demand', () => {
    const ledger = newLedger();
    const empty = checked(ledger.receipt());
    assert.deepEqual(
      [empty.durationS, empty.total.energyJ, empty.total.attainment, empty.tenants.length],
      [0, null, null, 0],
    );
    ledger.onCarbon(reading(360));
    ledger.onTelemetry(telemetryWindow(start, 10, [tenantWindow('a')]));
    clock.set(start + 10_000);
    ledger.reset();
    assert.deepEqual(ledger.receipt().tenants, []);
    const receipt = ledger.onTelemetry(telemetryWindow(start + 10_000, 10, [tenantWindow('a')]));
    near(receipt.total.carbonG, (50 / 3_600_000) * 360, 'the intensity in force stays');
    assert.equal(receipt.from, iso(start + 10_000));
  });

  describe('over any run', () => {
    const amount = fc.double({ min: 0, max: 1000, noNaN: true });
    const tenantArbitrary = fc
      .record({
        tenant: fc.constantFrom('a', 'b', 'c'),
        served: fc.nat(50),
        late: fc.nat(50),
        rejected: fc.nat(10),
        energyJ: amount,
        meanMs: fc.double({ min: 0.1, max: 500, noNaN: true }),
      })
      .map(({ tenant, served, late, rejected, energyJ, meanMs }) =>
        tenantWindow(tenant, {
          offered: served + rejected,
          served,
          late: Math.min(late, served),
          rejected,
          energyJ: served > 0 ? energyJ : 0,
          latencyMs: served > 0 ? { mean: meanMs, p50: meanMs, p95: meanMs, p99: meanMs, maximum: meanMs } : null,
        }),
      );
    const windowArbitrary = fc.record({
      durationS: fc.integer({ min: 1, max: 60 }),
      tenants: fc.uniqueArray(tenantArbitrary, { selector: ({ tenant }) => tenant, maxLength: 3 }),
      idleJ: amount,
      energyKnown: fc.boolean(),
      /** Readings that come during the window: after which share of it, and what they say. */
      readings: fc.array(
        fc.tuple(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.option(fc.double({ min: 0, max: 1500, noNaN: true }), { nil: null }),
        ),
        { maxLength: 3 },
      ),
    });
    type Window = {
      durationS: number;
      tenants: TenantTelemetry[];
      idleJ: number;
      energyKnown: boolean;
      readings: [number, number | null][];
    };

    /** Plays the windows; also integrates the grams millisecond by millisecond of change, in another way than the ledger does. */
    function play(
      ledger: CarbonLedger,
      windows: readonly Window[],
      from = { timeMs: start, intensity: null as number | null },
    ) {
      let { timeMs, intensity } = from;
      const grams = { total: 0, idle: 0, a: 0, b: 0, c: 0 };
      for (const { durationS, tenants, idleJ, energyKnown, readings } of windows) {
        const endMs = timeMs + durationS * 1000;
        let gramsPerJoule = 0;
        let cursorMs = timeMs;
        for (const [share, value] of [...readings].sort(([x], [y]) => x - y)) {
          const atMs = Math.round(timeMs + share * durationS * 1000);
          gramsPerJoule += ((intensity ?? 0) / 3_600_000) * ((atMs - cursorMs) / (durationS * 1000));
          clock.set(atMs);
          ledger.onCarbon(reading(value, before));
          cursorMs = atMs;
          intensity = value;
        }
        gramsPerJoule += ((intensity ?? 0) / 3_600_000) * ((endMs - cursorMs) / (durationS * 1000));
        clock.set(endMs);
        const totalJ = tenants.reduce((sum, { energyJ }) => sum + (energyJ ?? 0), idleJ);
        ledger.onTelemetry(
          telemetryWindow(timeMs, durationS, tenants, energyKnown ? { totalJ, idleJ } : { totalJ: null, idleJ: null }),
        );
        if (energyKnown) {
          grams.total += totalJ * gramsPerJoule;
          grams.idle += idleJ * gramsPerJoule;
          for (const { tenant, energyJ } of tenants) grams[tenant as 'a' | 'b' | 'c'] += (energyJ ?? 0) * gramsPerJoule;
        }
        timeMs = endMs;
      }
      return { grams, timeMs, intensity };
    }
    const runs = fc.array(windowArbitrary, { minLength: 1, maxLength: 12 });

    it('tenants and idle add up to the total, in joules and in grams', () => {
      fc.assert(
        fc.property(runs, (windows) => {
          clock.set(start);
          const ledger = newLedger();
          play(ledger, windows);
          const { total, idle, tenants } = ledger.receipt();
          const sum = (of: (account: Receipt['total'] | Receipt['idle']) => number | null): number =>
            [idle, ...tenants].reduce((acc, account) => acc + (of(account) ?? 0), 0);
          near(
            total.energyJ ?? 0,
            sum(({ energyJ }) => energyJ),
            'joules',
          );
          near(
            total.carbonG ?? 0,
            sum(({ carbonG }) => carbonG),
            'grams',
          );
        }),
      );
    });

    it('grams equal an independent integration to 1e-9', () => {
      fc.assert(
        fc.property(runs, (windows) => {
          clock.set(start);
          const ledger = newLedger();
          const { grams } = play(ledger, windows);
          const { total, idle, tenants } = ledger.receipt();
          near(total.carbonG ?? 0, grams.total, 'total');
          // Idle is what is left of the total, so it is as exact as the total is.
          assert.ok(Math.abs((idle.carbonG ?? 0) - grams.idle) <= 1e-9 * Math.max(grams.total, 1e-12), 'idle');
          for (const { tenant, carbonG } of tenants) near(carbonG ?? 0, grams[tenant as 'a' | 'b' | 'c'], tenant ?? '');
        }),
      );
    });

    it('seconds by quality add up to the whole time, and the unknown ones to the coverage', () => {
      fc.assert(
        fc.property(runs, (windows) => {
          clock.set(start);
          const ledger = newLedger();
          play(ledger, windows);
          const { durationS, carbon, coverage } = ledger.receipt();
          near(
            Object.values(carbon.secondsByQuality).reduce((a, b) => a + b, 0),
            durationS,
            'seconds',
          );
          near(coverage.unknownIntensityS, carbon.secondsByQuality.unknown ?? 0, 'unknown');
        }),
      );
    });

    it('a state that went through JSON goes on as if nothing had been', () => {
      fc.assert(
        fc.property(runs, runs, (before, after) => {
          clock.set(start);
          const whole = newLedger();
          const first = newLedger();
          const middle = play(whole, before);
          clock.set(start);
          play(first, before);
          const second = newLedger();
          for (const entry of first.entries()) {
            second.restore(ledgerEntrySchema.parse(JSON.parse(JSON.stringify(entry))));
          }
          clock.set(middle.timeMs);
          play(whole, after, middle);
          clock.set(middle.timeMs);
          play(second, after, middle);
          assert.deepEqual(second.receipt(), whole.receipt());
        }),
        { numRuns: 50 },
      );
    });
  });
});
