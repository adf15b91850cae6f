import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeOutputs } from '../../../../src/inference/tensors/answers';
import { inferenceEnergyJ } from '../../../../src/inference/energy';
import { LatencyHistogram } from '../../../../src/inference/serving/latency-histogram';
import { RunTimes } from '../../../../src/inference/serving/run-times';
import { TenantWindow } from '../../../../src/inference/serving/tenant-window';
import { component, fullSpeed } from '../support';

const variant = (name: string, accuracy: number) => ({ name, accuracy, path: `/${name}.onnx`, sha256: null });

describe('the window of a tenant', () => {
  it('counts every request that ended exactly once', () => {
    const outcome = fc.constantFrom('in time', 'late', 'QUEUE_FULL', 'DEADLINE_EXCEEDED', 'HOST_CRASHED');
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 50 }), (outcomes) => {
        const window = new TenantWindow();
        for (const one of outcomes) {
          if (one === 'HOST_CRASHED') window.failed(one);
          else if (one === 'QUEUE_FULL' || one === 'DEADLINE_EXCEEDED') window.rejected(one);
          else
            window.served({
              variant: variant('v', 0.5),
              latencyMs: 3,
              queueMs: 1,
              inTime: one === 'in time',
              energyJ: 2,
              downgraded: false,
            });
        }
        const count = (wanted: string) => outcomes.filter((one) => one === wanted).length;
        const taken = window.take('t', 'v', 10, 5);
        assert.equal(taken.offered, outcomes.length);
        assert.equal(taken.offered, taken.served + taken.rejected + taken.failed);
        assert.equal(taken.late, count('late'));
        assert.equal(taken.failed, count('HOST_CRASHED'));
        assert.equal(
          Object.values(taken.reasons).reduce((sum, n) => sum + n, 0),
          taken.rejected + taken.failed,
        );
        assert.equal(taken.energyJ, 2 * taken.served);
        assert.equal(taken.alwaysMaxEnergyJ, 5 * taken.served);
      }),
      { numRuns: 30 },
    );
  });

  it('weighs accuracy by the answers in time, and knows the share of each variant', () => {
    const window = new TenantWindow();
    const serve = (name: string, accuracy: number, inTime: boolean, energyJ: number | null) =>
      window.served({ variant: variant(name, accuracy), latencyMs: 1, queueMs: 0, inTime, energyJ, downgraded: false });
    serve('large', 0.9, true, 1);
    serve('small', 0.6, true, 1);
    serve('small', 0.6, true, null);
    serve('large', 0.9, false, 1);
    const taken = window.take('t', 'small', 10, null);
    assert.ok(Math.abs((taken.effectiveAccuracy ?? 0) - 0.7) < 1e-12);
    assert.deepEqual(taken.byVariant, [
      { variant: 'large', accuracy: 0.9, served: 2, inTime: 1, energyJ: 2 },
      { variant: 'small', accuracy: 0.6, served: 2, inTime: 2, energyJ: null },
    ]);
    assert.deepEqual([taken.energyJ, taken.alwaysMaxEnergyJ], [null, null]);
  });
});

describe('latencies', () => {
  it('have the quantiles of the values recorded, within 0.2 % and one place', () => {
    const latency = fc.double({ min: 0.1, max: 5000, noNaN: true });
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 300 }), (latencies) => {
        const histogram = new LatencyHistogram();
        for (const one of latencies) histogram.record(one);
        const sorted = [...latencies].sort((a, b) => a - b);
        const quantiles = histogram.quantiles();
        assert.ok(quantiles !== null);
        for (const [share, got] of [
          [0.5, quantiles.p50],
          [0.95, quantiles.p95],
          [0.99, quantiles.p99],
        ] as const) {
          const place = Math.ceil(share * sorted.length) - 1;
          const low = sorted[Math.max(0, place - 1)] ?? 0;
          const high = sorted[Math.min(sorted.length - 1, place + 1)] ?? 0;
          assert.ok(got >= low * 0.998 - 0.001 && got <= high * 1.002 + 0.001, `${share}: ${got} of ${low}..${high}`);
        }
        assert.equal(quantiles.maximum, sorted.at(-1));
        histogram.reset();
        assert.equal(histogram.quantiles(), null);
      }),
      { numRuns: 30 },
    );
  });

  it('of the last runs say the least that the next one takes, as long as they are fresh', () => {
    const times = new RunTimes();
    assert.equal(times.fastestMs(0), null);
    times.record(12, 100);
    times.record(8, 200);
    assert.equal(times.fastestMs(300), 8);
    assert.equal(times.meanMs(), 10);
    assert.equal(times.fastestMs(60_000), null);
  });

  it('know batches by their size, and judge other sizes by the nearest', () => {
    const times = new RunTimes();
    assert.equal(times.meanMs(4), null);
    times.record(10, 0, 2);
    assert.deepEqual([times.meanMs(1), times.meanMs(2), times.meanMs(8)], [10, 10, 40]);
    // Fewer rows may be faster, more rows are not.
    assert.deepEqual([times.fastestMs(0, 1), times.fastestMs(0, 2), times.fastestMs(0, 8)], [null, 10, 10]);
    times.record(25, 0, 8);
    times.record(12, 0, 2);
    assert.deepEqual([times.meanMs(2), times.meanMs(4), times.meanMs(16)], [11, 22, 50]);
    assert.deepEqual([times.fastestMs(0, 4), times.fastestMs(0, 16)], [10, 25]);
    assert.deepEqual([times.meanMs(7), times.fastestMs(6000, 8)], [25, null]);
  });

  it('forget the sizes that have not been run for longest, but never that of one row', () => {
    const times = new RunTimes();
    times.record(2000, 0, 1);
    for (let rows = 2; rows <= 1000; rows += 1) times.record(rows, rows, rows);
    assert.deepEqual([times.meanMs(1), times.meanMs(938), times.meanMs(1000)], [2000, 938, 1000]);
    assert.equal(times.meanMs(500), 938, 'judged by the smallest size that is left');
  });
});

