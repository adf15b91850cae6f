import assert from 'node:assert/strict';
import { EqualEnergyCap } from '../../../bench/loop-real/equal-energy-cap';
import { loopRealOptions } from '../../../bench/loop-real/options';
import { ReactiveSelector } from '../../../bench/loop-real/reactive-selector';
import { playedZones } from '../../../bench/loop-real/zones';
import { gridConfigSchema } from '../../../src/carbon/grid-config';
import type { Telemetry } from '../../../src/signals/telemetry';
import type { Violated } from '../../../src/signals/violated';
import { dayOf, tenant } from './loop-real-days';

const day = (meanPowerW: number, meanCapW: number) =>
  dayOf('x', 1, { seconds: 10, energyJ: 10 * meanPowerW, capPeriods: { periods: 20, above: 0, meanCapW } }).figures;

describe('the constant cap of equal energy', () => {
  it('begins with the step below the mean cap of the policy that it follows', () => {
    const cap = new EqualEnergyCap([22, 10, 14, 18]);
    assert.equal(cap.capW, 22);
    cap.follow(day(9, 17));
    assert.equal(cap.capW, 14);
    const low = new EqualEnergyCap([10, 14]);
    low.follow(day(9, 5));
    assert.equal(low.capW, 10);
  });

  it('goes a step on after each day that took too much or too little, and stays where it is equal', () => {
    const cap = new EqualEnergyCap([10, 14, 18, 22]);
    cap.follow(day(9, 19));
    cap.tried(day(9.5, 18));
    assert.equal(cap.capW, 14);
    cap.tried(day(9.01, 14));
    assert.equal(cap.capW, 14);
    for (let days = 0; days < 9; days += 1) cap.tried(day(8, 14));
    assert.equal(cap.capW, 22);
    cap.tried(day(9.5, 22));
    assert.equal(cap.capW, 18);
  });
});

const windowOf = (late: number): Telemetry => ({
  windowFrom: '2026-01-01T00:00:00.000Z',
  windowTo: '2026-01-01T00:00:01.000Z',
  durationS: 1,
  tenants: [
    {
      ...{ tenant: 'gauge', variant: 'heavy', latencyLimitMs: 100, offered: 10, served: 10, late },
      ...{ rejected: 0, failed: 0, reasons: {}, queueMs: null, effectiveAccuracy: null, byVariant: [] },
      ...{ energyJ: 0, alwaysMaxEnergyJ: 0, executions: 10, downgraded: 0, swaps: 0 },
      latencyMs: { mean: 20, p50: 20, p95: 50, p99: 90, maximum: 120 },
    },
  ],
  components: [],
  energy: { totalJ: 10, idleJ: 8, source: 'modelled', method: 'test' },
  operatingPoint: 'full speed',
  capW: 20,
  planId: 'p',
});

const under = (capW: number): Violated => ({
  ...{ planId: 'p', capW, excess: 1, current: { gauge: 'heavy' }, alternatives: [] },
  violations: [
    { tenant: 'gauge', variant: 'heavy', constraint: 'latency', origin: 'predicted', value: 300, limit: 100 },
  ],
});

describe('variants as published', () => {
  const selector = () => new ReactiveSelector({ tenants: [tenant], windowsPerHour: 3 });
  const chosen = (by: ReactiveSelector, late: number) => by.onTelemetry(windowOf(late))?.choices[0]?.chosen ?? null;

  it('does nothing on a violation that is only predicted', () => {
    assert.equal(selector().onViolated(under(10)), null);
  });

  it('goes to the next lighter variant once a limit was seen to be broken twice', () => {
    const reactive = selector();
    assert.equal(chosen(reactive, 5), null);
    assert.equal(chosen(reactive, 5), 'light');
    for (let windows = 0; windows < 5; windows += 1)
      assert.equal(chosen(reactive, 5), null, 'there is nothing lighter');
  });

  it('goes back up after a quiet hour under a higher cap, not under the same one', () => {
    const reactive = selector();
    reactive.onViolated(under(12));
    chosen(reactive, 5);
    assert.equal(chosen(reactive, 5), 'light');
    for (let windows = 0; windows < 9; windows += 1) assert.equal(chosen(reactive, 0), null);
    reactive.onViolated(under(15));
    assert.equal(chosen(reactive, 0), 'heavy');
  });
});

describe('the options of the run', () => {
  it('plays three zones twice where nothing is said, and one when it has to be quick', () => {
    const { rounds, zones, seed } = loopRealOptions([]);
    assert.deepEqual({ rounds, zones, seed }, { rounds: 2, zones: ['simulated', 'varying', 'flat'], seed: 1 });
    assert.deepEqual(loopRealOptions(['--quick']).zones, ['simulated']);
    assert.equal(loopRealOptions(['--quick', '--seconds', '30']).seconds, 30);
  });

  it('refuses what it does not understand', () => {
    for (const args of [['--rounds', '1.5'], ['--seconds', '2'], ['--seed', 'x'], ['--load', '0'], ['--fast']])
      assert.throws(() => loopRealOptions(args));
  });
});

describe('the zones that are played', () => {
  it('names the recorded ones that are not there, and plays the simulated one all the same', () => {
    const { zones, skipped } = playedZones(['simulated', 'varying', 'simulated'], '/nowhere');
    assert.deepEqual(
      zones.map(({ name }) => name),
      ['simulated'],
    );
    assert.deepEqual(skipped, ['varying: /nowhere/eia-2022/CISO.csv is not there']);
    for (const { grid } of zones) assert.equal(gridConfigSchema.parse(grid).provider, 'simulated');
  });
});
