import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelSession } from '../../../src/inference/host/model-session';
import { onnxModel, pairModel, scoringModel, type ModelDescription } from '../../support/onnx-builder';

const dims = ['batch', 4];
const relu = (from: string, output: string) => ({ op: 'Relu', inputs: [from], output });
const product = { op: 'MatMul', inputs: ['x', 'w'], output: 'y' };
const sixteen = new Float32Array(16);

const settings = { threads: 1, provider: 'cpu', providerOptions: {} };

describe('models that cannot be loaded are refused with what is wrong and what to do', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-refused-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  function refuses(what: string, model: Partial<ModelDescription> | Buffer, message: RegExp): void {
    it(what, async () => {
      const ends = { inputs: [{ name: 'x', dims }], outputs: [{ name: 'y', dims }], nodes: [relu('x', 'y')] };
      const path = join(directory, 'model.onnx');
      await writeFile(path, Buffer.isBuffer(model) ? model : onnxModel({ ...ends, ...model }));
      await assert.rejects(ModelSession.load(path, null, settings), (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'MODEL_INVALID');
        assert.match(error.message, message);
        assert.ok(error.message.includes(path), error.message);
        return true;
      });
    });
  }

  const valid = onnxModel({ inputs: [{ name: 'x', dims }], outputs: [{ name: 'y', dims }], nodes: [relu('x', 'y')] });
  refuses('a file that was cut short', scoringModel(20, 4).subarray(0, -30), /damaged.*Export or copy it again/);
  refuses('an operator set of the future', { opset: 99 }, /operator set 99.*Export it with a lower one/);
  refuses('an operator set of the past', { opset: 1 }, /cannot compute Relu.*operator set 13 or higher/);
  refuses(
    'a file format of the future',
    Buffer.concat([Buffer.from([8, 99]), valid.subarray(2)]),
    /version 99 of the file format, .* reads up to \d+\. Export it with a lower one/,
  );
  refuses(
    'a custom operator',
    { nodes: [{ ...relu('x', 'y'), domain: 'acme' }], domains: { acme: 1 } },
    /custom operator.*Export it with standard operators/,
  );
  refuses(
    'a custom operator whose domain is not declared',
    { nodes: [{ ...relu('x', 'y'), domain: 'acme' }] },
    /custom/,
  );
  refuses(
    'an operator that does not exist',
    { nodes: [{ ...relu('x', 'y'), op: 'Frob' }] },
    /no operator Frob: .*custom/,
  );
  refuses(
    'a weight with a negative dimension',
    { nodes: [product], weights: { w: { dims: [-4, 4], data: sixteen } } },
    /weight "w" of shape float32 \[-4, 4\] has a negative dimension/,
  );
  refuses(
    'a weight that no memory holds',
    { nodes: [product], weights: { w: { dims: [2 ** 40, 2 ** 40], data: sixteen } } },
    /weight "w" .* more elements than any memory holds/,
  );
  refuses(
    'a weight with too little data',
    { nodes: [product], weights: { w: { dims: [4, 8], data: sixteen } } },
    /weight "w" .* needs 128 bytes, but 64 are there/,
  );
  refuses('a cycle', { nodes: [relu('y', 't'), relu('t', 'y')] }, /wait for each other \(a cycle\)/);
  refuses('an output that is made twice', { nodes: [relu('x', 'y'), relu('x', 'y')] }, /"y" is made more than once/);
  refuses('an output that nobody makes', { nodes: [relu('x', 'z')] }, /output "y" is made by no node/);
  refuses('an input that nobody makes', { nodes: [relu('z', 'y')] }, /reads "z", which nothing in the graph makes/);
  refuses(
    'external data without its folder',
    { nodes: [product], weights: { w: { dims: [4, 4], data: sixteen, external: { location: '../w' } } } },
    /leads out/,
  );

  it('and one that is right is loaded', async () => {
    const path = join(directory, 'right.onnx');
    await writeFile(path, pairModel(3));
    await (await ModelSession.load(path, null, settings)).release();
  });
});
