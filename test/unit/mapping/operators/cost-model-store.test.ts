import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CostModelStore, type MeasuredClass } from '../../../../src/mapping/operators/cost-model-store';
import { learnOperatorCosts } from '../../../../src/mapping/operators/learn-costs';
import { Random } from '../../../../src/simulation/random';
import { profileOf, randomNetwork } from './support';

describe('kept costs of operators', () => {
  let directory: string;
  let warnings: string[];
  let store: CostModelStore;
  let found: MeasuredClass;

  before(() => {
    const random = new Random(1);
    const model = learnOperatorCosts(Array.from({ length: 8 }, () => profileOf(randomNetwork(random), random)));
    found = { model, referenceRuns: [{ model: 'small', macs: 1e6, latencyMs: 1, energyJ: 0.01, source: 'modelled' }] };
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-costs-'));
    warnings = [];
    store = new CostModelStore(directory, (text) => warnings.push(text));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function fileOf(ending: string): Promise<string> {
    const folder = join(directory, 'ecomap', 'operator-costs');
    const name = (await readdir(folder)).find((file) => file.endsWith(ending));
    return join(folder, name ?? '');
  }

  it('come back as they were, with a summary', async () => {
    assert.deepEqual([await store.of('made-up'), await store.summariesOf('made-up')], [[], []]);
    await store.put(found);
    assert.deepEqual(await store.of('made-up'), [found.model]);
    const [summary] = await store.summariesOf('made-up');
    assert.deepEqual(summary?.referenceRuns, found.referenceRuns);
    assert.deepEqual([summary.about.componentClass, summary.about.deviceFingerprint], ['cpu-1t', 'made-up']);
    assert.ok((await readFile(await fileOf('.summary.json'))).length < 5000);
    assert.deepEqual([await store.of('another'), await store.summariesOf('another')], [[], []]);
    assert.deepEqual(warnings, []);
  });

  it('are told apart for classes whose names differ in signs only', async () => {
    for (const componentClass of ['cpu 1', 'cpu/1'])
      await store.put({ ...found, model: { ...found.model, componentClass } });
    assert.deepEqual(
      (await store.of('made-up')).map(({ componentClass }) => componentClass),
      ['cpu 1', 'cpu/1'],
    );
  });

  it('are not used when half-written, of another layout, or damaged, and are said', async () => {
    await store.put(found);
    const path = await fileOf('.costs.json');
    const text = await readFile(path, 'utf8');
    const damaged = [
      text.slice(0, text.length / 2),
      text.replace('"layout":1', '"layout":2'),
      text.replace(/"powerW":[\d.]+/, '"powerW":null'),
      text.replace(/"law":\[/, '"law":[-1,'),
      '[]',
    ];
    for (const [index, content] of damaged.entries()) {
      assert.notEqual(content, text, `case ${index}`);
      await writeFile(path, content);
      assert.deepEqual(await store.of('made-up'), [], `case ${index}`);
      assert.equal(warnings.length, index + 1, `case ${index}`);
    }
    assert.equal((await store.summariesOf('made-up')).length, 1);
  });
});
