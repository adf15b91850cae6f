import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DeferredRequests, type Begun } from '../../../../src/carbon/deferral/deferred-requests';
import { dueNow, isLive, slotsOf, type Slot } from '../../../../src/carbon/deferral/slots';
import { reading } from '../../power/fakes';

const hourMs = 3_600_000;
const beginMs = Date.UTC(2026, 0, 5);
const time = (hour: number): string => new Date(beginMs + hour * hourMs).toISOString();

/** Clean at hour 6, dirty at hour 0 and 12. */
const course = (hour: number): number => 400 - 200 * Math.sin((hour / 12) * Math.PI);
const readingAt = (hour: number, forecast: ((hour: number) => number) | null = course) =>
  reading(course(hour), {
    validFrom: time(hour),
    validTo: time(hour + 1),
    forecast:
      forecast === null
        ? []
        : Array.from({ length: 24 }, (_, at) => ({
            validFrom: time(hour + 1 + at),
            validTo: time(hour + 2 + at),
            intensityGPerKwh: forecast(hour + 1 + at),
          })),
  });

interface Outcome extends Begun {
  readonly atHour: number;
}

/** Plays hours, looking every ten minutes. */
async function play(
  hours: number,
  requests: readonly { atHour: number; withinH: number }[],
  options: { forecast?: ((hour: number) => number) | null; mostWaiting?: number; mostAtOnce?: number } = {},
): Promise<(Outcome | null)[]> {
  let nowMs = 0;
  const { forecast = course, ...limits } = options;
  const deferred = new DeferredRequests({ clock: () => nowMs, ...limits });
  deferred.measured('a', 200);
  const outcomes: (Outcome | null)[] = requests.map(() => null);
  const underWay: Begun[] = [];
  for (let step = 0; step < hours * 6; step += 1) {
    const hour = step / 6;
    nowMs = hour * hourMs;
    if (step % 6 === 0) deferred.onCarbon(readingAt(hour, forecast));
    requests.forEach(({ atHour, withinH }, index) => {
      if (Math.abs(atHour - hour) > 1e-9) return;
      void deferred.hold('a', withinH * hourMs).then((begun) => {
        outcomes[index] = { ...begun, atHour: nowMs / hourMs };
        underWay.push(begun);
      });
    });
    for (const one of underWay.splice(0)) deferred.ended('a', one, 200);
    deferred.look();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return outcomes;
}

describe('requests that may wait for a cleaner grid', () => {
  it('begin in the cleanest hour before their deadline, and say how long they waited', async () => {
    const [wide, narrow] = await play(20, [
      { atHour: 0, withinH: 12 },
      { atHour: 0, withinH: 4 },
    ]);
    assert.equal(wide?.atHour, 6);
    assert.match(wide?.why ?? '', /waited 6\.0 h for a cleaner grid: 200 g\/kWh instead of 400 g\/kWh/);
    assert.ok(narrow !== undefined && narrow !== null && narrow.atHour >= 2 && narrow.atHour < 4, `${narrow?.atHour}`);
  });

  it('begin at once where now is cleanest, where nothing is known, and where there is no room to wait', async () => {
    const [clean] = await play(8, [{ atHour: 6, withinH: 12 }]);
    assert.deepEqual([clean?.atHour, clean?.why], [6, null]);
    const [blind] = await play(8, [{ atHour: 0, withinH: 12 }], { forecast: null });
    assert.equal(blind?.atHour, 0);
    const full = await play(
      3,
      [0, 0, 0].map((atHour) => ({ atHour, withinH: 12 })),
      { mostWaiting: 2 },
    );
    assert.deepEqual(
      full.map((outcome) => outcome?.atHour ?? null),
      [null, null, 0],
    );
  });

  for (const [what, forecast] of [
    ['always promises a cleaner tomorrow', (hour: number) => 300 - hour],
    ['is wrong by a factor of 3', (hour: number) => course(hour) / 3],
    ['is of another zone', (hour: number) => 800 - course(hour)],
  ] as const) {
    it(`meet their deadline with a forecast that ${what}`, async () => {
      const requests = Array.from({ length: 30 }, (_, index) => ({ atHour: index % 8, withinH: 1 + (index % 9) }));
      const outcomes = await play(20, requests, { forecast });
      outcomes.forEach((outcome, index) => {
        const request = requests[index];
        assert.ok(outcome !== null && request !== undefined, `request ${index} never began`);
        assert.ok(outcome.atHour < request.atHour + request.withinH, `request ${index} began too late`);
      });
    });
  }

  it('begin a few at a time in a clean hour', async () => {
    const requests = Array.from({ length: 20 }, () => ({ atHour: 0, withinH: 12 }));
    const outcomes = await play(20, requests, { mostAtOnce: 4 });
    for (const hour of [6, 6 + 1 / 6]) {
      const count = outcomes.filter((outcome) => Math.abs((outcome?.atHour ?? -1) - hour) < 1e-9).length;
      assert.ok(count > 0 && count <= 8, `${count} at hour ${hour}`);
    }
    assert.ok(outcomes.every((outcome) => outcome !== null && outcome.atHour < 12));
  });

  it('are let go when they are taken back', async () => {
    const deferred = new DeferredRequests({ clock: () => 0 });
    deferred.onCarbon(readingAt(0));
    const controller = new AbortController();
    const held = deferred.hold('a', 12 * hourMs, controller.signal);
    assert.equal(deferred.waiting, 1);
    controller.abort();
    assert.deepEqual(await held, { waitedMs: 0, why: null, open: 1 });
    assert.equal(deferred.waiting, 0);
  });

  for (const [what, count, withinH, runS, forecast] of [
    ['the clean hour comes', 100, 8, 6, course],
    ['a cleaner hour is always promised', 150, 2, 10, (hour: number) => 300 - 10 * hour],
    ['they are worth more than an hour of work', 200, 4, 20, (hour: number) => 300 - 10 * hour],
  ] as const) {
    it(`never find the queue full, and end in time however many they are, when ${what}`, async () => {
      const served = await serve(count, withinH, runS, forecast);
      assert.deepEqual([served.inTime, served.refused], [count, 0]);
      // As many as half of the queue has room for, unless time gets short.
      assert.ok(served.mostQueued <= 16, `${served.mostQueued} in the queue`);
    });
  }

  it('leave the room of a queue to others as long as there is time, and tell when there is none at the end', async () => {
    let nowMs = 0;
    let room = 0;
    const deferred = new DeferredRequests({ clock: () => nowMs, roomOf: () => room });
    deferred.measured('a', 1000);
    const begun: number[] = [];
    for (let index = 0; index < 6; index += 1) void deferred.hold('a', hourMs).then(() => begun.push(nowMs));
    const countAt = async (atMs: number, roomThen: number): Promise<number> => {
      [nowMs, room] = [atMs, roomThen];
      deferred.look();
      await new Promise((resolve) => setImmediate(resolve));
      return begun.length;
    };
    assert.equal(await countAt(0, 0), 0);
    assert.equal(await countAt(2000, 4), 2);
    assert.equal(await countAt(hourMs - 60_000, 1), 3);
    assert.equal(await countAt(hourMs - 30_000, 0), 3);
    assert.equal(await countAt(hourMs - 3000, 0), 6);
  });
});

/** One server that takes requests from a queue of 32, looked at every 2 s. */
async function serve(count: number, withinH: number, runS: number, forecast: (hour: number) => number) {
  let nowMs = 0;
  const queue: { begun: Begun; beganMs: number }[] = [];
  const deferred = new DeferredRequests({ clock: () => nowMs, roomOf: () => 32 - queue.length });
  deferred.measured('a', runS * 1000);
  const served = { inTime: 0, refused: 0, mostQueued: 0 };
  let endMs: number | null = null;
  for (; nowMs <= withinH * hourMs; nowMs += 1000) {
    if (nowMs % hourMs === 0) deferred.onCarbon(readingAt(nowMs / hourMs, forecast));
    for (let index = 0; nowMs === 0 && index < count; index += 1) {
      void deferred.hold('a', withinH * hourMs).then((begun) => {
        if (queue.length < 32) queue.push({ begun, beganMs: nowMs });
        else served.refused += 1;
      });
    }
    if (nowMs % 2000 === 0) deferred.look();
    await Promise.resolve();
    served.mostQueued = Math.max(served.mostQueued, queue.length);
    if (endMs !== null && nowMs >= endMs) {
      const first = queue.shift();
      if (first !== undefined) deferred.ended('a', first.begun, nowMs - first.beganMs);
      served.inTime += 1;
      endMs = null;
    }
    if (endMs === null && queue.length > 0) endMs = nowMs + runS * 1000;
  }
  return served;
}

describe('the time of readings', () => {
  const epochMs = Date.UTC(2026, 0, 5, 2, 40);
  const late = reading(400, {
    validFrom: time(1),
    validTo: time(2),
    fetchedAt: time(2.5),
    forecast: [2, 3, 4].map((hour) => ({
      validFrom: time(hour),
      validTo: time(hour + 1),
      intensityGPerKwh: 100 * hour,
    })),
  });

  it('is the real one for a live provider, however late its reading comes', async () => {
    assert.equal(isLive(late, epochMs), true);
    const slots = slotsOf(late, -epochMs, 0);
    assert.deepEqual(slots[0], { fromMs: 0, toMs: 20 * 60_000, intensityGPerKwh: 200 });
    assert.deepEqual(slots[1], { fromMs: 20 * 60_000, toMs: 80 * 60_000, intensityGPerKwh: 300 });
    // A clean hour that begins in 20 minutes, told by a reading that is 100 minutes old.
    let nowMs = 5000;
    const deferred = new DeferredRequests({ clock: () => nowMs, epochMs: () => epochMs + nowMs });
    const clean = late.forecast.map((point, at) => ({ ...point, intensityGPerKwh: at === 1 ? 50 : 500 }));
    deferred.onCarbon({ ...late, forecast: clean });
    const held = deferred.hold('a', 3 * hourMs).then(({ waitedMs }) => waitedMs);
    nowMs = 19 * 60_000;
    deferred.look();
    assert.equal(deferred.waiting, 1);
    nowMs = 20 * 60_000 + 1000;
    deferred.look();
    assert.equal(await held, nowMs - 5000);
  });

  it('is its own for a recording, a played curve, and what is of another time', () => {
    assert.equal(isLive({ ...late, provider: 'trace' }, epochMs), false);
    assert.equal(isLive({ ...late, provider: 'simulated' }, epochMs), false);
    assert.equal(isLive({ ...late, validFrom: '2025-01-05T01:00:00Z' }, epochMs), false);
    assert.equal(isLive(late, epochMs + 72 * hourMs), false);
  });

  it('passes as fast as the days of the grid are played, and so do the hours that a request may wait', async () => {
    // An hour of the grid in ten seconds.
    const speed = 360;
    const fast = (hour: number) => ({ ...readingAt(hour), provider: 'simulated', speed });
    assert.deepEqual(slotsOf(fast(0), -beginMs, 0)[1], { fromMs: 10_000, toMs: 20_000, intensityGPerKwh: course(1) });
    let nowMs = 0;
    const deferred = new DeferredRequests({ clock: () => nowMs });
    deferred.measured('a', 200);
    deferred.onCarbon(fast(0));
    assert.equal(deferred.here(12 * hourMs), 120_000);
    const outcomes: (Outcome | null)[] = [null, null];
    [12, 4].forEach((hours, index) => {
      void deferred.hold('a', deferred.here(hours * hourMs)).then((begun) => {
        outcomes[index] = { ...begun, atHour: nowMs / 10_000 };
      });
    });
    for (; nowMs <= 120_000; nowMs += 1000) {
      if (nowMs % 10_000 === 0) deferred.onCarbon(fast(nowMs / 10_000));
      else deferred.look();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [wide, narrow] = outcomes;
    assert.equal(wide?.atHour, 6);
    assert.match(wide?.why ?? '', /waited 6\.0 h \(of a day that is played fast\) for a cleaner grid: 200 g\/kWh/);
    assert.ok(narrow !== undefined && narrow !== null && narrow.atHour >= 2 && narrow.atHour < 4, `${narrow?.atHour}`);
  });

  it('goes on with the reading until its forecast begins', () => {
    const gap = { ...late, forecast: late.forecast.slice(1) };
    assert.deepEqual(slotsOf(gap, -epochMs, 0)[0], { fromMs: 0, toMs: 20 * 60_000, intensityGPerKwh: 400 });
    assert.deepEqual(slotsOf({ ...late, forecast: [] }, -epochMs, 0).length, 1);
  });
});

describe('slots for work that may wait', () => {
  it('are never given away that somebody with an earlier deadline needs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 50, max: 600 }), { minLength: 12, maxLength: 12 }),
        (deadlines, intensities) => {
          // Each slot has room for one: half an hour of an hour.
          const slots: Slot[] = intensities.map((intensityGPerKwh, hour) => ({
            fromMs: hour * hourMs,
            toMs: (hour + 1) * hourMs,
            intensityGPerKwh,
          }));
          const left = deadlines.map((hours) => ({ deadlineMs: hours * hourMs, runMs: hourMs / 2 }));
          // Whoever is due begins in the hour; by the end of each hour nobody's deadline may be past.
          for (let hour = 0; hour < 12; hour += 1) {
            const due = new Set(dueNow(left, slots.slice(hour), hour * hourMs, 0));
            for (let index = left.length - 1; index >= 0; index -= 1) if (due.has(index)) left.splice(index, 1);
            for (const { deadlineMs } of left) assert.ok(deadlineMs > (hour + 1) * hourMs, `hour ${hour}`);
          }
        },
      ),
    );
  });
});
