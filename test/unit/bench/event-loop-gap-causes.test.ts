import assert from 'node:assert/strict';
import { gapCauses } from '../../../bench/event-loop/gap-causes';
import { GapLog } from '../../../bench/event-loop/gap-log';
import {
  KernelClock,
  parseCore,
  parseSchedstat,
  parseSteal,
  type KernelReading,
  type KernelTimes,
} from '../../../bench/event-loop/kernel-times';

const procStat = (steal: readonly [number, number]) =>
  [
    `cpu  5032107 1246931 875921 5026725 16245 0 8504 ${steal[0] + steal[1]} 0 0`,
    `cpu0 2540806 650988 439202 2470221 3521 0 1684 ${steal[0]} 0 0`,
    `cpu1 2491300 595942 436719 2556503 12724 0 6819 ${steal[1]} 0 0`,
    'intr 67410881 0 0 0',
  ].join('\n');

/** What the kernel has counted: the thread's CPU time and waiting, ms; steal of cores 0 and 1, in hundredths of a second. */
const times = (
  onCpuMs: number,
  waitedMs: number,
  steal: readonly [number, number] = [0, 0],
  core: number | null = 0,
  loopAsleepMs = 0,
): KernelTimes => ({ onCpuMs, waitedMs, core, ...parseSteal(procStat(steal)), loopAsleepMs });

/** The same as something still to be taken apart. */
const reading =
  (...counted: Parameters<typeof times>): KernelReading =>
  () =>
    times(...counted);

describe("the kernel's counters", () => {
  it('gives CPU time and waiting of a thread, and neither where the kernel does not count or says something else', () => {
    assert.deepEqual(parseSchedstat('1500000 78097 12\n'), { onCpuMs: 1.5, waitedMs: 0.078097 });
    for (const text of ['0 0 0\n', '', '1500000', 'x y z'])
      assert.deepEqual(parseSchedstat(text), { onCpuMs: null, waitedMs: null }, text);
  });

  it('finds the core of a thread whose name has spaces and brackets', () => {
    const rest =
      'R 1 1 1 0 -1 4194304 2862 0 13 0 8 9 0 0 20 0 7 0 6180596 1016520704 12269 1 1 1 1 0 0 0 0 1 1 0 0 0 17 3 0 0';
    assert.equal(parseCore(`18972 (a ) name) ${rest}\n`), 3);
    assert.equal(parseCore('18972 (node) R 1'), null);
    assert.equal(parseCore(''), null);
  });

  it('gives the steal of each core and of all, and none where that column is missing', () => {
    const { stolenMs, stolenMsOf } = parseSteal(procStat([5, 7]));
    assert.equal(stolenMs, 120);
    assert.deepEqual(
      [...(stolenMsOf ?? [])],
      [
        [0, 50],
        [1, 70],
      ],
    );
    assert.deepEqual(parseSteal('cpu  1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\n'), { stolenMs: null, stolenMsOf: null });
    assert.deepEqual(parseSteal(''), { stolenMs: null, stolenMsOf: null });
  });

  it('says why it knows nothing where there is no /proc', () => {
    const clock = new KernelClock('/nowhere');
    assert.match(clock.missing ?? '', /ENOENT.*schedstat/);
    const { loopAsleepMs, ...counters } = clock.read()();
    assert.ok(loopAsleepMs >= 0);
    assert.deepEqual(counters, { onCpuMs: null, waitedMs: null, core: null, stolenMs: null, stolenMsOf: null });
    clock.close();
  });

  it('sees this thread work', function () {
    if (process.platform !== 'linux') return this.skip();
    const clock = new KernelClock();
    if (clock.missing !== null) return this.skip();
    const before = clock.read()();
    const untilMs = performance.now() + 30;
    while (performance.now() < untilMs);
    const after = clock.read()();
    clock.close();
    assert.ok((after.onCpuMs ?? 0) + (after.waitedMs ?? 0) > (before.onCpuMs ?? 0) + (before.waitedMs ?? 0));
    assert.ok(after.core !== null && after.stolenMsOf?.has(after.core));
  });
});

