import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import tenant, { type TenantResource } from '../../nodes/tenant/tenant';
import { tenantConfig } from '../../nodes/tenant/config';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeContext } from '../../src/node-red/types';
import { doublingModel, writeModel } from '../support/onnx-builder';
import { startFlow, stopFlow, watchers } from '../support/node-helper';

let user: NodeContext<{ tenant1: string }> | null = null;
/** Stands for any node that refers to a tenant. */
const userNode = defineNode({
  type: 'ecomap-test-user',
  config: z.object({ tenant1: z.string() }),
  start(node) {
    user = node;
    return {};
  },
});

describe('tenant node', () => {
  let directory: string;
  let model: { path: string; sha256: string };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-tenant-'));
    await mkdir(join(directory, 'models'));
    model = await writeModel(join(directory, 'models'), 'good.onnx', doublingModel([1, 3]));
  });
  after(() => rm(directory, { recursive: true, force: true }));
  afterEach(stopFlow);

  const deploy = async (config: object, settings: object = {}) => {
    user = null;
    await startFlow(
      [tenant, userNode],
      [
        { id: 't', type: 'ecomap-tenant', ...config },
        { id: 'u', type: 'ecomap-test-user', z: 'tab', tenant1: 't', wires: [] },
        ...watchers(['u']),
      ],
      { settings },
    );
    return { resource: resourceOf };
  };
  const resourceOf = (): TenantResource => {
    assert.ok(user);
    return user.resource<TenantResource>('t', 'tenant');
  };
  const own = (variants: readonly object[], more: object = {}) => ({ name: 'mine', source: 'own', variants, ...more });
  const good = () => ({ name: 'good', path: model.path, accuracy: '0.9', sha256: model.sha256 });

  it('gives a demonstration family with its limits, and finds its files in order', async () => {
    const { resource } = await deploy({ source: 'gauge', latencyLimitMs: '40', priority: '2' });
    const given = resource();
    assert.deepEqual(await given.checked, []);
    assert.deepEqual(
      [given.tenant.name, given.tenant.family, given.tenant.latencyLimitMs, given.tenant.priority],
      ['gauge', 'gauge', 40, 2],
    );
    assert.equal(given.tenant.variants.length, 4);
    assert.equal(given.tenant.output.kind, 'value');
  });

  it('gives own models with their declarations', async () => {
    const { resource } = await deploy(
      own([good()], {
        inputDims: '1, 3',
        outputKind: 'label',
        labels: 'a, b\nc',
        overrideMode: 'pin',
        pinnedVariant: 'good',
      }),
    );
    const { tenant: given, checked } = resource();
    assert.deepEqual(await checked, []);
    assert.deepEqual(given.input, { name: null, type: 'float32', dims: [1, 3] });
    assert.deepEqual(given.output, { kind: 'label', name: null, labels: ['a', 'b', 'c'] });
    assert.deepEqual(given.override, { mode: 'pin', variant: 'good' });
    assert.deepEqual(given.variants, [{ name: 'good', path: model.path, accuracy: 0.9, sha256: model.sha256 }]);
  });

  it('finds out which file is missing, no model or another one', async () => {
    const text = join(directory, 'text.onnx');
    await writeFile(text, '<html>not found</html>');
    const { resource } = await deploy(
      own([
        good(),
        { name: 'absent', path: join(directory, 'absent.onnx'), accuracy: 0.5 },
        { name: 'text', path: text, accuracy: 0.4 },
        { name: 'other', path: model.path, accuracy: 0.3, sha256: '0'.repeat(64) },
      ]),
    );
    const codes = (await resource().checked).map(({ code }) => code);
    assert.deepEqual(codes, ['MODEL_NOT_FOUND', 'MODEL_INVALID', 'MODEL_HASH_MISMATCH']);
    assert.equal(resource().tenant.variants.length, 4);
  });

  it('takes models only from the roots that settings.js allows', async () => {
    const inside = { ecomap: { modelRoots: [join(directory, 'models')] } };
    const outside = { ecomap: { modelRoots: [join(directory, 'elsewhere')] } };
    assert.deepEqual(await (await deploy(own([good()]), inside)).resource().checked, []);
    await stopFlow();
    const { resource } = await deploy(own([good()]), outside);
    assert.throws(resource, { code: 'INVALID_CONFIG', message: /outside the directories/ });
    await stopFlow();
    assert.deepEqual(await (await deploy({ source: 'gauge' }, outside)).resource().checked, []);
  });

  const wrong: Record<string, [config: object, message: RegExp]> = {
    'no name': [{ source: 'own', variants: [{ name: 'a', path: '/a.onnx', accuracy: 1 }] }, /has no name/],
    'no variant': [{ source: 'own', name: 'mine', variants: [] }, /variants/],
    'an accuracy above 1': [
      { source: 'own', name: 'mine', variants: [{ name: 'a', path: '/a', accuracy: 97 }] },
      /accuracy/,
    ],
    'a shape of text': [{ source: 'own', name: 'mine', inputDims: 'wide', variants: [] }, /not a shape/],
    'a limit of nothing': [{ source: 'gauge', latencyLimitMs: '0' }, /latencyLimitMs/],
    'a pin to nothing': [
      { source: 'gauge', overrideMode: 'pin', pinnedVariant: 'huge' },
      /pinned to the variant "huge"/,
    ],
  };
  for (const [what, [config, message]] of Object.entries(wrong)) {
    it(`with ${what} does not start, and says why to those who use it`, async () => {
      const { resource } = await deploy(config);
      assert.throws(resource, { code: 'INVALID_CONFIG', message });
    });
  }

  it('reads flows of other days: numbers as text, fields missing or empty', () => {
    const config = tenantConfig.parse({ latencyLimitMs: '', priority: '3', inputDims: '1x3x8x8', tolerance: '' });
    assert.deepEqual(
      [config.source, config.latencyLimitMs, config.priority, config.tolerance],
      ['inspect', 100, 3, null],
    );
    assert.deepEqual(config.inputDims, [1, 3, 8, 8]);
  });
});