describe('answers', () => {
  const scores = (dims: number[], ...numbers: number[]) => ({
    scores: { type: 'float32' as const, dims, data: Float32Array.from(numbers) },
  });
  const labels = { kind: 'label' as const, name: null, labels: ['a', 'b', 'c'] };

  it('name the label with the highest score, one per item of a batch', () => {
    assert.deepEqual(decodeOutputs(scores([1, 3], 0.25, 0.5, 0.125), labels), {
      label: 'b',
      index: 1,
      score: 0.5,
      scores: [0.25, 0.5, 0.125],
    });
    const batch = decodeOutputs(scores([2, 3], 1, 0, 0, 0, 0, 1), labels);
    assert.ok(Array.isArray(batch));
    assert.deepEqual(
      batch.map((answer: { label: string }) => answer.label),
      ['a', 'c'],
    );
  });

  it('never prefer NaN to a number; where there is nothing else the score says so', () => {
    const answer = (...numbers: number[]) => decodeOutputs(scores([1, 3], ...numbers), labels) as { index: number };
    assert.equal(answer(NaN, 0.25, 0.5).index, 2);
    assert.equal(answer(NaN, -Infinity, NaN).index, 1);
    assert.equal(answer(0.5, NaN, 0.25).index, 0);
    assert.deepEqual(answer(NaN, NaN, NaN), { label: 'a', index: 0, score: NaN, scores: [NaN, NaN, NaN] });
  });

  it('say what is wrong when texts should be a label', () => {
    const texts = { words: { type: 'string' as const, dims: [1, 3], data: ['a', 'b', 'c'] } };
    assert.deepEqual(decodeOutputs(texts, { kind: 'tensors' }), texts);
    assert.throws(() => decodeOutputs(texts, labels), {
      code: 'INVALID_CONFIG',
      message: /the model gives texts: string \[1, 3\]\. Declare the output as tensors/,
    });
  });

  it('are not made of outputs of another size, however large: nothing is walked', () => {
    const data = new Proxy(new Float32Array(4), {
      get: (_, property) => (property === 'length' ? 1e9 : assert.fail(`${String(property)} was read`)),
    });
    const outputs = { scores: { type: 'float32' as const, dims: [1, 1e9], data } };
    assert.throws(() => decodeOutputs(outputs, labels), /3 labels are declared.*float32 \[1, 1000000000\]/);
  });

  it('refuse to guess when the model gives something else than was declared', () => {
    assert.throws(() => decodeOutputs(scores([1, 2], 0.5, 0.5), labels), /3 labels are declared.*float32 \[1, 2\]/);
    const named = { ...labels, name: 'other' };
    assert.throws(() => decodeOutputs(scores([1, 3], 1, 2, 3), named), /declares the output "other".*scores/);
    assert.throws(
      () => decodeOutputs(scores([1, 2], 1, 2), { kind: 'value', name: null, unit: 'bar', tolerance: null }),
      {
        code: 'INVALID_CONFIG',
      },
    );
  });
});

describe('energy of one inference', () => {
  it('is CPU time over threads times the watts of the component; unknown where the law is', () => {
    assert.equal(inferenceEnergyJ(component(0), fullSpeed, 500), 5);
    assert.equal(inferenceEnergyJ({ ...component(0), threads: 2 }, fullSpeed, 500), 2.5);
    assert.equal(inferenceEnergyJ({ ...component(0), name: 'unheard-of' }, fullSpeed, 500), null);
  });
});
