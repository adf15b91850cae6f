import assert from 'node:assert/strict';
import { changesBetween, comparedWith } from '../../../bench/loop-real/comparison';
import { reportOf } from '../../../bench/loop-real/report';
import { dayTable, zoneTable } from '../../../bench/loop-real/tables';
import { dayOf, tenant } from './loop-real-days';

const policies = [{ name: 'all' }, { name: 'some' }];
const days = [
  dayOf('x', 1, { policy: 'all', carbonG: 0.01, effectiveAccuracyPct: 97 }),
  dayOf('x', 1, { policy: 'some', carbonG: 0.009, effectiveAccuracyPct: 96 }),
  // Another zone, ten times as dirty: only pairs compare.
  dayOf('y', 1, { policy: 'some', carbonG: 0.08, swaps: 4, capPeriods: { periods: 60, above: 8, meanCapW: 18 } }),
  dayOf('y', 1, { policy: 'all', carbonG: 0.1 }),
];

describe('the comparison of policies over real days', () => {
  it('compares days of the same round and zone', () => {
    const { carbonPct, accuracyPt, energyPct } = changesBetween(days, 'some', 'all', 1);
    assert.ok(carbonPct && accuracyPt && energyPct);
    assert.equal(carbonPct.pairs, 2);
    assert.ok(Math.abs(carbonPct.mean + 15) < 1e-9);
    assert.equal(accuracyPt.mean, -0.5);
    assert.equal(energyPct.mean, 0);
  });

  it('tells the grams without what loading took beside all grams', () => {
    const [all, some] = [
      dayOf('x', 1, { policy: 'all', carbonG: 0.01, steadyCarbonG: 0.01 }),
      dayOf('x', 1, { policy: 'some', carbonG: 0.0105, steadyCarbonG: 0.009 }),
    ];
    const { carbonPct, steadyCarbonPct } = changesBetween([all, some], 'some', 'all', 1);
    assert.ok(carbonPct && steadyCarbonPct);
    assert.ok(carbonPct.mean > 0 && Math.abs(steadyCarbonPct.mean + 10) < 1e-9);
  });

  it('leaves out a round that only one of them has played', () => {
    const { carbonPct } = changesBetween([...days, dayOf('x', 2, { policy: 'some', carbonG: 9 })], 'some', 'all', 1);
    assert.equal(carbonPct?.pairs, 2);
  });

  it('calls unknown what one day does not know', () => {
    const unknown = [...days, dayOf('x', 2, { policy: 'some', carbonG: null }), dayOf('x', 2, { policy: 'all' })];
    const { carbonPct, energyPct } = changesBetween(unknown, 'some', 'all', 1);
    assert.equal(carbonPct, null);
    assert.equal(energyPct?.pairs, 3);
    const [, some] = comparedWith(unknown, policies, 1).policies;
    assert.equal(some?.spreads.carbonG, null);
    assert.match(dayTable(comparedWith(unknown, policies, 1), { rounds: 3, seconds: 10 }).join('\n'), /unknown/);
  });

  it('counts the control periods over the cap of all days together', () => {
    const [all, some] = comparedWith(days, policies, 1).policies;
    assert.equal(all?.capViolationPct, 0);
    assert.equal(some?.capViolationPct, 10);
  });

  it('is only as good as the weakest source of energy', () => {
    const mixed = [...days, dayOf('x', 2, { policy: 'all', energySource: 'measured' })];
    assert.equal(comparedWith(mixed, policies, 1).energySource, 'modelled');
  });

  it('tells people the change with its interval, idle and dynamic energy, and each zone', () => {
    const text = dayTable(comparedWith(days, policies, 1), { rounds: 2, seconds: 10 }).join('\n');
    assert.match(text, /joules and grams are modelled/);
    assert.match(text, /\| some .*-15\.00 \[-20\.00, -10\.00\]/);
    assert.match(text, /\| all .*100\.0 \(100\.0 to 100\.0\) \| +80\.0 \| +20\.0 \| +18\.0 /);
    const zones = zoneTable(days, policies);
    assert.match(zones.join('\n'), /\| x +\| +200 to 500 \| +-10\.00 \|/);
    assert.match(zones.join('\n'), /\| y +\| +200 to 500 \| +-20\.00 \|/);
  });

  it('reports figures that can be written as JSON, unknown as null', () => {
    const [all, some] = [{ name: 'all' }, { name: 'some' }];
    const { figures } = reportOf(
      comparedWith(days, policies, 1),
      days,
      { ours: some, oursLinear: some, constantCap: all, published: all },
      {
        ...{ rounds: 1, seconds: 10, seed: 1, load: 1, zones: [], skipped: [], order: [], tenants: [tenant] },
        ...{ method: 'modelled: idle + active watts', components: ['cpu-0'], tookS: 40 },
      },
    );
    assert.deepEqual(JSON.parse(JSON.stringify(figures)), figures);
    assert.equal(figures['oursCarbonPct'], -15);
    assert.equal(figures['energySource'], 'modelled');
  });
});
