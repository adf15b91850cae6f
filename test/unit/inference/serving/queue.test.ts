import assert from 'node:assert/strict';
import fc from 'fast-check';
import { priorityStepMs, RequestQueue, type Waiting } from '../../../../src/inference/serving/queue';

const item = (arrivedMs: number, priority = 1, deadlineMs: number | null = null): Waiting => ({
  arrivedMs,
  priority,
  deadlineMs,
});

describe('request queue', () => {
  it('takes as many as it holds: 8 of 10', () => {
    const queue = new RequestQueue(8);
    const taken = Array.from({ length: 10 }, (_, index) => queue.offer(item(index)));
    assert.equal(taken.filter((accepted) => !accepted).length, 2);
    assert.deepEqual(taken.slice(8), [false, false]);
    assert.equal(queue.size, 8);
  });

  it('gives back by priority, then by arrival', () => {
    const queue = new RequestQueue(8);
    const late = item(30, 1);
    const low = item(10, 2);
    const first = item(20, 1);
    for (const waiting of [low, first, late]) queue.offer(waiting);
    assert.deepEqual([queue.take(), queue.take(), queue.take(), queue.take()], [first, late, low, undefined]);
  });

  it('lets nothing wait for ever behind higher priorities', () => {
    const queue = new RequestQueue(8);
    const low = item(0, 2);
    const overtakes = item(priorityStepMs - 1, 1);
    const comesTooLate = item(priorityStepMs + 1, 1);
    for (const waiting of [low, overtakes, comesTooLate]) queue.offer(waiting);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], [overtakes, low, comesTooLate]);
  });

  it('takes out exactly those whose deadline has passed', () => {
    const queue = new RequestQueue(8);
    const expired = [item(0, 1, 10), item(1, 3, 20)];
    const alive = [item(2, 2, 21), item(3, 1, null)];
    for (const waiting of [...expired, ...alive]) queue.offer(waiting);
    assert.equal(queue.earliestDeadlineMs, 10);
    assert.deepEqual(queue.takeExpired(9), []);
    assert.deepEqual(queue.takeExpired(20), expired);
    assert.equal(queue.earliestDeadlineMs, 21);
    assert.equal(queue.size, 2);
  });

  it('loses nothing and never breaks the order, whatever comes', () => {
    const waiting = fc.record({
      arrivedMs: fc.nat(5000),
      priority: fc.integer({ min: 1, max: 4 }),
      deadlineMs: fc.option(fc.nat(6000)),
    });
    fc.assert(
      fc.property(
        fc.array(waiting, { maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(6000),
        (items, capacity, nowMs) => {
          const queue = new RequestQueue<Waiting>(capacity);
          const accepted = items.filter((one) => queue.offer(one));
          assert.equal(accepted.length, Math.min(items.length, capacity));
          const expired = queue.takeExpired(nowMs);
          assert.ok(expired.every((one) => one.deadlineMs !== null && one.deadlineMs <= nowMs));
          const rest: Waiting[] = [];
          for (let next = queue.take(); next !== undefined; next = queue.take()) rest.push(next);
          assert.ok(rest.every((one) => one.deadlineMs === null || one.deadlineMs > nowMs));
          assert.equal(new Set([...expired, ...rest]).size, accepted.length);
          const ranks = rest.map((one) => one.arrivedMs + one.priority * priorityStepMs);
          assert.deepEqual(
            ranks,
            [...ranks].sort((a, b) => a - b),
          );
        },
      ),
    );
  });
});
