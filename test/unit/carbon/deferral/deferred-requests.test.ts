import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DeferredRequests, type Begun } from '../../../../src/carbon/deferral/deferred-requests';
import { dueNow, type Slot } from '../../../../src/carbon/deferral/slots';
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
  for (let step = 0; step < hours * 6; step += 1) {
    const hour = step / 6;
    nowMs = hour * hourMs;
    if (step % 6 === 0) deferred.onCarbon(readingAt(hour, forecast));
    requests.forEach(({ atHour, withinH }, index) => {
      if (Math.abs(atHour - hour) > 1e-9) return;
      void deferred.hold('a', withinH * hourMs).then((begun) => {
        outcomes[index] = { ...begun, atHour: nowMs / hourMs };
      });
    });
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
    assert.deepEqual(await held, { waitedMs: 0, why: null });
    assert.equal(deferred.waiting, 0);
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
