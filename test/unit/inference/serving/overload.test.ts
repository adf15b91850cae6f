import assert from 'node:assert/strict';
import type { Serving } from '../../../../src/signals/tenant';
import { each, ServingBench, type FakeVariant } from './support';

const oneToTen = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('a queue of 8 behind a busy component', () => {
  let bench: ServingBench;
  let blocker: number;

  /** A tenant with one request under way, so that everything else has to wait. */
  const busyTenant = async (serving: Partial<Serving>, fallback?: FakeVariant) => {
    const service = bench.tenant(bench.variant('exact', 100).knownFor(1), serving, { fallback });
    blocker = bench.send(service);
    await bench.pass(0);
    assert.equal(service.queued, 0);
    return service;
  };
  const after = (numbers: readonly number[]) => numbers.map((number) => number + blocker);

  beforeEach(() => {
    bench = new ServingBench();
  });

  it('offered 10 rejects exactly the last 2', async () => {
    const service = await busyTenant({});
    bench.sendMany(10, service);
    await bench.pass(0);
    assert.deepEqual(bench.ended, each(after([9, 10]), 'QUEUE_FULL'));
    assert.equal(service.queued, 8);
    await bench.finish();
    assert.deepEqual(bench.ended.slice(2), each([blocker, ...after(oneToTen.slice(0, 8))], 'exact'));
    const { offered, served, rejected, failed, reasons } = bench.take(service);
    assert.deepEqual([offered, served, rejected, failed, reasons], [11, 9, 2, 0, { QUEUE_FULL: 2 }]);
  });

  it('that drops the oldest lets the first 2 go, and says why', async () => {
    const service = await busyTenant({ drop: 'oldest' });
    bench.sendMany(10, service);
    await bench.finish();
    assert.deepEqual(bench.ended, [
      ...each(after([1, 2]), 'QUEUE_FULL'),
      ...each([blocker, ...after(oneToTen.slice(2))], 'exact'),
    ]);
    assert.match(bench.errors.get(blocker + 1)?.message ?? '', /made room for a newer one/);
  });

  it('that drops the oldest never drops a more important one', async () => {
    const service = await busyTenant({ drop: 'oldest', queueLength: 2 });
    bench.sendMany(2, service, { priority: 2 });
    bench.send(service, { priority: 3 });
    bench.sendMany(2, service, { priority: 1 });
    bench.send(service, { priority: 2 });
    await bench.pass(0);
    assert.deepEqual(bench.ended, each(after([3, 1, 2, 6]), 'QUEUE_FULL'));
  });

  it('that lets requests wait serves all 10, in order', async () => {
    const service = await busyTenant({ whenFull: 'wait' });
    bench.sendMany(10, service);
    await bench.finish();
    assert.deepEqual(bench.ended, each([blocker, ...after(oneToTen)], 'exact'));
  });

  it('that lets requests wait does not let them grow without end: 16 queues wait outside', async () => {
    const service = await busyTenant({ whenFull: 'wait' });
    bench.sendMany(8 * 17 + 3, service);
    await bench.pass(0);
    assert.deepEqual(bench.ended, each(after([137, 138, 139]), 'QUEUE_FULL'));
    assert.match(bench.errors.get(blocker + 137)?.message ?? '', /8 requests wait in it and 128 more outside/);
    await bench.finish();
    assert.equal(bench.take(service).served, 137);
  });

  it('that downgrades serves all 10, exactly 2 by the lighter variant', async () => {
    const service = await busyTenant({ whenFull: 'downgrade' }, bench.variant('light', 10));
    bench.sendMany(10, service);
    await bench.finish();
    assert.deepEqual(bench.ended, [
      ...each([blocker, ...after(oneToTen.slice(0, 8))], 'exact'),
      ...each(after([9, 10]), 'light'),
    ]);
    const { account } = bench.results.get(blocker + 9) ?? assert.fail();
    assert.equal(account.degraded, true);
    assert.deepEqual(account.why, ['downgraded to "light": the queue was full', 'no plan yet']);
    const counted = bench.take(service);
    assert.deepEqual([counted.served, counted.downgraded, counted.rejected], [11, 2, 0]);
    assert.deepEqual(
      counted.byVariant.map(({ variant, served }) => [variant, served]),
      [
        ['exact', 9],
        ['light', 2],
      ],
    );
  });

  it('that downgrades takes twice its length, not more', async () => {
    const service = await busyTenant({ whenFull: 'downgrade' }, bench.variant('light', 10));
    bench.sendMany(19, service);
    await bench.pass(0);
    assert.deepEqual(bench.ended, each(after([17, 18, 19]), 'QUEUE_FULL'));
    assert.match(bench.errors.get(blocker + 17)?.message ?? '', /As many already wait for the lighter variant "light"/);
    await bench.finish();
    assert.equal(bench.take(service).downgraded, 8);
  });

  it('that downgrades without a lighter variant rejects 2, and says so', async () => {
    const service = await busyTenant({ whenFull: 'downgrade' });
    bench.sendMany(10, service);
    await bench.finish();
    assert.deepEqual(bench.ended.slice(0, 2), each(after([9, 10]), 'QUEUE_FULL'));
    assert.match(bench.errors.get(blocker + 9)?.message ?? '', /No lighter variant is loaded/);
  });

  it('when the lighter variant goes, those that waited for it are answered by the planned one', async () => {
    const service = await busyTenant({ whenFull: 'downgrade' }, bench.variant('light', 10));
    bench.sendMany(10, service);
    service.deployFallback(null);
    await bench.finish();
    assert.deepEqual(bench.ended, each([blocker, ...after(oneToTen)], 'exact'));
    assert.equal(bench.take(service).downgraded, 0);
  });

  it('a tenant has the length that it says itself, before that of the executor', async () => {
    const service = await busyTenant({ queueLength: 3 });
    bench.sendMany(10, service);
    await bench.finish();
    assert.deepEqual(bench.take(service).reasons, { QUEUE_FULL: 7 });
  });
});

