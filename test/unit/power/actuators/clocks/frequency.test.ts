import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  isSameClock,
  megahertz,
  parseTable,
  parseWhole,
  roundToTable,
} from '../../../../../src/power/actuators/clocks/frequency';
import { ladderOf, rungName } from '../../../../../src/power/actuators/clocks/ladder';
import {
  isSameMemoryCap,
  lowersMemoryCap,
  pairedMemoryCap,
} from '../../../../../src/power/actuators/clocks/memory-cap';

describe('Clock frequencies', () => {
  it('come in Hz or kHz', () => {
    assert.equal(megahertz(114_750_000), 114.75);
    assert.equal(megahertz(2_265_600), 2265.6);
    assert.equal(megahertz(115_200), 115.2);
  });

  it('are read from texts of the kernel, and nothing else is', () => {
    assert.deepEqual(parseTable('3 1 2 2\n'), [1, 2, 3]);
    assert.deepEqual(parseTable(null), []);
    assert.deepEqual(parseTable('<not supported>'), []);
    assert.equal(parseWhole('0x5'), 5);
    for (const text of [null, undefined, '', 'performance', '1.5', '1 2']) assert.equal(parseWhole(text), null);
  });

  it('are rounded as the hardware does: a GPU up, a CPU down', () => {
    const table = [624.75, 675.75, 828.75];
    assert.equal(roundToTable(670, table, 'up'), 675.75);
    assert.equal(roundToTable(670, table, 'down'), 624.75);
    assert.equal(roundToTable(9000, table, 'up'), 828.75);
    assert.equal(roundToTable(1, table, 'down'), 624.75);
    assert.equal(roundToTable(670, [], 'up'), 670);
  });

  it('are the same within what the table rounds to', () => {
    const table = [624, 675, 828];
    for (const found of [624, 670, 675]) assert.ok(isSameClock(670, found, table));
    for (const found of [600, 676, 828]) assert.ok(!isSameClock(670, found, table), String(found));
    assert.ok(isSameClock(675, 674, table));
    assert.ok(!isSameClock(675, 624, table));
    assert.ok(!isSameClock(675, 828, table));
    assert.ok(isSameClock(1000, 1020, []));
    assert.ok(!isSameClock(1000, 1100, []));
    assert.ok(!isSameClock(1000, Number.NaN, []));
  });
});

describe('Memory clock', () => {
  const pairings = [
    { gpuMhz: null, emcRaw: 0 },
    { gpuMhz: 520, emcRaw: 1065 },
    { gpuMhz: 900, emcRaw: 1600 },
    { gpuMhz: 900, emcRaw: 1331 },
  ];

  it('goes with the smallest mode that allows the GPU clock, never above the highest permitted', () => {
    assert.equal(pairedMemoryCap(1377, pairings, 0), 0);
    assert.equal(pairedMemoryCap(905, pairings, 0), 0);
    assert.equal(pairedMemoryCap(900, pairings, 0), 1600);
    assert.equal(pairedMemoryCap(521, pairings, 1331), 1331);
    assert.equal(pairedMemoryCap(114, pairings, 0), 1065);
    assert.equal(pairedMemoryCap(114, [], 0), null);
    assert.equal(pairedMemoryCap(2000, [{ gpuMhz: 900, emcRaw: 1600 }], 0), null);
  });

  it('is lowered by any cap where there was none', () => {
    assert.ok(lowersMemoryCap(0, 1600));
    assert.ok(!lowersMemoryCap(1600, 0));
    assert.ok(!lowersMemoryCap(1600, 1600));
  });

  it('without a cap may read as none or as its highest', () => {
    assert.ok(isSameMemoryCap(0, 0, pairings));
    assert.ok(isSameMemoryCap(0, 2133, pairings));
    assert.ok(!isSameMemoryCap(0, 1600, pairings));
    assert.ok(isSameMemoryCap(1600, 1600, pairings));
    assert.ok(!isSameMemoryCap(1600, 0, pairings));
  });
});

describe('Ladder of clocks', () => {
  const table = fc
    .uniqueArray(fc.integer({ min: 100, max: 2500 }), { minLength: 0, maxLength: 30 })
    .map((clocks) => clocks.sort((a, b) => a - b).map((mhz) => ({ raw: mhz * 1000, mhz })));

  it('has both ends, at most 25 rungs, and never goes up: any table', () => {
    fc.assert(
      fc.property(table, table, fc.constantFrom(null, 2, 8), (gpu, cpu, cores) => {
        const rungs = ladderOf(gpu, cpu, { cores, gpuUnits: null });
        if (gpu.length + cpu.length === 0) return assert.deepEqual(rungs, []);
        assert.deepEqual(rungs[0], { gpu: gpu.at(-1) ?? null, cpu: cpu.at(-1) ?? null });
        assert.deepEqual(rungs.at(-1), { gpu: gpu[0] ?? null, cpu: cpu[0] ?? null });
        assert.ok(rungs.length <= 25);
        assert.equal(new Set(rungs.map((rung) => JSON.stringify(rung))).size, rungs.length);
        for (const rung of rungs) assert.match(rungName(rung), /^(GPU \d+ MHz)?(, )?(CPU \d\.\d\d GHz)?$/);
      }),
      { seed: 43, numRuns: 100 },
    );
  });
});
