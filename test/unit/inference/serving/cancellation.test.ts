import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { each, ServingBench } from './support';

describe('taking a request back', () => {
  let bench: ServingBench;
  let caller: AbortController;
  const listeners = () => getEventListeners(caller.signal, 'abort').length;

  beforeEach(() => {
    bench = new ServingBench();
    caller = new AbortController();
  });

  it('while it waits: ends at once with CANCELLED, never runs, and makes room', async () => {
    const exact = bench.variant('exact', 100);
    const service = bench.tenant(exact, { queueLength: 2 });
    bench.sendMany(2, service);
    bench.send(service, { signal: caller.signal });
    caller.abort();
    await bench.pass(0);
    assert.deepEqual(bench.ended, ['3 CANCELLED']);
    bench.send(service);
    await bench.finish();
    assert.deepEqual(bench.ended.slice(1), each([1, 2, 4], 'exact'));
    assert.deepEqual(exact.runs, [[1], [2], [4]]);
    const { served, rejected, failed, reasons } = bench.take(service);
    assert.deepEqual([served, rejected, failed, reasons], [3, 1, 0, { CANCELLED: 1 }]);
    assert.equal(listeners(), 0);
  });

  it('while it runs: ends at once, its result is discarded and counted once; the rest of its batch is answered', async () => {
    const exact = bench.variant('exact', 100, true);
    const service = bench.tenant(exact, { largestBatch: 3 });
    bench.send(service);
    bench.send(service, { signal: caller.signal });
    bench.send(service);
    await bench.pass(1);
    caller.abort();
    await bench.pass(0);
    assert.deepEqual(bench.ended, ['2 CANCELLED']);
    assert.equal(service.underWay, 3);
    await bench.finish();
    assert.deepEqual(bench.ended.slice(1), each([1, 3], 'exact'));
    const { offered, served, rejected, failed, reasons, executions } = bench.take(service);
    assert.deepEqual([offered, served, rejected, failed, executions], [3, 2, 0, 1, 1]);
    assert.deepEqual(reasons, { CANCELLED: 1 });
    assert.equal(bench.results.get(1)?.account.batchSize, 3);
  });

  it('before it came: CANCELLED', async () => {
    caller.abort();
    const service = bench.tenant(bench.variant('exact', 10));
    bench.send(service, { signal: caller.signal });
    await bench.finish();
    assert.deepEqual(bench.ended, ['1 CANCELLED']);
    assert.deepEqual(bench.take(service).reasons, { CANCELLED: 1 });
    assert.equal(listeners(), 0);
  });

  it('one signal takes back everything that it was given to, wherever it waits', async () => {
    const fallback = bench.variant('light', 5).knownFor(1);
    const exact = bench.variant('exact', 100).knownFor(1);
    const service = bench.tenant(exact, { queueLength: 2, whenFull: 'downgrade', whenLate: 'wait' }, { fallback });
    const { signal } = caller;
    bench.send(service, { signal });
    await bench.pass(0);
    bench.send(service, { signal, inMs: 50 });
    bench.sendMany(2, service, { signal });
    bench.send(service);
    assert.equal(listeners(), 4);
    caller.abort();
    await bench.pass(0);
    assert.deepEqual(bench.ended.sort(), each([1, 2, 3, 4], 'CANCELLED'));
    assert.equal(service.queued, 1);
    await bench.finish();
    assert.deepEqual(bench.ended.slice(4), ['5 light']);
    assert.deepEqual([exact.runs, fallback.runs], [[[1]], [[5]]]);
  });

  it('leaves no listener behind, however a request ends', async () => {
    const exact = bench.variant('exact', 100).knownFor(1);
    exact.fault = ([value]) => (value === 1 ? 'HOST_CRASHED' : null);
    const service = bench.tenant(exact, { queueLength: 3, drop: 'oldest' });
    const { signal } = caller;
    bench.sendMany(2, service, { signal });
    bench.send(service, { signal, inMs: 250 });
    bench.sendMany(6, service, { signal });
    bench.send(service, { signal, payload: 'nonsense' });
    await bench.pass(450);
    service.close();
    bench.send(service, { signal });
    service.abandonQueue();
    await bench.finish();
    assert.equal(bench.ended.length, 11);
    assert.equal(listeners(), 0);
    // Too late: nothing is counted again.
    const { offered } = bench.take(service);
    caller.abort();
    await bench.finish();
    assert.deepEqual([offered, bench.take(service).offered, bench.ended.length], [11, 0, 11]);
  });
});