describe('a flood at 20 times the capacity', () => {
  // `ECOMAP_FLOOD_S=30` for the long one.
  const seconds = Number(process.env.ECOMAP_FLOOD_S ?? 2);
  const capacityPerS = 500;
  const arms: readonly Partial<Serving>[] = [
    {},
    { drop: 'oldest' },
    { whenFull: 'wait' },
    { whenFull: 'downgrade' },
    { whenFull: 'wait', whenLate: 'wait', largestBatch: 4 },
    { whenFull: 'downgrade', whenLate: 'downgrade', drop: 'oldest', largestBatch: 4 },
  ];

  for (const serving of arms) {
    it(`ends every request exactly once, and never keeps more than it may: ${JSON.stringify(serving)}`, async () => {
      const bench = new ServingBench();
      const batches = serving.largestBatch !== undefined;
      const fallback = bench.variant('light', 1, batches);
      const service = bench.tenant(bench.variant('exact', 1000 / capacityPerS, batches), serving, { fallback });
      const most = { reject: 8, wait: 8 * 17, downgrade: 16 }[serving.whenFull ?? 'reject'];
      let sent = 0;
      for (let ms = 0; ms < seconds * 1000; ms += 1) {
        const now = (capacityPerS * 20) / 1000;
        for (let index = 0; index < now; index += 1) {
          bench.send(service, sent % 3 === 0 ? { inMs: 20, payload: [1] } : { payload: [1] });
          sent += 1;
        }
        await bench.pass(1);
        assert.ok(service.queued <= most, `${service.queued} wait`);
      }
      await bench.finish();
      assert.equal(bench.ended.length, sent);
      assert.equal(bench.results.size + bench.errors.size, sent);
      const { offered, served, rejected, failed, reasons } = bench.take(service);
      assert.deepEqual([offered, served, rejected, failed], [sent, bench.results.size, bench.errors.size, 0]);
      assert.equal(
        Object.values(reasons).reduce((sum, count) => sum + count, 0),
        rejected,
      );
      assert.ok(served >= capacityPerS * seconds * 0.95, `only ${served} were served`);
      assert.deepEqual([service.queued, service.underWay], [0, 0]);
    });
  }
});
