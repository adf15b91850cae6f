import assert from 'node:assert/strict';
import type { InferenceExecutor } from '../../../src/inference/executor';
import { demonstrationTenants } from '../../../src/loop/demo-tenants';
import { Traffic } from '../../../src/loop/traffic';
import { EcomapError } from '../../../src/signals/errors';
import type { InferenceResult } from '../../../src/signals/inference';
import { SamplePool } from '../../../src/simulation/sample-pool';

const tenants = demonstrationTenants()
  .slice(0, 1)
  .map((tenant) => ({ ...tenant, arrivalRatePerS: 200 }));

/** Stands for an executor: what becomes of each request is told from outside. */
function scene() {
  const ends: { answer: (latencyMs: number) => void; refuse: () => void }[] = [];
  const executor = {
    infer: () =>
      new Promise<InferenceResult>((resolve, reject) => {
        ends.push({
          answer: (latencyMs) => resolve({ payload: {}, account: { latencyMs } } as InferenceResult),
          refuse: () => reject(new EcomapError('QUEUE_FULL', 'full')),
        });
      }),
  } as unknown as InferenceExecutor;
  const traffic = new Traffic(tenants, new SamplePool(['inspect'], 1, 1), 1);
  const offered = async (count: number): Promise<void> => {
    traffic.start(executor);
    while (ends.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
    traffic.stop();
  };
  return { traffic, ends, offered };
}

describe('live traffic', () => {
  it('is settled once every request has ended, whatever came of it, and knows how long the answers took', async () => {
    const { traffic, ends, offered } = scene();
    const before = traffic.latencyMs;
    assert.equal(before, null);
    await offered(3);
    const count = ends.length;
    assert.equal(await traffic.settled(20), false);
    ends.forEach((end, index) => (index === 0 ? end.refuse() : end.answer(10)));
    assert.equal(await traffic.settled(5_000), true);
    const [inspect] = traffic.counts.values();
    assert.deepEqual([inspect?.offered, inspect?.answered, inspect?.refused], [count, count - 1, { QUEUE_FULL: 1 }]);
    assert.equal(traffic.latencyMs?.maximum, 10);
  });
});
