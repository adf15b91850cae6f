import assert from 'node:assert/strict';
import { CarbonLedger } from '../../../src/carbon/accounting/ledger';
import { CapPeriods } from '../../../src/loop/cap-periods';
import { DayWatch, withoutIdle } from '../../../src/loop/day-watch';
import { DecisionTimes } from '../../../src/loop/decision-times';
import { Traffic } from '../../../src/loop/traffic';
import type { Telemetry } from '../../../src/signals/telemetry';
import { SamplePool } from '../../../src/simulation/sample-pool';
import { reading } from '../power/fakes';

/** A window of ten seconds in which the device drew 10 W: 8 W idle, 1 W for the answers, 1 W for something else. */
function windowAt(atMs: number, idleJ: number | null = 80): Telemetry {
  return {
    windowFrom: new Date(atMs).toISOString(),
    windowTo: new Date(atMs + 10_000).toISOString(),
    durationS: 10,
    tenants: [
      {
        ...{ tenant: 'gauge', variant: 'large', latencyLimitMs: 100, offered: 100, served: 100, late: 10, rejected: 0 },
        ...{ failed: 0, reasons: {}, queueMs: null, effectiveAccuracy: 0.97, executions: 100, downgraded: 0, swaps: 1 },
        latencyMs: { mean: 20, p50: 20, p95: 50, p99: 90, maximum: 120 },
        byVariant: [{ variant: 'large', accuracy: 0.97, served: 100, inTime: 90, energyJ: 10 }],
        ...{ energyJ: 10, alwaysMaxEnergyJ: 10 },
      },
    ],
    components: [],
    energy: { totalJ: 100, idleJ, source: 'modelled', method: 'test' },
    operatingPoint: 'full speed',
    capW: 20,
    planId: 'p',
  };
}

function playTwo(second: Telemetry) {
  let nowMs = Date.UTC(2026, 0, 5);
  const ledger = new CarbonLedger({ now: () => nowMs });
  const watch = new DayWatch('some policy', () => undefined);
  // Clean for ten seconds, then three times as dirty.
  [windowAt(nowMs), second].forEach((window, index) => {
    const at = (hours: number): string => new Date(nowMs + hours * 3_600_000).toISOString();
    const provider = 'simulated';
    ledger.onCarbon(reading(index === 0 ? 360 : 1080, { provider, validFrom: at(index), validTo: at(index + 1) }));
    nowMs += 10_000;
    watch.onWindow(window, ledger.onTelemetry(window));
  });
  return watch.figures({
    seconds: 20,
    receipt: ledger.receipt(),
    traffic: new Traffic([], new SamplePool([], 0, 1), 1),
    capPeriods: new CapPeriods().figures,
    decisions: new DecisionTimes().figures,
    loopDelayP99Ms: 1,
  });
}

describe('what a played day comes to', () => {
  const secondMs = Date.UTC(2026, 0, 5) + 10_000;

  it('splits energy and carbon into idle, answers and the rest', () => {
    const figures = playTwo(windowAt(secondMs));
    assert.deepEqual(
      [figures.energyJ, figures.idleEnergyJ, figures.dynamicEnergyJ, figures.servingEnergyJ],
      [200, 160, 40, 20],
    );
    const near = (value: number | null, wanted: number) =>
      assert.ok(Math.abs((value ?? 0) - wanted) < 1e-9, `${value}`);
    // 100 J at 360 g/kWh are 0.01 g, at 1080 g/kWh 0.03 g.
    near(figures.carbonG, 0.04);
    near(figures.servingCarbonG, 0.004);
    near(figures.steadyCarbonG, 0.036);
    assert.deepEqual([figures.attainmentPct, figures.swaps, figures.energySource], [90, 2, 'modelled']);
  });

  it('does not charge a day with idling until its last answers are given', () => {
    const { energyJ, idleEnergyJ, servingEnergyJ, attainmentPct } = playTwo(withoutIdle(windowAt(secondMs)));
    assert.deepEqual([energyJ, idleEnergyJ, servingEnergyJ, attainmentPct], [120, 80, 20, 90]);
    const { energy } = withoutIdle(windowAt(secondMs, null));
    assert.deepEqual([energy.totalJ, energy.idleJ], [null, null]);
  });

  it('knows no split where one window did not know its idle energy', () => {
    const { energyJ, idleEnergyJ, dynamicEnergyJ, steadyCarbonG } = playTwo(windowAt(secondMs, null));
    assert.deepEqual([energyJ, idleEnergyJ, dynamicEnergyJ, steadyCarbonG], [200, null, null, null]);
  });
});
