import assert from 'node:assert/strict';
import { chooseStages } from '../../../src/mapping/profiles/cut-choice';
import type { ModelCounts } from '../../../src/mapping/profiles/operations';

/** A model of 1 GFLOP and 10 MB with cuts at these shares of both; each hands over so many bytes. */
const model = (...cuts: [share: number, bytes: number][]): ModelCounts => ({
  gigaflop: 1,
  gigabytes: 0.01,
  inputBytes: 1000,
  inputDims: {},
  cuts: cuts.map(([share, crossingBytes], index) => ({
    firstNode: index + 1,
    gigaflopBefore: share,
    gigabytesBefore: share * 0.01,
    crossingBytes,
    crossingDims: {},
  })),
});
const firstNodes = (counts: ModelCounts, wholeMs = 20, mostStages = 2) =>
  chooseStages(counts, wholeMs, mostStages).map(({ firstNode }) => firstNode);

describe('the choice of cuts', () => {
  it('halves the work, and says where each stage begins and ends', () => {
    const counts = model([0.2, 1000], [0.55, 1000], [0.7, 1000]);
    assert.deepEqual(chooseStages(counts, 20, 2), [
      { firstNode: 0, endNode: 2 },
      { firstNode: 2, endNode: null },
    ]);
  });

  it('takes the cut that hands over less where the work is split alike, or where handing over costs more than it saves', () => {
    assert.deepEqual(firstNodes(model([0.5, 800_000], [0.5, 1000], [0.501, 900])), [0, 3]);
    // 44 MB take 10 ms: half the whole.
    assert.deepEqual(firstNodes(model([0.5, 44_000_000], [0.65, 1000])), [0, 2]);
  });

  it('leaves a variant in one piece where no cut splits it well, it is small, or stages are not wanted', () => {
    assert.deepEqual(firstNodes(model([0.1, 1000], [0.9, 1000])), []);
    assert.deepEqual(firstNodes(model([0.5, 100_000_000])), []);
    assert.deepEqual(firstNodes(model([0.5, 1000]), 1.9), []);
    assert.deepEqual(firstNodes(model([0.5, 1000]), 20, 1), []);
    assert.deepEqual(firstNodes(model()), []);
  });

  it('takes a third stage only where it shortens the longest one', () => {
    assert.deepEqual(firstNodes(model([0.33, 1000], [0.5, 1000], [0.67, 1000]), 20, 3), [0, 1, 3]);
    assert.deepEqual(firstNodes(model([0.5, 1000], [0.55, 1000]), 20, 3), [0, 1]);
  });
});
