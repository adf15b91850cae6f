import assert from 'node:assert/strict';
import { RunsUnderWay } from '../../../../src/inference/serving/runs-under-way';

describe('the runs under way', () => {
  it('say when the next one can begin at the earliest, and how many requests are being computed', () => {
    const runs = new RunsUnderWay();
    assert.deepEqual([runs.freeAtMs, runs.requests], [-Infinity, 0]);
    const first = runs.begin(2, 100, 10);
    const second = runs.begin(1, 104, 5);
    assert.deepEqual([runs.freeAtMs, runs.requests], [115, 3]);
    // The first took longer than ever; the second begins now.
    runs.end(first, 118);
    assert.deepEqual([runs.freeAtMs, runs.requests], [123, 1]);
    // It goes on elsewhere: the component is free.
    runs.leave(second, 121);
    runs.leave(second, 122);
    assert.deepEqual([runs.freeAtMs, runs.requests], [-Infinity, 1]);
    runs.end(second, 140);
    assert.deepEqual([runs.freeAtMs, runs.requests], [-Infinity, 0]);
  });
});
