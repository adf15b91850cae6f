import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { CarbonLedger } from '../../../src/carbon/accounting/ledger';
import { softwareCarbonIntensity } from '../../../src/carbon/accounting/software-carbon-intensity';
import type { Receipt } from '../../../src/signals/receipt';
import { iso, reading, telemetryWindow, tenantWindow } from './ledger-inputs';
import { FakeClock } from './provider-server';

const hourMs = 3_600_000;
const start = Date.parse('2026-11-20T00:00:00Z');
const traces = join(__dirname, '../../../../shared/traces');

function near(actual: number | null | undefined, expected: number, what = ''): void {
  assert.ok(actual !== null && actual !== undefined, `${what} is unknown`);
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(Math.abs(expected), 1e-6),
    `${what}: ${actual}, not ${expected}`,
  );
}

interface Hour {
  readonly intensity: number | null;
  readonly usedJ: number;
  readonly alwaysMaxJ: number | null;
}

/** Hour by hour: the intensity, what was used and what always-max would have used. */
function receiptOver(hours: readonly Hour[], fromMs = start): Receipt {
  const clock = new FakeClock(fromMs);
  const ledger = new CarbonLedger({ now: clock.now });
  hours.forEach(({ intensity, usedJ, alwaysMaxJ }, hour) => {
    const atMs = fromMs + hour * hourMs;
    clock.set(atMs);
    ledger.onCarbon(reading(intensity, { validFrom: iso(atMs), validTo: iso(atMs + hourMs), fetchedAt: iso(atMs) }));
    const tenant = tenantWindow('a', { energyJ: usedJ, alwaysMaxEnergyJ: alwaysMaxJ });
    ledger.onTelemetry(telemetryWindow(atMs, 3600, [tenant], { totalJ: usedJ, idleJ: 0 }));
  });
  return ledger.receipt();
}

