import assert from 'node:assert/strict';
import { InferenceExecutor } from '../../../../src/inference/executor';
import type { NamedTensors } from '../../../../src/inference/tensors/tensors';
import { isEcomapError } from '../../../../src/signals/errors';
import type { InferenceResult } from '../../../../src/signals/inference';
import type { Tenant } from '../../../../src/signals/tenant';
import { doublingModel, slowModel, writeModel } from '../../../support/onnx-builder';
import { isRunning, temporaryDirectory, tenantOf, TestDevice, until, type TestVariant } from '../support';

/** What the choices of a tenant do with real inference hosts; a stopped process decides what has to wait. */
describe('serving by real hosts', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let executor: InferenceExecutor;
  let exact: TestVariant;
  let light: TestVariant;
  let doubling: TestVariant;
  const stopped: number[] = [];

  before(async () => {
    models = await temporaryDirectory();
    exact = { name: 'exact', accuracy: 0.9, ...(await writeModel(models.path, 'exact.onnx', slowModel(64, 8))) };
    light = { name: 'light', accuracy: 0.6, ...(await writeModel(models.path, 'light.onnx', slowModel(64, 1))) };
    const open = doublingModel(['batch', 4]);
    doubling = { name: 'doubling', accuracy: 1, ...(await writeModel(models.path, 'doubling.onnx', open)) };
  });
  after(() => models.remove());
  afterEach(async () => {
    resume();
    await executor.close();
  });

  const serve = async (tenant: Tenant) => {
    executor = new InferenceExecutor({ device: new TestDevice(), tenants: [tenant] });
    await executor.start();
  };
  const resume = () => {
    for (const pid of stopped.splice(0)) if (isRunning(pid)) process.kill(pid, 'SIGCONT');
  };
  const queued = () => executor.state().tenants[0]?.queued;
  const square = { data: new Float32Array(4096).fill(0.1), dims: [64, 64], type: 'float32' };
  const infer = (more: object = {}) => executor.infer({ tenant: 'one', payload: square, ...more });
  /** One request that is under way and stays so until the host goes on. */
  const block = async (more: object = {}) => {
    for (const { pid } of executor.state().hosts) {
      assert.ok(pid !== null);
      process.kill(pid, 'SIGSTOP');
      stopped.push(pid);
    }
    const blocker = infer(more);
    await until(() => queued() === 0);
    return { blocker };
  };
  /** The variant that answered, or the code of the error. */
  const outcomeOf = (request: Promise<InferenceResult>): Promise<string> =>
    request.then(
      ({ account }) => account.variant,
      (error: unknown) => (isEcomapError(error) ? error.code : String(error)),
    );
  const outcomesOf = (requests: readonly Promise<InferenceResult>[]) => Promise.all(requests.map(outcomeOf));
  const times = (count: number, what: string) => new Array<string>(count).fill(what);

  for (const [serving, outcomes] of [
    [{}, [...times(8, 'exact'), ...times(2, 'QUEUE_FULL')]],
    [{ drop: 'oldest' }, [...times(2, 'QUEUE_FULL'), ...times(8, 'exact')]],
    [{ whenFull: 'wait' }, times(10, 'exact')],
    [{ whenFull: 'downgrade' }, [...times(8, 'exact'), ...times(2, 'light')]],
  ] as const) {
    it(`a queue of 8, offered 10: ${JSON.stringify(serving)}`, async () => {
      await serve(tenantOf('one', [exact, light], { serving: { ...serving, queueLength: 8 } }));
      const { blocker } = await block();
      const offered = Array.from({ length: 10 }, () => infer());
      resume();
      assert.deepEqual(await outcomesOf([blocker, ...offered]), ['exact', ...outcomes]);
      const [counted] = executor.takeTelemetry().tenants;
      const rejected = outcomes.filter((outcome) => outcome === 'QUEUE_FULL').length;
      const downgraded = outcomes.filter((outcome) => outcome === 'light').length;
      assert.deepEqual(
        [counted?.offered, counted?.served, counted?.rejected, counted?.failed, counted?.downgraded],
        [11, 11 - rejected, rejected, 0, downgraded],
      );
    });
  }

  it('batches: each gets its own answer, what waits goes together, a bad one is refused by itself', async () => {
    const serving = { largestBatch: 4, queueLength: 16 };
    await serve(tenantOf('one', [doubling], { serving, nonFiniteInput: 'refuse' }));
    const { blocker } = await block({ payload: [0, 0, 0, 0] });
    const requests = Array.from({ length: 10 }, (_, index) => infer({ payload: [index, 1, 2, index === 5 ? NaN : 3] }));
    assert.equal(queued(), 10);
    resume();
    assert.deepEqual(await outcomesOf([blocker, ...requests]), [
      ...times(6, 'doubling'),
      'INPUT_MISMATCH',
      ...times(4, 'doubling'),
    ]);
    const results = await Promise.all(requests.filter((_, index) => index !== 5));
    const values = results.map(({ payload }) => [...((payload as NamedTensors).y?.data as Float32Array)]);
    const expected = [0, 1, 2, 3, 4, 6, 7, 8, 9].map((index) => [2 * index, 2, 4, 6]);
    assert.deepEqual(values, expected);
    assert.deepEqual(
      results.map(({ account }) => account.batchSize),
      [4, 4, 4, 4, 1, 1, 1, 2, 2],
    );
    // The blocker, the first four, three by themselves, and the last two.
    assert.equal(executor.takeTelemetry().tenants[0]?.executions, 6);
  });

  it('taken back while it waits and while it runs: CANCELLED at once, and everything else is answered', async () => {
    await serve(tenantOf('one', [exact]));
    const [running, waiting] = [new AbortController(), new AbortController()];
    const { blocker } = await block({ signal: running.signal });
    const others = [infer({ signal: waiting.signal }), infer()];
    running.abort();
    waiting.abort();
    // The host is still stopped.
    assert.deepEqual(await outcomesOf([blocker, ...others.slice(0, 1)]), ['CANCELLED', 'CANCELLED']);
    resume();
    assert.deepEqual(await outcomesOf(others), ['CANCELLED', 'exact']);
    const [counted] = executor.takeTelemetry().tenants;
    assert.deepEqual([counted?.offered, counted?.served, counted?.rejected, counted?.failed], [3, 1, 1, 1]);
  });

  it('kill -9 loses only the run that the process was working on, not the one handed over behind it', async () => {
    await serve(tenantOf('one', [exact]));
    for (let run = 0; run < 3; run += 1) await infer();
    const { blocker } = await block();
    const lost = outcomeOf(blocker);
    const offered = Array.from({ length: 3 }, () => outcomeOf(infer()));
    await until(() => queued() === 2);
    const [{ pid } = { pid: null }] = executor.state().hosts;
    assert.ok(pid !== null);
    process.kill(pid, 'SIGKILL');
    assert.deepEqual(await Promise.all(offered), times(3, 'exact'));
    assert.equal(await lost, 'HOST_CRASHED');
    const [counted] = executor.takeTelemetry().tenants;
    assert.deepEqual([counted?.served, counted?.failed, counted?.reasons], [6, 1, { HOST_CRASHED: 1 }]);
  });

  it('close answers a batch that was still being waited for', async () => {
    await serve(tenantOf('one', [doubling], { serving: { largestBatch: 4, batchDelayMs: 60_000 } }));
    const requests = [infer({ payload: [1, 2, 3, 4] }), infer({ payload: [5, 6, 7, 8] })];
    await until(() => queued() === 2);
    const closed = executor.close();
    assert.deepEqual(await outcomesOf(requests), times(2, 'doubling'));
    await closed;
  });

  it('a flood at many times the capacity ends every request once, and the executor serves on', async () => {
    await serve(tenantOf('one', [exact, light], { serving: { whenFull: 'downgrade', whenLate: 'downgrade' } }));
    const endMs = performance.now() + 1000;
    const all: Promise<string>[] = [];
    while (performance.now() < endMs) {
      for (let index = 0; index < 100; index += 1) {
        all.push(outcomeOf(infer(index % 2 === 0 ? { deadlineMs: Date.now() + 50 } : {})));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const outcomes = await Promise.all(all);
    const seen = new Set(outcomes);
    assert.ok(
      [...seen].every((one) => ['exact', 'light', 'QUEUE_FULL', 'DEADLINE_EXCEEDED'].includes(one)),
      [...seen].join(),
    );
    assert.ok(seen.has('exact') && seen.has('light') && seen.has('QUEUE_FULL'), [...seen].join());
    const [counted] = executor.takeTelemetry().tenants;
    const served = outcomes.filter((one) => one === 'exact' || one === 'light').length;
    assert.deepEqual(
      [counted?.offered, counted?.served, counted?.rejected, counted?.failed, counted?.downgraded],
      [all.length, served, all.length - served, 0, outcomes.filter((one) => one === 'light').length],
    );
    assert.equal((await infer()).account.variant, 'exact');
  });
});
