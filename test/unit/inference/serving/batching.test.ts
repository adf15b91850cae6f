import assert from 'node:assert/strict';
import { each, ServingBench } from './support';

/** A run takes 8 ms and 2 ms more for each row. */
const runMs = (rows: number) => 8 + 2 * rows;

describe('dynamic batching', () => {
  let bench: ServingBench;

  beforeEach(() => {
    bench = new ServingBench();
  });

  it('takes what waits, up to the largest batch; what comes in one go goes together', async () => {
    const exact = bench.variant('exact', runMs, true);
    const service = bench.tenant(exact, { largestBatch: 4, queueLength: 16 });
    bench.sendMany(10, service);
    await bench.finish();
    assert.deepEqual(exact.runs, [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10],
    ]);
    const { account } = bench.results.get(9) ?? assert.fail();
    assert.deepEqual([account.batchSize, account.runMs, account.energyJ], [2, 12, 0.006]);
    assert.match(account.energyMethod, /shared by the batch/);
    const counted = bench.take(service);
    assert.deepEqual([counted.served, counted.executions], [10, 3]);
    assert.ok(Math.abs((counted.energyJ ?? 0) - (16 + 16 + 12) / 1000) < 1e-12);
  });

  it('does not happen where the model or the tenant does not allow it', async () => {
    const fixed = bench.variant('exact', runMs);
    const service = bench.tenant(fixed, { largestBatch: 4 });
    bench.sendMany(3, service);
    const single = bench.variant('light', runMs, true);
    bench.sendMany(3, bench.tenant(single, {}, { name: 'single' }));
    await bench.finish();
    assert.deepEqual(
      [fixed.runs, single.runs],
      [
        [[1], [2], [3]],
        [[4], [5], [6]],
      ],
    );
  });

  it('without a delay never waits: an idle component takes the first at once', async () => {
    const exact = bench.variant('exact', runMs, true);
    const service = bench.tenant(exact, { largestBatch: 4 });
    bench.send(service);
    await bench.pass(0);
    bench.send(service);
    assert.deepEqual(exact.runs, [[1]]);
  });

  it('with a delay waits for more, for as long as it says; a full batch goes at once', async () => {
    const exact = bench.variant('exact', runMs, true);
    const service = bench.tenant(exact, { largestBatch: 3, batchDelayMs: 5 });
    bench.send(service);
    await bench.pass(3);
    bench.send(service);
    await bench.pass(1.9);
    assert.deepEqual(exact.runs, []);
    await bench.pass(0.1);
    assert.deepEqual(exact.runs, [[1, 2]]);
    await bench.finish();
    bench.sendMany(3, service);
    await bench.pass(0);
    assert.deepEqual(exact.runs[1], [3, 4, 5]);
  });

  it('waits no longer than a deadline allows, and makes a batch smaller for one', async () => {
    const exact = bench.variant('exact', runMs, true).knownFor(1, 2, 3, 4);
    const service = bench.tenant(exact, { largestBatch: 4, batchDelayMs: 50 });
    bench.send(service, { inMs: 36 });
    await bench.pass(19);
    assert.deepEqual(exact.runs, []);
    await bench.pass(1);
    assert.deepEqual(exact.runs, [[1]]);
    bench.sendMany(3, service, { inMs: 23 });
    await bench.finish();
    // After 10 ms there are 13 left: enough for two together, not for three.
    assert.deepEqual(exact.runs.slice(1), [[2, 3]]);
    assert.deepEqual(bench.ended, ['1 exact', '4 DEADLINE_EXCEEDED', '2 exact', '3 exact']);
  });

  it('does not wait when the executor closes', async () => {
    const exact = bench.variant('exact', runMs, true);
    const service = bench.tenant(exact, { largestBatch: 4, batchDelayMs: 60_000 });
    bench.sendMany(2, service);
    await bench.pass(0);
    service.close();
    assert.deepEqual(exact.runs, [[1, 2]]);
    await bench.finish();
    assert.equal(bench.clock.nextRingMs, Infinity);
  });

  it('counts rows, and puts together only what fits together', async () => {
    const exact = bench.variant('exact', runMs, true, 'width');
    const service = bench.tenant(exact, { largestBatch: 4, queueLength: 16 });
    const tensor = (rows: number, width: number, value: number) => ({
      data: new Float32Array(rows * width).fill(value),
      dims: [rows, width],
    });
    const shapes = [
      [1, 2],
      [1, 3],
      [2, 2],
      [1, 3],
      [2, 2],
      [1, 2],
      [6, 2],
    ] as const;
    shapes.forEach(([rows, width], index) => bench.send(service, { payload: tensor(rows, width, index + 1) }));
    await bench.finish();
    assert.deepEqual(exact.runs, [[1, 3, 6], [2, 4], [5], [7]]);
    assert.equal(bench.results.size, 7);
  });

  it('lets no bad request take the others along', async () => {
    const exact = bench.variant('exact', runMs, true);
    exact.fault = (values) => (values.includes(3) ? 'INPUT_MISMATCH' : null);
    const service = bench.tenant(exact, { largestBatch: 4 });
    bench.sendMany(4, service);
    await bench.finish();
    assert.deepEqual(exact.runs, [[1, 2, 3, 4], [1], [2], [3], [4]]);
    assert.deepEqual(bench.ended, ['1 exact', '2 exact', '3 INPUT_MISMATCH', '4 exact']);
    const { offered, served, rejected, executions } = bench.take(service);
    assert.deepEqual([offered, served, rejected, executions], [4, 3, 1, 3]);
    // What comes afterwards is computed together again.
    bench.sendMany(4, service);
    await bench.finish();
    assert.deepEqual(exact.runs[5], [5, 6, 7, 8]);
  });

  it('keeps apart those that are tried by themselves from all others, and does not make them wait for more', async () => {
    const exact = bench.variant('exact', runMs, true);
    exact.fault = (values) => (values.includes(3) ? 'INPUT_MISMATCH' : null);
    const service = bench.tenant(exact, { largestBatch: 3, batchDelayMs: 50 }, { priority: 2 });
    bench.sendMany(3, service);
    await bench.pass(1);
    bench.sendMany(2, service);
    await bench.pass(13);
    bench.send(service, { priority: 1 });
    await bench.pass(10 + 14 + 10);
    assert.deepEqual(exact.runs, [[1, 2, 3], [1], [6, 4, 5], [2], [3]]);
  });

  it('lets nobody come back who was taken back meanwhile, or whose lighter variant has gone', async () => {
    const fallback = bench.variant('light', runMs, true);
    fallback.fault = (values) => (values.length > 1 ? 'INPUT_MISMATCH' : null);
    const exact = bench.variant('exact', 100, true);
    const service = bench.tenant(exact, { largestBatch: 3, queueLength: 3, whenFull: 'downgrade' }, { fallback });
    bench.sendMany(4, service);
    const caller = new AbortController();
    bench.send(service, { signal: caller.signal });
    bench.send(service);
    await bench.pass(101);
    assert.deepEqual(fallback.runs, [[4, 5, 6]]);
    caller.abort();
    service.deployFallback(null);
    await bench.finish();
    assert.deepEqual(exact.runs, [[1, 2, 3], [4], [6]]);
    assert.deepEqual(bench.ended.slice(3), ['5 CANCELLED', '4 exact', '6 exact']);
    assert.equal(bench.take(service).downgraded, 0);
  });

  it('tells at once those that have no time left to be tried by themselves, whatever the host does', async () => {
    const exact = bench.variant('exact', runMs, true).knownFor(1, 2);
    exact.fault = (values) => (values.length > 1 ? 'INPUT_MISMATCH' : null);
    const service = bench.tenant(exact, { largestBatch: 2 });
    bench.sendMany(2, service, { inMs: 15 });
    await bench.pass(1);
    bench.ready = false;
    await bench.pass(13);
    assert.deepEqual(bench.ended, each([1, 2], 'DEADLINE_EXCEEDED'));
  });

  it('is given up for a model that turns out not to compute requests together', async () => {
    const exact = bench.variant('exact', runMs, true);
    exact.fault = (values) => (values.length > 1 ? 'MODEL_INVALID' : null);
    const service = bench.tenant(exact, { largestBatch: 4 });
    bench.sendMany(4, service);
    await bench.finish();
    bench.sendMany(2, service);
    await bench.finish();
    assert.deepEqual(exact.runs, [[1, 2, 3, 4], [1], [2], [3], [4], [5], [6]]);
    assert.equal(bench.take(service).served, 6);
  });

  it('a crash ends the whole batch, and only it', async () => {
    const exact = bench.variant('exact', runMs, true);
    const service = bench.tenant(exact, { largestBatch: 2 });
    bench.sendMany(3, service);
    await bench.pass(1);
    exact.crash();
    await bench.finish();
    assert.deepEqual(bench.ended, [...each([1, 2], 'HOST_CRASHED'), '3 exact']);
    const { offered, served, failed, reasons } = bench.take(service);
    assert.deepEqual([offered, served, failed, reasons], [3, 1, 2, { HOST_CRASHED: 2 }]);
  });

  it('a crash does not end what was handed over in advance and had not begun', async () => {
    const exact = bench.variant('exact', runMs, true).knownFor(2);
    const service = bench.tenant(exact, { largestBatch: 2 });
    bench.sendMany(4, service);
    await bench.pass(runMs(2) - 5);
    bench.send(service);
    assert.deepEqual(exact.runs, [
      [1, 2],
      [3, 4],
    ]);
    bench.ready = false;
    exact.crash();
    await bench.pass(100);
    assert.equal(service.queued, 3);
    bench.ready = true;
    bench.dispatcher.pump();
    await bench.finish();
    assert.deepEqual(bench.ended, [...each([1, 2], 'HOST_CRASHED'), ...each([3, 4, 5], 'exact')]);
    assert.deepEqual(exact.runs.slice(2), [[3, 4], [5]]);
  });

  it('works for the lighter variant, too', async () => {
    const fallback = bench.variant('light', runMs, true);
    const service = bench.tenant(
      bench.variant('exact', 100),
      { largestBatch: 4, queueLength: 2, whenFull: 'downgrade' },
      { fallback },
    );
    bench.send(service);
    await bench.pass(0);
    bench.sendMany(4, service);
    await bench.finish();
    assert.deepEqual(fallback.runs, [[4, 5]]);
  });
});
