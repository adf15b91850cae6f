import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Lane } from '../../../../src/inference/serving/lanes';
import { cannotBeInTime } from '../../../../src/inference/serving/lateness';
import { PendingRequest } from '../../../../src/inference/serving/pending-request';
import { RunTimes } from '../../../../src/inference/serving/run-times';
import { isTooLate, rankOf } from '../../../../src/inference/serving/queue';
import { VariantServer } from '../../../../src/inference/serving/variant-server';
import { each, ServingBench } from './support';

describe('deadlines', () => {
  let bench: ServingBench;

  beforeEach(() => {
    bench = new ServingBench();
  });

  it('refuse at once what cannot be in time behind those that must run first', async () => {
    // Somebody with a tight limit uses the component, too, so nothing is handed over in advance.
    bench.tenant(bench.variant('exact', 10), {}, { name: 'other', latencyLimitMs: 20 });
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1));
    bench.sendMany(4, service);
    bench.sendMany(3, service, { inMs: 45 });
    await bench.pass(0);
    // One is under way and three wait: not before 50 ms.
    assert.deepEqual(bench.ended, each([5, 6, 7], 'DEADLINE_EXCEEDED'));
    assert.match(bench.errors.get(5)?.message ?? '', /45\.0 ms left behind 3 others.*at least 10\.0 ms/);
    bench.sendMany(3, service, { inMs: 60 });
    await bench.finish();
    assert.deepEqual(bench.ended.slice(3), ['10 DEADLINE_EXCEEDED', ...each([1, 2, 3, 4, 8, 9], 'exact')]);
    assert.ok([8, 9].every((number) => bench.results.get(number)?.account.deadlineMet));
  });

  it('refuse what waits as soon as it is too late to begin, exactly then', async () => {
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1));
    bench.ready = false;
    bench.send(service, { inMs: 30 });
    bench.send(service, { inMs: 25 });
    bench.send(service);
    await bench.pass(15);
    assert.deepEqual(bench.ended, []);
    await bench.pass(1);
    assert.deepEqual(bench.ended, each([2], 'DEADLINE_EXCEEDED'));
    await bench.pass(5);
    assert.deepEqual(bench.ended, each([2, 1], 'DEADLINE_EXCEEDED'));
    bench.ready = true;
    bench.dispatcher.pump();
    await bench.finish();
    assert.deepEqual(bench.ended[2], '3 exact');
    assert.deepEqual(bench.take(service).reasons, { DEADLINE_EXCEEDED: 2 });
  });

  it('that cannot be kept never cost a run', async () => {
    const exact = bench.variant('exact', 10).knownFor(1);
    const service = bench.tenant(exact);
    bench.send(service, { inMs: 9 });
    bench.send(service, { inMs: 10 });
    bench.send(service, { inMs: -1 });
    await bench.finish();
    assert.deepEqual(bench.ended, ['1 DEADLINE_EXCEEDED', '3 DEADLINE_EXCEEDED', '2 exact']);
    assert.equal(bench.results.get(2)?.account.deadlineMet, true);
    assert.deepEqual(exact.runs, [[2]]);
  });

  it('say nothing while run times are unknown or old', async () => {
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1));
    await bench.pass(6000);
    bench.send(service, { inMs: 2 });
    await bench.finish();
    assert.deepEqual(bench.ended, ['1 exact']);
    assert.equal(bench.results.get(1)?.account.deadlineMet, false);
    assert.equal(bench.take(service).late, 1);
  });

  it('where late answers are wanted, order: those that can be in time first, then the late ones, all served', async () => {
    bench.tenant(bench.variant('exact', 10), {}, { name: 'other' });
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1), { whenLate: 'wait' });
    bench.send(service);
    bench.send(service, { inMs: 5 });
    bench.send(service, { inMs: 30 });
    bench.send(service, { inMs: -10 });
    bench.send(service, { inMs: 60 });
    await bench.finish();
    assert.deepEqual(bench.ended, each([1, 3, 5, 2, 4], 'exact'));
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((number) => bench.results.get(number)?.account.deadlineMet),
      [true, false, true, false, true],
    );
    const { served, late, rejected } = bench.take(service);
    assert.deepEqual([served, late, rejected], [5, 2, 0]);
  });

  it('late requests never starve behind a flood of those that can be in time', async () => {
    const service = bench.tenant(bench.variant('exact', 100).knownFor(1), { whenLate: 'wait', whenFull: 'reject' });
    bench.ready = false;
    bench.sendMany(3, service, { inMs: 50 });
    bench.ready = true;
    for (let round = 0; round < 60; round += 1) {
      bench.sendMany(2, service);
      await bench.pass(100);
    }
    const answered = bench.ended.filter((one) => one.endsWith('exact'));
    const places = [1, 2, 3].map((number) => answered.indexOf(`${number} exact`));
    assert.ok(
      places.every((place) => place >= 0),
      `the late ones ended at ${places.join()}`,
    );
    // At a run of 100 ms, one in ten or eleven is late.
    const gaps = places.map((place, index) => place - (places[index - 1] ?? 0));
    assert.ok(
      gaps.every((gap) => gap >= 9 && gap <= 12),
      places.join(),
    );
  });

  it('that press the lighter variant do not starve those that have time', async () => {
    bench.tenant(bench.variant('exact', 30), {}, { name: 'other' });
    const fallback = bench.variant('light', 5).knownFor(1);
    const service = bench.tenant(bench.variant('exact', 30).knownFor(1), { whenLate: 'downgrade' }, { fallback });
    bench.sendMany(4, service);
    for (let ms = 0; ms < 4000; ms += 5) {
      bench.sendMany(3, service, { inMs: 45 });
      await bench.pass(5);
    }
    const waitedMs = [2, 3, 4].map((number) => bench.results.get(number)?.account.queueMs ?? Infinity);
    const gapsMs = waitedMs.map((ms, index) => ms - (waitedMs[index - 1] ?? 0));
    assert.ok(
      gapsMs.every((gap) => gap >= 950 && gap <= 1100),
      waitedMs.join(),
    );
  });

  it('of a variant in stages count of those ahead only what keeps the first component busy', async () => {
    const exact = bench.variant('exact', 20).knownFor(1);
    exact.entryTimes = new RunTimes();
    exact.entryTimes.record(5, bench.clock.nowMs());
    const service = bench.tenant(exact);
    bench.ready = false;
    bench.sendMany(3, service);
    bench.send(service, { inMs: 34 });
    bench.send(service, { inMs: 35 });
    await bench.pass(0);
    assert.deepEqual(bench.ended, ['4 DEADLINE_EXCEEDED']);
    assert.equal(service.queued, 4);
  });

  it('count nobody ahead where the oldest are thrown out: whoever comes may be next', async () => {
    const service = bench.tenant(bench.variant('exact', 100).knownFor(1), { drop: 'oldest', queueLength: 3 });
    bench.sendMany(4, service);
    bench.send(service, { inMs: 250 });
    bench.sendMany(2, service);
    await bench.finish();
    assert.deepEqual(bench.ended, [...each([2, 3, 4], 'QUEUE_FULL'), ...each([1, 5, 6, 7], 'exact')]);
    assert.equal(bench.results.get(5)?.account.deadlineMet, true);
  });

  it('downgrade what only the lighter variant can answer in time, before those that have time', async () => {
    bench.tenant(bench.variant('exact', 10), {}, { name: 'other' });
    const fallback = bench.variant('light', 2).knownFor(1);
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1), { whenLate: 'downgrade' }, { fallback });
    bench.sendMany(4, service);
    bench.send(service, { inMs: 15 });
    bench.send(service, { inMs: 1 });
    await bench.finish();
    assert.deepEqual(bench.ended, ['6 DEADLINE_EXCEEDED', '1 exact', '5 light', ...each([2, 3, 4], 'exact')]);
    assert.match(bench.errors.get(6)?.message ?? '', /The lighter variant "light" could not be in time either/);
    const account = bench.results.get(5)?.account;
    assert.deepEqual([account?.deadlineMet, account?.degraded], [true, true]);
    assert.deepEqual(account?.why[0], 'downgraded to "light": "exact" could not have answered before the deadline');
    assert.equal(bench.take(service).downgraded, 1);
  });

  it('downgrade what runs out of time while it waits', async () => {
    const fallback = bench.variant('light', 2).knownFor(1);
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1), { whenLate: 'downgrade' }, { fallback });
    bench.ready = false;
    bench.send(service, { inMs: 20 });
    await bench.pass(11);
    bench.ready = true;
    bench.dispatcher.pump();
    await bench.finish();
    assert.deepEqual(bench.ended, ['1 light']);
    assert.equal(bench.results.get(1)?.account.deadlineMet, true);
  });

  it('without a lighter variant, reject and say so', async () => {
    const service = bench.tenant(bench.variant('exact', 10).knownFor(1), { whenLate: 'downgrade' });
    bench.send(service, { inMs: 5 });
    await bench.finish();
    assert.match(bench.errors.get(1)?.message ?? '', /No lighter variant is loaded/);
  });

  /** Runs a queue as the service does when nothing is ever slow: in order, in batches, what is too late leaves at once. */
  function answeredAtMs(
    queue: readonly PendingRequest[],
    last: PendingRequest,
    batch: number,
    freeAtMs: number,
  ): number {
    const runMs = 10;
    let nowMs = freeAtMs;
    let waiting = [...queue, last].sort((one, other) => rankOf(one) - rankOf(other));
    while (waiting.length > 0) {
      waiting = waiting.filter(({ deadlineMs }) => deadlineMs === null || !isTooLate(deadlineMs, nowMs, runMs));
      nowMs += runMs;
      if (waiting.splice(0, batch).includes(last)) return nowMs;
    }
    return Infinity;
  }

  it('refuse at once exactly what would be late even if nothing were slow', () => {
    const waiting = fc.record({
      priority: fc.integer({ min: 1, max: 2 }),
      deadlineMs: fc.option(fc.integer({ min: 10, max: 90 })),
    });
    const nothing = () => undefined;
    const outcomes = { refused: 0, admitted: 0 };
    fc.assert(
      fc.property(
        fc.array(waiting, { maxLength: 8 }),
        fc.integer({ min: 5, max: 100 }),
        fc.constantFrom(1, 1, 3),
        fc.integer({ min: 0, max: 10 }),
        (ahead, deadlineMs, batch, freeAtMs) => {
          const variant = bench.variant('exact', 10, true);
          for (const rows of [1, batch]) variant.times.record(10, 0, rows);
          const lane = new Lane();
          lane.server = new VariantServer(variant, batch);
          const queue = ahead.map((one) => new PendingRequest([0], 0, one.priority, one.deadlineMs, nothing, nothing));
          for (const request of queue) lane.put(request, 0);
          const last = new PendingRequest([0], 0, 1, deadlineMs, nothing, nothing);
          const refused = cannotBeInTime(lane, last, 0, freeAtMs, true);
          outcomes[refused ? 'refused' : 'admitted'] += 1;
          assert.equal(refused, answeredAtMs(queue, last, batch, freeAtMs) > deadlineMs);
        },
      ),
      { numRuns: 1000, seed: 3 },
    );
    assert.ok(Math.min(outcomes.refused, outcomes.admitted) > 200, JSON.stringify(outcomes));
  });
});
