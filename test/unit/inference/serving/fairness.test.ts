import assert from 'node:assert/strict';
import type { TenantService } from '../../../../src/inference/serving/tenant-service';
import { each, ServingBench, type FakeVariant } from './support';

describe('tenants on one component', () => {
  let bench: ServingBench;

  beforeEach(() => {
    bench = new ServingBench();
  });

  const tenant = (name: string, runMs: number, weight = 1, priority = 1) =>
    bench.tenant(bench.variant('exact', runMs).knownFor(1), { weight, queueLength: 1000 }, { name, priority });

  it('of weights 1 and 2 share it 1 to 2 when it is scarce', async () => {
    const single = tenant('single', 20, 1);
    const double = tenant('double', 10, 2);
    bench.sendMany(500, single);
    bench.sendMany(500, double);
    await bench.pass(6000);
    const ratio = (bench.take(double).served * 10) / (bench.take(single).served * 20);
    assert.ok(ratio > 1.8 && ratio < 2.2, `ratio ${ratio}`);
  });

  it('of weights 1 and 2 are served alike when there is plenty', async () => {
    const single = tenant('single', 10, 1);
    const double = tenant('double', 10, 2);
    for (let round = 0; round < 100; round += 1) {
      bench.send(single);
      bench.send(double);
      await bench.pass(30);
    }
    const [one, two] = [bench.take(single), bench.take(double)];
    assert.ok(Math.abs(one.served - two.served) < 10);
    assert.deepEqual([one.served, two.served, one.late, two.late], [100, 100, 0, 0]);
  });

  it('share it by weight in batches, too', async () => {
    const runMs = (rows: number) => 10 + rows;
    const batching = (name: string, weight: number, largestBatch: number) => {
      const serving = { weight, largestBatch, queueLength: 10_000 };
      return bench.tenant(bench.variant('exact', runMs, true).knownFor(largestBatch), serving, { name });
    };
    const single = batching('single', 1, 10);
    const double = batching('double', 2, 5);
    bench.sendMany(4000, single);
    bench.sendMany(4000, double);
    await bench.pass(6000);
    const ratio = (bench.take(double).executions * runMs(5)) / (bench.take(single).executions * runMs(10));
    assert.ok(ratio > 1.8 && ratio < 2.2, `ratio ${ratio}`);
  });

  it('are served by priority, then by arrival', async () => {
    const urgent = tenant('urgent', 10, 1, 1);
    const patient = tenant('patient', 10, 1, 2);
    bench.sendMany(3, patient);
    bench.send(patient, { priority: 1 });
    await bench.pass(1);
    bench.sendMany(2, urgent);
    bench.send(urgent, { priority: 3 });
    await bench.finish();
    assert.deepEqual(bench.ended, each([1, 5, 4, 6, 2, 3, 7], 'exact'));
  });

  it('never starve: the least important one is served in time under a flood of the most important', async () => {
    const flood = tenant('flood', 10, 1, 1);
    const least = tenant('least', 10, 1, 9);
    bench.send(flood);
    bench.sendMany(5, least);
    const endedAfterMs: number[] = [];
    for (let ms = 0; ms < 6000; ms += 10) {
      bench.sendMany(2, flood);
      await bench.pass(10);
      const { served } = least.window.take('least', 'exact', 100, null);
      for (let index = 0; index < served; index += 1) endedAfterMs.push(ms);
    }
    assert.equal(endedAfterMs.length, 5);
    assert.ok((endedAfterMs[0] ?? 0) >= 900, 'the flood is more important');
    const gaps = endedAfterMs.slice(1).map((ms, index) => ms - (endedAfterMs[index] ?? 0));
    assert.ok(
      gaps.every((gap) => gap <= 1100),
      gaps.join(),
    );
  });

  it('a small one with a tight limit never waits behind more than one run of a big one', async () => {
    const big = tenant('big', 40);
    const small = bench.tenant(bench.variant('exact', 2).knownFor(1), {}, { name: 'small', latencyLimitMs: 100 });
    bench.sendMany(20, big);
    const numbers: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      await bench.pass(35);
      numbers.push(bench.send(small));
    }
    await bench.finish();
    const latencies = numbers.map((number) => bench.results.get(number)?.account.latencyMs ?? Infinity);
    assert.ok(Math.max(...latencies) <= 42, latencies.join());
  });

  it('get a whole component when the other one breaks down, whose requests are told why', async () => {
    const one: TenantService<FakeVariant> = tenant('one', 10);
    const other = tenant('other', 10);
    bench.sendMany(3, other);
    bench.sendMany(2, one);
    const problem = Object.assign(new Error('gone'), { code: 'MODEL_INVALID' as const });
    one.breakDown(problem as never);
    bench.dispatcher.detach(one);
    bench.send(one);
    await bench.finish();
    assert.deepEqual(bench.take(one).reasons, { MODEL_INVALID: 3 });
    assert.equal(bench.take(other).served, 3);
  });
});
