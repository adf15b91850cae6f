import assert from 'node:assert/strict';
import fc from 'fast-check';
import { priorityStepMs, RequestQueue, type Waiting } from '../../../../src/inference/serving/queue';

const item = (arrivedMs: number, priority = 1, deadlineMs: number | null = null): Waiting => ({
  arrivedMs,
  priority,
  deadlineMs,
});

describe('request queue', () => {
  it('gives back by priority, then by arrival', () => {
    const queue = new RequestQueue<Waiting>();
    const late = item(30, 1);
    const low = item(10, 2);
    const first = item(20, 1);
    for (const waiting of [low, first, late]) queue.put(waiting);
    assert.deepEqual([queue.take(), queue.take(), queue.take(), queue.take()], [first, late, low, undefined]);
  });

  it('lets nothing wait for ever behind higher priorities', () => {
    const queue = new RequestQueue<Waiting>();
    const low = item(0, 2);
    const overtakes = item(priorityStepMs - 1, 1);
    const comesTooLate = item(priorityStepMs + 1, 1);
    for (const waiting of [low, overtakes, comesTooLate]) queue.put(waiting);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], [overtakes, low, comesTooLate]);
  });

  it('takes out exactly those that are too late', () => {
    const queue = new RequestQueue<Waiting>();
    const late = [item(0, 1, 10), item(1, 3, 20)];
    const alive = [item(2, 2, 21), item(3, 1, null)];
    for (const waiting of [...late, ...alive]) queue.put(waiting);
    assert.equal(queue.earliestDeadlineMs, 10);
    assert.deepEqual(queue.takeLate(9, 1), []);
    assert.deepEqual(queue.takeLate(9, 1.5), [late[0]]);
    assert.deepEqual(queue.takeLate(20, 1), [late[1]]);
    assert.equal(queue.earliestDeadlineMs, 21);
    assert.equal(queue.size, 2);
  });

  it('without a least time, what is due now is too late', () => {
    const queue = new RequestQueue<Waiting>();
    queue.put(item(0, 1, 10));
    assert.equal(queue.takeLate(10, 0).length, 1);
    assert.equal(queue.earliestDeadlineMs, Infinity);
  });

  it('finds who has waited longest among those that are no more important', () => {
    const queue = new RequestQueue<Waiting>();
    const [urgent, old, young] = [item(0, 1), item(10, 3), item(20, 2)];
    for (const waiting of [young, old, urgent]) queue.put(waiting);
    assert.deepEqual([queue.oldest(1), queue.oldest(2), queue.oldest(4)], [urgent, old, undefined]);
  });

  it('agrees with a list that is sorted anew at each step, whatever comes', () => {
    const waiting = fc.record({
      arrivedMs: fc.nat(3000),
      priority: fc.integer({ min: 1, max: 4 }),
      deadlineMs: fc.option(fc.nat(4000)),
    });
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ put: waiting }) },
      { weight: 1, arbitrary: fc.record({ remove: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ late: fc.nat(4000), leastMs: fc.nat(50) }) },
      {
        weight: 1,
        arbitrary: fc.record({ sift: fc.array(fc.constantFrom('leave', 'take', 'stop'), { maxLength: 6 }) }),
      },
      { weight: 2, arbitrary: fc.constant('take' as const) },
    );
    const rank = (one: Waiting) => one.arrivedMs + one.priority * priorityStepMs;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new RequestQueue<Waiting>();
        let model: Waiting[] = [];
        for (const one of steps) {
          if (one === 'take') {
            assert.equal(queue.take(), model.shift());
          } else if ('put' in one) {
            assert.equal(queue.ahead(one.put), model.filter((other) => rank(other) <= rank(one.put)).length);
            queue.put(one.put);
            model = [...model, one.put].sort((a, b) => rank(a) - rank(b));
          } else if ('remove' in one) {
            const gone = model[one.remove];
            if (gone !== undefined) assert.equal(queue.remove(gone), true);
            assert.equal(queue.remove(item(1, 1)), false);
            model = model.filter((other) => other !== gone);
          } else if ('late' in one) {
            const isLate = ({ deadlineMs }: Waiting) =>
              deadlineMs !== null && (deadlineMs <= one.late || deadlineMs < one.late + one.leastMs);
            assert.deepEqual(queue.takeLate(one.late, one.leastMs), model.filter(isLate));
            model = model.filter((other) => !isLate(other));
          } else {
            const verdicts = [...one.sift];
            const seen: Waiting[] = [];
            queue.sift(verdicts.length, (other) => {
              seen.push(other);
              return verdicts[seen.length - 1] ?? 'stop';
            });
            const end = verdicts.includes('stop') ? verdicts.indexOf('stop') : verdicts.length;
            assert.deepEqual(seen, model.slice(0, Math.min(end + 1, verdicts.length)));
            model = model.filter((_, place) => place >= end || verdicts[place] !== 'take');
          }
          assert.equal(queue.size, model.length);
          assert.equal(queue.head(), model[0]);
          const soonest = Math.min(Infinity, ...model.map(({ deadlineMs }) => deadlineMs ?? Infinity));
          assert.equal(queue.earliestDeadlineMs, soonest);
          const eligible = model.filter(({ priority }) => priority >= 2);
          const oldest = eligible.sort((a, b) => a.arrivedMs - b.arrivedMs || b.priority - a.priority)[0];
          const found = queue.oldest(2);
          assert.deepEqual([found?.arrivedMs, found?.priority], [oldest?.arrivedMs, oldest?.priority]);
        }
        assert.deepEqual(queue.takeAll(), model);
      }),
    );
  });
});