describe('carbon ledger: where a saving comes from', () => {
  it('splits it into less energy and better times', () => {
    // Half the energy in the dirty hour, all of it in the clean one: always-max would be 600 g.
    const { alwaysMax, constantCap } = receiptOver([
      { intensity: 100, usedJ: 3_600_000, alwaysMaxJ: 3_600_000 },
      { intensity: 500, usedJ: 1_800_000, alwaysMaxJ: 3_600_000 },
    ]);
    near(alwaysMax.carbonG, 600);
    near(alwaysMax.againstCarbonG, 350);
    assert.equal(constantCap?.method, 'share of always-max');
    near(constantCap?.energyJ, 5_400_000);
    near(constantCap?.carbonG, 450);
    near(constantCap?.energyEffectG, 150);
    near(constantCap?.timingEffectG, 100);
    near(constantCap?.energyEffectPct, 25);
    near(constantCap?.timingEffectPct, 100 / 6);
    near(constantCap?.timingGainPct, 100 / 4.5);
    assert.match(constantCap?.words ?? '', /25\.0 % come from using less energy and 16\.7 % from when it was used/);
  });

  it('finds no timing effect in a constant share, whatever the load and the grid do', () => {
    const { constantCap } = receiptOver([
      { intensity: 100, usedJ: 400, alwaysMaxJ: 1000 },
      { intensity: 900, usedJ: 1600, alwaysMaxJ: 4000 },
    ]);
    near(constantCap?.timingEffectG, 0);
    near(constantCap?.energyEffectPct, 60);
  });

  it('says that bad times cost, with a negative effect', () => {
    const { constantCap } = receiptOver([
      { intensity: 100, usedJ: 500, alwaysMaxJ: 1000 },
      { intensity: 500, usedJ: 1000, alwaysMaxJ: 1000 },
    ]);
    assert.ok((constantCap?.timingEffectG ?? 0) < 0);
  });

  it('compares with even power where always-max is unknown, and then knows the timing only', () => {
    const { constantCap } = receiptOver([
      { intensity: 100, usedJ: 3_600_000, alwaysMaxJ: null },
      { intensity: 500, usedJ: 0, alwaysMaxJ: null },
    ]);
    assert.equal(constantCap?.method, 'even power');
    near(constantCap?.carbonG, 300);
    near(constantCap?.timingEffectG, 200);
    assert.equal(constantCap?.energyEffectG, null);
  });

  it('knows nothing where nothing is known, and says so', () => {
    const { constantCap } = receiptOver([{ intensity: null, usedJ: 100, alwaysMaxJ: 200 }]);
    assert.deepEqual([constantCap?.method, constantCap?.carbonG, constantCap?.timingGainPct], [null, null, null]);
    assert.match(constantCap?.words ?? '', /Nothing can be compared yet/);
  });

  it('adds up to the saving against always-max, always', () => {
    const hour = fc.record({
      intensity: fc.option(fc.double({ min: 1, max: 1500, noNaN: true }), { nil: null }),
      usedJ: fc.double({ min: 0, max: 1e6, noNaN: true }),
      alwaysMaxJ: fc.double({ min: 1, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(hour, { minLength: 1, maxLength: 12 }), (hours) => {
        const { alwaysMax, constantCap } = receiptOver(hours);
        if (hours.every(({ intensity }) => intensity === null)) return assert.equal(constantCap?.carbonG, null);
        const savedG = (alwaysMax.carbonG ?? NaN) - (alwaysMax.againstCarbonG ?? NaN);
        const effectsG = (constantCap?.energyEffectG ?? NaN) + (constantCap?.timingEffectG ?? NaN);
        assert.ok(
          Math.abs(effectsG - savedG) <= 1e-9 * Math.max(1, alwaysMax.carbonG ?? 0),
          `${effectsG}, not ${savedG}`,
        );
      }),
    );
  });

  /** The linear cap of the facts: by the 5th and 95th percentile of the trailing week, lowest power a third of the highest. */
  const recorded: [file: string, from: string, isFlat: boolean][] = [
    ['eia-2022/MISO.csv', '2022-07-10', true],
    ['eia-2022/CISO.csv', '2022-04-10', false],
    ['carbonx-2021/DE.csv', '2021-05-10', false],
  ];
  for (const [file, from, isFlat] of recorded) {
    it(`${file}: a recorded day equals a direct computation, and says what timing is worth`, function () {
      const path = join(traces, file);
      if (!existsSync(path)) {
        console.log(`      skipped: no ../shared/traces/${file} beside this checkout`);
        return this.skip();
      }
      const rows = readFileSync(path, 'utf8').trim().split('\n').slice(1);
      const first = rows.findIndex((row) => row.startsWith(`${from}T00`));
      const valueAt = (index: number): number => Number(rows[index]?.split(',')[1]);
      const days = 4;
      const hours = Array.from({ length: 24 * days }, (_, hour): Hour => {
        const week = Array.from({ length: 168 }, (__, back) => valueAt(first + hour - 168 + back)).sort(
          (a, b) => a - b,
        );
        const low = week[8] ?? 0;
        const high = week[159] ?? 1;
        const intensity = valueAt(first + hour);
        const share = 1 - (2 / 3) * Math.min(1, Math.max(0, (intensity - low) / (high - low)));
        return { intensity, usedJ: 3_600_000 * share, alwaysMaxJ: 3_600_000 };
      });
      const { constantCap, alwaysMax, total } = receiptOver(hours, Date.parse(`${from}T00:00:00Z`));
      const sum = (of: (hour: Hour) => number): number => hours.reduce((acc, hour) => acc + of(hour), 0);
      const energyKwh = sum(({ usedJ }) => usedJ / 3_600_000);
      const emittedG = sum(({ usedJ, intensity }) => (usedJ / 3_600_000) * (intensity ?? NaN));
      const maxG = sum(({ intensity }) => intensity ?? NaN);
      near(total.carbonG, emittedG, 'grams');
      near(alwaysMax.savedCarbonPct, 100 * (1 - emittedG / maxG), 'saved');
      near(constantCap?.timingGainPct, 100 * (1 - emittedG / energyKwh / (maxG / hours.length)), 'timing gain');
      near(constantCap?.energyEffectPct, 100 * (1 - energyKwh / hours.length), 'energy effect');
      const words = constantCap?.words ?? '';
      assert.match(words, isFlat ? /grid is flat .* timing alone is worth only a few percent/ : /grid swings/, words);
      console.log(`      ${words}`);
    });
  }
});

describe('software carbon intensity', () => {
  const operational = { carbonG: 10, servedWithCarbon: 100 };

  it('covers operation only, and says so, while the embodied carbon is not set', () => {
    assert.deepEqual(softwareCarbonIntensity(operational, 200, 3600, null), {
      functionalUnit: 'inference',
      inferences: 200,
      operationalG: 10,
      embodiedG: null,
      embodied: 'not set',
      perInferenceG: 0.1,
      covers: 'operational only',
    });
  });

  it('adds the share of the device and of its life', () => {
    const sci = softwareCarbonIntensity(operational, 200, 86_400, {
      totalKg: 50,
      lifetimeYears: 5,
      reservedShare: 0.5,
    });
    near(sci.embodiedG, (50_000 / (5 * 365.25)) * 0.5);
    near(sci.perInferenceG, 0.1 + (sci.embodiedG ?? 0) / 200);
    assert.equal(sci.covers, 'operational and embodied');
  });

  it('equals the share of embodied carbon in the total that was computed for a device of 15 W', () => {
    // Five years at 15 W on a grid of 480 g/kWh: 20 kg are 6 %, 100 kg are 24 %.
    for (const [totalKg, expected] of [
      [20, 6],
      [100, 24],
    ] as const) {
      const seconds = 5 * 365.25 * 86_400;
      const carbonG = ((15 * seconds) / 3_600_000) * 480;
      const { embodiedG } = softwareCarbonIntensity({ carbonG, servedWithCarbon: 1 }, 1, seconds, {
        totalKg,
        lifetimeYears: 5,
        reservedShare: 1,
      });
      assert.equal(Math.round((100 * (embodiedG ?? 0)) / ((embodiedG ?? 0) + carbonG)), expected);
    }
  });

  it('is unknown, not zero, without inferences or without grams', () => {
    assert.equal(softwareCarbonIntensity({ carbonG: 10, servedWithCarbon: 0 }, 0, 60, null).perInferenceG, null);
    assert.equal(softwareCarbonIntensity({ carbonG: null, servedWithCarbon: 0 }, 9, 60, null).perInferenceG, null);
  });
});
