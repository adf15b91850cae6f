import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultHostEntry } from '../../../src/inference/hosting/host-entry';
import { ModelInspectorProcess } from '../../../src/inference/model-inspector';
import { modelDescriptionSchema } from '../../../src/models/description/model-description';
import { demonstrationFamilies, demonstrationFamily } from '../../../src/models/family-card';
import { parseModel } from '../../../src/models/onnx/model';
import { hostEntryWith } from './hosting/misbehaving-host';
import { doublingModel, onnxModel, pairModel, slowModel, writeModel } from '../../support/onnx-builder';

describe('descriptions of models', function () {
  this.timeout(60_000);
  let directory: string;
  let warnings: string[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-inspector-'));
    warnings = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const inspectorOf = (entry = defaultHostEntry()) =>
    new ModelInspectorProcess({ stateDirectory: directory, hostEntry: entry, warn: (text) => warnings.push(text) });
  const describeModel = async (model: Buffer, dims: number[] | null = null) => {
    const { path } = await writeModel(directory, 'model.onnx', model);
    return inspectorOf().describe({ path, sha256: null, dims });
  };

  for (const name of demonstrationFamilies) {
    it(`of the family ${name} agree with its card`, async () => {
      const inspector = inspectorOf();
      const { card, directory: folder } = demonstrationFamily(name);
      for (const variant of card.variants) {
        const path = join(folder, variant.file);
        const description = await inspector.describe({ path, sha256: variant.sha256, dims: card.input.dims });
        assert.deepEqual(
          [description.macs, description.fileBytes, description.sha256, description.batchOpen, description.warnings],
          [variant.macs, variant.bytes, variant.sha256, true, []],
        );
        assert.equal(trainedParameters(await readFile(path), description.parameters), variant.parameters);
        assert.deepEqual(description.inputs, [
          { name: card.input.name, type: 'float32', dims: ['batch', ...card.input.dims.slice(1)] },
        ]);
        const shares = description.cuts.map(({ macsBefore }) => macsBefore ?? Number.NaN);
        assert.deepEqual(
          shares,
          [...shares].sort((a, b) => a - b),
        );
        assert.ok(description.cuts.every(({ bytes, crossing }) => bytes !== null && crossing.length <= 2));
        assert.ok(
          shares.some((share) => share > 0.2 && share < 0.8),
          `${name} ${variant.name} has no cut near the middle`,
        );
      }
    });
  }

  it('list inputs, outputs, operators and cuts of what was made for the purpose', async () => {
    const description = await describeModel(slowModel(4, 3));
    assert.deepEqual(description.operators, [{ name: 'MatMul', domain: '', count: 3 }]);
    assert.deepEqual(description.outputs, [{ name: 'y', type: 'float32', dims: [4, 4] }]);
    assert.deepEqual([description.macs, description.parameters, description.batchOpen], [192, 0, false]);
    assert.deepEqual([description.irVersion, description.opsets], [8, [{ domain: '', version: 13 }]]);
    assert.deepEqual(
      description.cuts.map(({ firstNode, bytes, macsBefore }) => [firstNode, bytes, macsBefore]),
      [
        [1, 64, 1 / 3],
        [2, 64, 2 / 3],
      ],
    );
    const pair = await describeModel(pairModel(3));
    assert.deepEqual([pair.inputs.length, pair.outputs.length, pair.macs, pair.cuts[0]?.macsBefore], [2, 2, 0, null]);
  });

  it('take open dimensions from what the tenant declares, else as 1', async () => {
    const open = onnxModel({
      nodes: [{ op: 'MatMul', inputs: ['x', 'x'], output: 'y' }],
      inputs: [{ name: 'x', dims: ['n', 'n'] }],
      outputs: [{ name: 'y', dims: ['n', 'n'] }],
    });
    const narrow = await describeModel(open);
    const wide = await describeModel(open, [5, 5]);
    assert.deepEqual([narrow.macs, narrow.runDims], [1, { x: [1, 1] }]);
    assert.deepEqual([wide.macs, wide.runDims, wide.batchOpen], [125, { x: [5, 5] }, true]);
  });

  const doubling: Parameters<typeof onnxModel>[0] = {
    nodes: [{ op: 'Add', inputs: ['x', 'x'], output: 'y' }],
    inputs: [{ name: 'x', dims: [1, 3] }],
    outputs: [{ name: 'y', dims: [1, 3] }],
  };

  it('count the weights of a file, not its shapes and indices', async () => {
    const description = await describeModel(
      onnxModel({
        nodes: [
          { op: 'MatMul', inputs: ['x', 'w'], output: 'p' },
          { op: 'Reshape', inputs: ['p', 'shape'], output: 'y' },
        ],
        inputs: [{ name: 'x', dims: [2, 3] }],
        outputs: [{ name: 'y', dims: [4, 2] }],
        weights: {
          w: { dims: [3, 4], data: new Float32Array(12) },
          shape: { dims: [2], data: new BigInt64Array([4n, 2n]) },
        },
      }),
    );
    assert.deepEqual([description.parameters, description.parameterBytes, description.macs], [12, 48, 24]);
  });

  it('count weights beside the file, and name the files', async () => {
    const data = Buffer.from(new Float32Array([1, 2, 3]).buffer);
    await writeFile(join(directory, 'weights.bin'), data);
    const model = onnxModel({
      nodes: [{ op: 'Add', inputs: ['x', 'w'], output: 'y' }],
      inputs: [{ name: 'x', dims: [1, 3] }],
      outputs: [{ name: 'y', dims: [1, 3] }],
      weights: { w: { dims: [3], data: new Float32Array(), external: { location: 'weights.bin' } } },
    });
    const description = await describeModel(model);
    assert.deepEqual(description.externalFiles, ['weights.bin']);
    assert.deepEqual([description.parameters, description.fileBytes], [3, model.length + data.length]);
    assert.equal(description.sha256, createHash('sha256').update(model).update(data).digest('hex'));
    assert.deepEqual(description.warnings, []);
  });

  it('say what is wrong with a model that does not load or run, and what is known all the same', async () => {
    const unheard = await describeModel(
      onnxModel({
        nodes: [{ op: 'Frobnicate', inputs: ['x'], output: 'y' }],
        inputs: [{ name: 'x', dims: [1, 3] }],
        outputs: [{ name: 'y', dims: [1, 3] }],
      }),
    );
    assert.deepEqual(
      unheard.warnings.map(({ kind }) => kind),
      ['not-loadable'],
    );
    assert.match(unheard.warnings[0]?.text ?? '', /Frobnicate/);
    assert.deepEqual([unheard.macs, unheard.runDims, unheard.inputs.length], [null, null, 1]);
    const custom = await describeModel(
      onnxModel({
        nodes: [{ op: 'Frobnicate', domain: 'example.org', inputs: ['x'], output: 'y' }],
        domains: { 'example.org': 1 },
        inputs: [{ name: 'x', dims: [1, 3] }],
        outputs: [{ name: 'y', dims: [1, 3] }],
      }),
    );
    assert.deepEqual(
      custom.warnings.map(({ kind }) => kind),
      ['custom-operators', 'uncounted-operators', 'not-loadable'],
    );
    assert.match(custom.warnings[0]?.text ?? '', /example\.org\.Frobnicate/);
    const tooNew = await describeModel(onnxModel({ ...doubling, opset: 99 }));
    assert.match(tooNew.warnings[0]?.text ?? '', /operator set 99/);
    assert.deepEqual(tooNew.opsets, [{ domain: '', version: 99 }]);
    const misfit = await describeModel(doublingModel([1, 3]), [1, 8]);
    assert.deepEqual(
      misfit.warnings.map(({ kind }) => kind),
      ['not-run'],
    );
    assert.equal(misfit.macs, null);
  });

  it('are made once per file and shape, and kept on disk', async () => {
    const { path, sha256 } = await writeModel(directory, 'model.onnx', doublingModel(['n', 3]));
    const first = await inspectorOf().describe({ path, sha256, dims: null });
    const broken = { script: join(directory, 'no-such-host.js'), execArgv: [] };
    assert.deepEqual(await inspectorOf(broken).describe({ path, sha256, dims: null }), first);
    await assert.rejects(inspectorOf(broken).describe({ path, sha256, dims: [2, 3] }), { code: 'HOST_CRASHED' });
    const [file] = await readdir(join(directory, 'ecomap', 'model-descriptions'));
    const kept = join(directory, 'ecomap', 'model-descriptions', file ?? '');
    assert.deepEqual(modelDescriptionSchema.parse(JSON.parse(await readFile(kept, 'utf8'))), first);
    assert.deepEqual(warnings, []);
    await writeFile(kept, '{"half":');
    assert.deepEqual(await inspectorOf().describe({ path, sha256, dims: null }), first);
    assert.equal(warnings.length, 1);
  });

  it('end with their process when they take more memory than they may', async () => {
    const hostEntry = await hostEntryWith(
      directory,
      'greedy',
      `let kept;
       onCommand(() => {
         kept = Buffer.alloc(300 * 1024 * 1024, 1);
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       });`,
    );
    const { path } = await writeModel(directory, 'model.onnx', doublingModel([1, 3]));
    const inspector = new ModelInspectorProcess({
      stateDirectory: directory,
      hostEntry,
      memoryLimitBytes: 200 * 1024 * 1024,
    });
    await assert.rejects(inspector.describe({ path, sha256: null, dims: null }), {
      code: 'HOST_CRASHED',
      message: /grew to \d+ MB, beyond its memory limit of 200 MB, and was stopped\.$/,
    });
  });

  it('end with their process when nobody wants them any more', async () => {
    const begun = join(directory, 'begun');
    const hostEntry = await hostEntryWith(
      directory,
      'hanging',
      `onCommand(() => {
         require('node:fs').writeFileSync(${JSON.stringify(begun)}, String(process.pid));
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       });`,
    );
    const { path } = await writeModel(directory, 'model.onnx', doublingModel([1, 3]));
    const abort = new AbortController();
    const inspector = new ModelInspectorProcess({ stateDirectory: directory, hostEntry, signal: abort.signal });
    const request = { path, sha256: null, dims: null };
    const rejections = Promise.all([
      assert.rejects(inspector.describe(request), { code: 'NODE_CLOSED' }),
      assert.rejects(inspector.describe(request), { name: 'AbortError' }),
    ]);
    const pidOf = async (): Promise<number> => Number(await readFile(begun, 'utf8').catch(() => ''));
    while ((await pidOf()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const pid = await pidOf();
    abort.abort();
    await rejections;
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('are refused for what is missing, no model, or another one', async () => {
    const inspector = inspectorOf();
    const { path } = await writeModel(directory, 'model.onnx', doublingModel([1, 3]));
    const text = join(directory, 'text.onnx');
    await writeFile(text, '<html>');
    const refused = (request: { path: string; sha256?: string }, code: string) =>
      assert.rejects(inspector.describe({ sha256: null, dims: null, ...request }), { code });
    await refused({ path: join(directory, 'absent.onnx') }, 'MODEL_NOT_FOUND');
    await refused({ path: text }, 'MODEL_INVALID');
    await refused({ path, sha256: '0'.repeat(64) }, 'MODEL_HASH_MISMATCH');
    assert.equal((await inspector.describe({ path, sha256: null, dims: null })).inputs.length, 1);
  });
});

/**
 * What was trained, from what the file holds: normalisation was folded into convolutions at export, which left one number per
 * output channel (a bias, under a name that the exporter made up) where training had two; and the tables that only Mul reads
 * were never trained.
 */
function trainedParameters(file: Buffer, inFile: number): number {
  const { nodes, initializers } = parseModel(file).graph;
  const inputsOf = (opType: string) => nodes.filter((node) => node.opType === opType).map(({ inputs }) => inputs);
  const folded = new Set(inputsOf('Conv').flatMap(([, , bias]) => (bias?.startsWith('onnx::Conv') ? bias : [])));
  const tables = new Set(inputsOf('Mul').flat());
  const elementsOf = (names: ReadonlySet<string>): number =>
    initializers.reduce((sum, { name, tensor }) => sum + (names.has(name) ? (tensor?.elements ?? 0) : 0), 0);
  return inFile - elementsOf(tables) + elementsOf(folded);
}
