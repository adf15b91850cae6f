import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demonstrationFamily } from '../../../src/models/family-card';
import { packageRoot } from '../../../src/models/package-root';
import { demonstrationTenant, tenantOfOwnModels } from '../../../src/models/tenant-from-config';
import { eligibleVariants } from '../../../src/signals/tenant';

const terms = {
  name: 'line 1',
  latencyLimitMs: 50,
  priority: 2,
  leastAccuracy: 0,
  arrivalRatePerS: 4,
  override: { mode: 'auto' as const },
};

const card = {
  schema: 1,
  family: 'gauge',
  title: 'Dials',
  input: { name: 'image', type: 'float32', dims: [1, 1, 96, 96] },
  output: { name: 'reading', kind: 'value', unit: 'share', tolerance: 0.02 },
  accuracyMetric: 'within tolerance',
  variants: ['tiny', 'large'].map((name, index) => ({
    name,
    file: `${name}.onnx`,
    sha256: String(index).repeat(64),
    accuracy: 0.7 + 0.2 * index,
    accuracySamples: 100,
    accuracySeed: 7,
    parameters: 10,
    macs: 100,
    bytes: 1000,
    latencyMs: { median: 1, machine: 'test' },
  })),
};

describe('tenants', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'ecomap-families-'));
    await mkdir(join(root, 'models', 'gauge'), { recursive: true });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const write = (content: unknown) =>
    writeFile(
      join(root, 'models', 'gauge', 'family.json'),
      typeof content === 'string' ? content : JSON.stringify(content),
    );

  it('of a demonstration family take everything from its card, most accurate first', async () => {
    await write(card);
    const tenant = demonstrationTenant('gauge', terms, root);
    assert.deepEqual(tenant.variants, [
      {
        name: 'large',
        path: join(root, 'models/gauge/large.onnx'),
        accuracy: 0.8999999999999999,
        sha256: '1'.repeat(64),
      },
      { name: 'tiny', path: join(root, 'models/gauge/tiny.onnx'), accuracy: 0.7, sha256: '0'.repeat(64) },
    ]);
    assert.deepEqual(tenant.input, { name: 'image', type: 'float32', dims: [1, 1, 96, 96], image: null });
    assert.deepEqual(tenant.output, { kind: 'value', name: 'reading', unit: 'share', tolerance: 0.02 });
    assert.deepEqual([tenant.name, tenant.family, tenant.priority], ['line 1', 'gauge', 2]);
  });

  it('of a family whose card is missing or wrong are refused, with what is wrong', async () => {
    const make = () => demonstrationTenant('gauge', terms, root);
    assert.throws(make, { code: 'MODEL_NOT_FOUND', message: /family\.json cannot be read/ });
    await write('{');
    assert.throws(make, { code: 'MODEL_INVALID', message: /is no JSON/ });
    await write({ ...card, variants: [{ ...card.variants[0], file: '../../escape.onnx' }] });
    assert.throws(make, { code: 'MODEL_INVALID', message: /variants\.0\.file/ });
  });

  it('of own models resolve paths, and refuse doubles and pins to nothing', () => {
    const variant = (name: string, path: string) => ({ name, path, accuracy: 0.5, sha256: null });
    const models = (...variants: ReturnType<typeof variant>[]) => ({
      variants,
      input: {},
      output: { kind: 'tensors' },
    });
    const tenant = tenantOfOwnModels(models(variant('a', 'nets/a.onnx'), variant('b', '/abs/b.onnx')), terms, '/base');
    assert.deepEqual(
      tenant.variants.map(({ path }) => path),
      ['/base/nets/a.onnx', '/abs/b.onnx'],
    );
    assert.throws(() => tenantOfOwnModels(models(), terms, '/base'), { code: 'INVALID_CONFIG' });
    assert.throws(
      () => tenantOfOwnModels(models(variant('a', 'x'), variant('a', 'y')), terms, '/'),
      /two variants "a"/,
    );
    const pinned = { ...terms, override: { mode: 'pin' as const, variant: 'c' } };
    assert.throws(
      () => tenantOfOwnModels(models(variant('a', 'x')), pinned, '/'),
      /pinned to the variant "c", but has a/,
    );
    const held = tenantOfOwnModels(
      models(variant('a', 'x'), variant('b', 'y')),
      { ...pinned, override: { mode: 'pin', variant: 'b' } },
      '/',
    );
    assert.deepEqual(
      eligibleVariants(held).map(({ name }) => name),
      ['b'],
    );
  });

  it('that are shipped have cards that hold', () => {
    const { card: shipped, directory } = demonstrationFamily('gauge');
    assert.equal(shipped.family, 'gauge');
    assert.ok(directory.startsWith(packageRoot()));
  });
});
