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

  async function onlyFile(): Promise<string> {
    const folder = join(directory, 'ecomap', 'operator-costs');
    const [name] = await readdir(folder);
    return join(folder, name ?? '');
  }

  it('come back as they were, by component class', async () => {
    assert.deepEqual(await store.all(), []);
    await store.put(found);
    assert.deepEqual(await store.get('made-up', 'cpu-1t'), found);
    assert.deepEqual(await store.all(), [found]);
    assert.equal(await store.get('made-up', 'cpu-2t'), null);
    assert.equal(await store.get('another', 'cpu-1t'), null);
    assert.deepEqual(warnings, []);
  });

  it('are told apart for classes whose names differ in signs only', async () => {
    for (const componentClass of ['cpu 1', 'cpu/1'])
      await store.put({ ...found, model: { ...found.model, componentClass } });
    assert.equal((await store.all()).length, 2);
  });

  it('are not used when half-written, of another layout, or damaged, and are said', async () => {
    await store.put(found);
    const path = await onlyFile();
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
      assert.equal(await store.get('made-up', 'cpu-1t'), null, `case ${index}`);
      assert.equal(warnings.length, index + 1, `case ${index}`);
    }
  });
});
