import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import tenant, { type TenantResource } from '../../nodes/tenant/tenant';
import { tenantConfig } from '../../nodes/tenant/config';
import { imageOf } from '../../nodes/tenant/image';
import type { ModelDescription } from '../../src/models/description/model-description';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeContext } from '../../src/node-red/types';
import { servingSchema } from '../../src/signals/tenant';
import { doublingModel, writeModel } from '../support/onnx-builder';
import { helper, startFlow, stopFlow, watchers } from '../support/node-helper';

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

  it('takes accuracy and costs from a measured profile, and says which rows it cannot use', async () => {
    const header = 'family,variant,accuracy,operating_point,latency_ms,power_w';
    const file = join(directory, 'costs.csv');
    await writeFile(file, [header, 'parts,good,0.83,fast,12,20', 'parts,good,83,slow,20,12'].join('\n'));
    const { resource } = await deploy(own([good()], { profileFile: file }));
    const { tenant: given, imported } = resource();
    assert.equal(given.variants[0]?.accuracy, 0.83);
    assert.equal(imported?.file, 'costs.csv');
    assert.deepEqual(
      imported?.profiles.map(({ latencyMs }) => latencyMs),
      [12],
    );
  });

  it('refuses a profile that tells nothing of its variants', async () => {
    const file = join(directory, 'others.csv');
    await writeFile(file, 'family,variant,accuracy,operating_point,latency_ms,power_w\nparts,other,0.8,fast,12,20\n');
    await deploy(own([good()], { profileFile: file }));
    assert.throws(resourceOf);
  });

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
    assert.deepEqual([given.input.name, given.input.dims, given.input.image], [null, [1, 3], null]);
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

  it('serves a demonstration family and own models as the form says', async () => {
    const form = {
      queueLength: '8',
      weight: '2.5',
      whenFull: 'downgrade',
      whenLate: 'wait',
      drop: 'oldest',
      largestBatch: '16',
      batchDelayMs: '5',
    };
    const serving = { ...form, queueLength: 8, weight: 2.5, largestBatch: 16, batchDelayMs: 5 };
    assert.deepEqual((await deploy({ source: 'gauge', ...form })).resource().tenant.serving, serving);
    await stopFlow();
    assert.deepEqual((await deploy(own([good()], form))).resource().tenant.serving, serving);
    await stopFlow();
    assert.deepEqual((await deploy({ source: 'gauge' })).resource().tenant.serving, servingSchema.parse({}));
  });

  it('makes images the input: of a family by its card, of own models by what the form says', async () => {
    const family = (await deploy({ source: 'inspect', inputKind: 'image' })).resource().tenant.input;
    assert.deepEqual(family.dims, [1, 1, 96, 96]);
    assert.deepEqual(family.image, {
      width: 96,
      height: 96,
      channels: 'grey',
      layout: 'nchw',
      fit: 'stretch',
      scale: 1 / 255,
      mean: [0],
      deviation: [1],
    });
    await stopFlow();
    const imageNet = { imageMean: '0.485 0.456 0.406', imageDeviation: '0.229, 0.224, 0.225', imageScale: '1/255' };
    const form = { inputKind: 'image', imageWidth: '224', imageHeight: '192', imageFit: 'cover', ...imageNet };
    const { image } = (await deploy(own([good()], form))).resource().tenant.input;
    assert.deepEqual(image, {
      width: 224,
      height: 192,
      channels: 'rgb',
      layout: 'nchw',
      fit: 'cover',
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      deviation: [0.229, 0.224, 0.225],
    });
  });

  const shapes: [dims: number[], layout: 'auto' | 'nchw' | 'nhwc', size: (number | string)[]][] = [
    [[1, 3, 224, 192], 'auto', [192, 224, 'rgb', 'nchw']],
    [[1, 224, 192, 3], 'auto', [192, 224, 'rgb', 'nhwc']],
    [[1, 32, 16, 1], 'auto', [16, 32, 'grey', 'nhwc']],
    [[1, 3, 8, 3], 'auto', [3, 8, 'rgb', 'nchw']],
    [[1, 3, 8, 3], 'nhwc', [8, 3, 'rgb', 'nhwc']],
  ];
  for (const [dims, imageLayout, size] of shapes) {
    it(`reads [${dims.join(', ')}], ${imageLayout}, as the shape of an image`, () => {
      const image = imageOf(tenantConfig.parse({ imageLayout }), dims);
      assert.deepEqual([image.width, image.height, image.channels, image.layout], size);
    });
  }

  const wrong: Record<string, [config: object, message: RegExp]> = {
    'no name': [{ source: 'own', variants: [{ name: 'a', path: '/a.onnx', accuracy: 1 }] }, /has no name/],
    'no variant': [{ source: 'own', name: 'mine', variants: [] }, /variants/],
    'an accuracy above 1': [
      { source: 'own', name: 'mine', variants: [{ name: 'a', path: '/a', accuracy: 97 }] },
      /accuracy/,
    ],
    'a shape of text': [{ source: 'own', name: 'mine', inputDims: 'wide', variants: [] }, /not a shape/],
    'a limit of nothing': [{ source: 'gauge', latencyLimitMs: '0' }, /latencyLimitMs/],
    'an image of unknown size': [
      { source: 'own', name: 'mine', inputKind: 'image', variants: [] },
      /size of the images/,
    ],
    'images for a signal': [{ source: 'vibration', inputKind: 'image', imageWidth: 8, imageHeight: 8 }, /do not make/],
    'images of another size': [{ source: 'inspect', inputKind: 'image', imageWidth: '224' }, /\[1, 1, 96, 96\]/],
    'colours for a grey input': [{ source: 'inspect', inputKind: 'image', imageChannels: 'rgb' }, /3 channels/],
    'a mean of text': [{ source: 'inspect', inputKind: 'image', imageMean: 'dark' }, /imageMean: not numbers/],
    'two means for three channels': [
      {
        source: 'own',
        name: 'mine',
        inputKind: 'image',
        inputDims: '1,3,8,8',
        imageMean: '0.1 0.2',
        variants: [{ name: 'a', path: '/a', accuracy: 1 }],
      },
      /input.image.mean: expected one number, or 3/,
    ],
    'a scale of 0': [{ source: 'inspect', inputKind: 'image', imageScale: '0/255' }, /imageScale: not a factor/],
    'a batch of nothing': [{ source: 'gauge', largestBatch: '0' }, /largestBatch/],
    'a queue of a half': [{ source: 'gauge', queueLength: '0.5' }, /queueLength/],
    'an unheard-of answer to a full queue': [{ source: 'gauge', whenFull: 'explode' }, /whenFull/],
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

  describe('model info', function () {
    this.timeout(30_000);
    const ask = async (variant: object) => {
      const answer = await helper.request().post('/ecomap/tenant/describe').send(variant);
      return { status: answer.status, body: answer.body as Partial<ModelDescription> & { code?: string } };
    };

    it('describes a file that no tenant uses yet, its path relative or not', async () => {
      await deploy({ source: 'gauge' });
      const { status, body } = await ask({ path: model.path, sha256: '', inputDims: '' });
      assert.deepEqual([status, body.sha256, body.inputs?.[0]?.dims], [200, model.sha256, [1, 3]]);
      assert.equal((await ask({ path: 'models/none.onnx' })).body.code, 'MODEL_NOT_FOUND');
      assert.equal((await ask({ path: model.path, sha256: '0'.repeat(64) })).body.code, 'MODEL_HASH_MISMATCH');
    });

    it('opens no file outside of the roots, whatever the path looks like', async () => {
      const secret = join(directory, 'secret.onnx');
      await writeFile(secret, await readFile(model.path));
      const link = join(directory, 'models', 'link.onnx');
      await symlink(secret, link);
      await deploy({ source: 'gauge' }, { ecomap: { modelRoots: [join(directory, 'models')] } });
      assert.equal((await ask({ path: model.path })).status, 200);
      for (const path of [secret, link, join(directory, 'models/../secret.onnx'), '/etc/passwd']) {
        const { status, body } = await ask({ path });
        assert.deepEqual([status, body.code, body.sha256], [400, 'MODEL_NOT_FOUND', undefined], path);
      }
    });

    it('knows the files of the demonstration families, and describes them whatever the roots are', async () => {
      await deploy({ source: 'gauge' }, { ecomap: { modelRoots: [] } });
      const { body } = await helper.request().get('/ecomap/tenant/family/vibration');
      const { inputDims, variants } = body as { inputDims: string; variants: { name: string; path: string }[] };
      assert.deepEqual(
        variants.map(({ name }) => name),
        ['large', 'medium', 'small', 'tiny'],
      );
      const { body: tiny } = await ask({ path: variants.at(-1)?.path, inputDims });
      assert.deepEqual([tiny.macs, tiny.runDims], [1464640, { acceleration: [1, 1, 2048] }]);
      assert.equal((await helper.request().get('/ecomap/tenant/family/..%2F..')).status, 400);
    });

    it('says that no cost is known where no operators were measured, and opens no other files for it', async () => {
      await deploy({ source: 'gauge' }, { ecomap: { modelRoots: [join(directory, 'models')] } });
      const predict = async (variant: object) => {
        const { status, body } = await helper.request().post('/ecomap/tenant/predict').send(variant);
        return { status, body: body as { costs?: unknown[]; warnings?: string[]; code?: string } };
      };
      assert.deepEqual((await predict({ path: model.path })).body, { costs: [], warnings: [] });
      assert.equal((await predict({ path: '/etc/passwd' })).body.code, 'MODEL_NOT_FOUND');
      assert.equal((await predict({ path: model.path, sha256: '0'.repeat(64) })).body.code, 'MODEL_HASH_MISMATCH');
      assert.equal((await predict({ path: 7 })).body.code, 'INVALID_CONFIG');
    });

    it('refuses what is no request', async () => {
      await deploy({ source: 'gauge' });
      for (const variant of [
        {},
        { path: '' },
        { path: 7 },
        { path: model.path, inputDims: 'wide' },
        { path: model.path, sha256: 'x' },
      ]) {
        assert.deepEqual((await ask(variant)).body.code, 'INVALID_CONFIG', JSON.stringify(variant));
      }
    });
  });

  it('reads flows of other days: numbers as text, fields missing or empty', () => {
    const config = tenantConfig.parse({ latencyLimitMs: '', priority: '3', inputDims: '1x3x8x8', tolerance: '' });
    assert.deepEqual(
      [config.source, config.latencyLimitMs, config.priority, config.tolerance],
      ['inspect', 100, 3, null],
    );
    assert.deepEqual(config.inputDims, [1, 3, 8, 8]);
    const { queueLength, weight, inputKind, inputType, nonFiniteInput, imageScale } = config;
    assert.deepEqual(
      [queueLength, weight, inputKind, inputType, nonFiniteInput, imageScale],
      [null, 1, 'numbers', 'model', 'pass', 1 / 255],
    );
    assert.equal(tenantConfig.parse({ queueLength: '', imageScale: '' }).imageScale, 1 / 255);
  });
});