describe('why a timer was late', () => {
  it('shares lateness out to own CPU time, waiting, and a rest', () => {
    assert.deepEqual(gapCauses(12, times(100, 50), times(103, 55), null), {
      lateMs: 12,
      ownCpuMs: 3,
      waitedMs: 5,
      stolenMs: 0,
      oversleptMs: 0,
    });
  });

  it('counts as stolen no more than own CPU time leaves, and as waiting only what is not stolen', () => {
    const stolen = gapCauses(14, times(100, 50), times(105, 58, [1, 0]), null);
    assert.deepEqual(stolen, { lateMs: 14, ownCpuMs: 5, waitedMs: 0, stolenMs: 9, oversleptMs: 0 });
    const both = gapCauses(25, times(100, 50), times(101, 68, [1, 0]), null);
    assert.deepEqual(both, { lateMs: 25, ownCpuMs: 1, waitedMs: 14, stolenMs: 10, oversleptMs: 0 });
    assert.equal(gapCauses(9, times(100, 50), times(120, 50, [3, 0]), null).stolenMs, 0);
  });

  it('takes no excuse from a core that the thread was not on', () => {
    assert.equal(gapCauses(12, times(100, 50), times(101, 50, [0, 1]), null).stolenMs, 0);
    assert.equal(gapCauses(12, times(100, 50), times(101, 50, [0, 1], 1), null).stolenMs, 10);
    assert.equal(gapCauses(22, times(100, 50), times(101, 50, [1, 1], 1), null).stolenMs, 20);
  });

  it('takes what is counted late from the timer after', () => {
    const before = times(100, 50);
    const at = times(100.5, 50);
    assert.equal(gapCauses(15, before, at, times(103.5, 50.1, [1, 0])).stolenMs, 10);
    assert.equal(gapCauses(15, before, at, times(103.5, 50.1, [1, 0])).ownCpuMs, 3.5);
    assert.equal(gapCauses(15, before, at, times(103.5, 50.1, [1, 0])).waitedMs, 0);
  });

  it('tells an event loop that was woken late from a turn that stood still', () => {
    const before = times(100, 50, [0, 0], 0, 1000);
    // 2 ms of sleep are by right; of the 11 beyond, 4 were spent queued for a core.
    const woken = gapCauses(12, before, times(100.5, 54, [0, 0], 0, 1013), null);
    assert.deepEqual(woken, { lateMs: 12, ownCpuMs: 0.5, waitedMs: 4, stolenMs: 0, oversleptMs: 7 });
    assert.equal(gapCauses(12, before, times(100.5, 50, [0, 0], 0, 1001.5), null).oversleptMs, 0);
    assert.equal(gapCauses(12, before, times(100.5, 50, [1, 0], 0, 1013), null).oversleptMs, 1);
  });

  it('leaves open what the kernel does not tell', () => {
    const noSteal = { stolenMs: null, stolenMsOf: null };
    const unknown = gapCauses(12, { ...times(100, 50), ...noSteal }, { ...times(103, 55), ...noSteal }, null);
    assert.deepEqual(unknown, { lateMs: 12, ownCpuMs: 3, waitedMs: 5, stolenMs: null, oversleptMs: null });
    assert.equal(gapCauses(12, times(100, 50), times(101, 50, [1, 0], null), null).stolenMs, null);
    const noThread = { onCpuMs: null, waitedMs: null };
    const nothing = gapCauses(12, { ...times(0, 0), ...noThread }, { ...times(0, 0, [1, 0]), ...noThread }, null);
    assert.deepEqual(nothing, { lateMs: 12, ownCpuMs: null, waitedMs: null, stolenMs: null, oversleptMs: null });
  });
});

describe('the log of late timers', () => {
  it('keeps apart what was stolen and what was not', () => {
    const log = new GapLog(reading(0, 0));
    log.add('first', 18, reading(1, 0, [1, 0]));
    log.add('first', 0.1, reading(1, 0, [1, 0]));
    log.add('second', 11, reading(9, 0, [1, 4]));
    log.add('second', 0.1, reading(9, 0, [1, 4]));
    const causes = log.end(reading(9, 0, [1, 4]));
    assert.equal(causes.withoutStealMaximumMs, 11);
    assert.equal(causes.besidesStealMaximumMs, 11);
    assert.equal(causes.ownCpuMaximumMs, 8);
    assert.equal(causes.stolenMs, 50);
    assert.deepEqual(causes.longest[0], {
      phase: 'first',
      lateMs: 18,
      ownCpuMs: 1,
      waitedMs: 0,
      stolenMs: 10,
      oversleptMs: 0,
    });
    assert.deepEqual(causes.longest[1], {
      phase: 'second',
      lateMs: 11,
      ownCpuMs: 8,
      waitedMs: 0,
      stolenMs: 0,
      oversleptMs: 0,
    });
  });

  it('lets one step of steal excuse no more than itself', () => {
    const log = new GapLog(reading(0, 0));
    log.add('long', 40, reading(1, 0, [1, 0]));
    const causes = log.end(reading(1, 0, [1, 0]));
    assert.equal(causes.besidesStealMaximumMs, 30);
    assert.equal(causes.withoutStealMaximumMs, null);
  });

  it('takes steal that is counted with a prompt timer for the one before, and that of a late one for itself', () => {
    const prompt = new GapLog(reading(0, 0));
    prompt.add('a', 12, reading(1, 0));
    prompt.add('a', 0.5, reading(1, 0, [1, 0]));
    assert.equal(prompt.end(reading(1, 0, [1, 0])).longest[0]?.stolenMs, 10);
    const late = new GapLog(reading(0, 0));
    late.add('a', 12, reading(1, 0));
    late.add('a', 11, reading(1, 0, [1, 0]));
    assert.deepEqual(
      late.end(reading(1, 0, [1, 0])).longest.map(({ stolenMs }) => stolenMs),
      [0, 10],
    );
  });

  it('keeps the five longest, longest first', () => {
    const log = new GapLog(reading(0, 0));
    for (const lateMs of [3, 9, 1, 7, 8, 2, 6]) log.add('a', lateMs, reading(0, 0));
    assert.deepEqual(
      log.end(reading(0, 0)).longest.map(({ lateMs }) => lateMs),
      [9, 8, 7, 6, 3],
    );
  });

  it('knows no maxima where the kernel tells nothing', () => {
    const nothing: KernelReading = () => ({
      onCpuMs: null,
      waitedMs: null,
      core: null,
      stolenMsOf: null,
      stolenMs: null,
      loopAsleepMs: 0,
    });
    const log = new GapLog(nothing);
    log.add('a', 9, nothing);
    const { longest, ...figures } = log.end(nothing);
    assert.equal(longest[0]?.ownCpuMs, null);
    assert.deepEqual(new Set(Object.values(figures)), new Set([null]));
  });
});
