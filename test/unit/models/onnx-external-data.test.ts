import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readModel } from '../../../src/inference/host/model-bytes';
import { checkModelFile, sha256OfModel } from '../../../src/models/onnx-file';
import { externalFileNames } from '../../../src/models/onnx/external-data';
import { graphParts } from '../../../src/models/onnx/computing-nodes';
import { parseModel } from '../../../src/models/onnx/model';
import { stageOf } from '../../../src/models/onnx/stage';
import { onnxModel, type ModelDescription } from '../../support/onnx-builder';

const dims = ['batch', 4];
const diagonal = (value: number) => new Float32Array(16).map((_, index) => (index % 5 === 0 ? value : 0));
type Places = readonly [Record<string, string>, Record<string, string>];

/** y = 2 x . 3, its two weights where `places` say: one as an initializer, one in an attribute of a sub-graph. */
function externalModel([first, second]: Places): Buffer {
  const weight = (data: Float32Array, external: Record<string, string>) => ({ dims: [4, 4], data, external });
  const branch = (name: string): ModelDescription => ({
    nodes: [
      { op: 'Constant', inputs: [], output: `${name}_w`, attributes: { value: weight(diagonal(3), second) } },
      { op: 'MatMul', inputs: ['doubled', `${name}_w`], output: name },
    ],
    inputs: [],
    outputs: [{ name, dims }],
  });
  return onnxModel({
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], output: 'doubled' },
      {
        op: 'If',
        inputs: ['always'],
        output: 'y',
        attributes: { then_branch: branch('yes'), else_branch: branch('no') },
      },
    ],
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims }],
    weights: {
      w: weight(diagonal(2), first),
      always: { dims: [], data: new Uint8Array([1]), type: 'bool' },
    },
  });
}

describe('external data of a model', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-external-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  let count = 0;
  /** A model in a folder of its own, with these files beside it. */
  async function folderWith(model: Buffer, files: Record<string, Uint8Array>): Promise<string> {
    const folder = join(directory, `m${(count += 1)}`);
    await mkdir(folder);
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    const path = join(folder, 'model.onnx');
    await writeFile(path, model);
    return path;
  }

  const bytesOf = (data: Float32Array) => Buffer.from(data.buffer);
  const two = bytesOf(diagonal(2));
  const three = bytesOf(diagonal(3));
  const places: Places = [{ location: 'b.data' }, { location: 'deep/a.data', offset: '64', length: '64' }];
  const files = { 'b.data': two, 'deep/a.data': Buffer.concat([two, three]) };

  async function compute(bytes: Uint8Array): Promise<unknown> {
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    const { y } = await session.run({ x: new Tensor('float32', [1, 2, 3, 4], [1, 4]) });
    await session.release();
    return y?.data;
  }

  it('is put into the model, wherever it is used, so that it loads from memory', async () => {
    const path = await folderWith(externalModel(places), files);
    const { bytes } = await readModel(path, null);
    assert.deepEqual(await compute(bytes), new Float32Array([6, 12, 18, 24]));
    assert.deepEqual(externalFileNames(bytes), []);
  });

  it('comes along into the stages of a cut model', async () => {
    const path = await folderWith(externalModel(places), files);
    const parts = graphParts(parseModel((await readModel(path, null)).bytes));
    const boundary = new Map([['doubled', { type: 1, dims: [null, 4] }]]);
    const [first, second] = [stageOf(parts, 0, 1, boundary), stageOf(parts, 1, 2, boundary)];
    assert.deepEqual([first.outputs, second.inputs, second.outputs], [['doubled'], ['doubled'], ['y']]);
    const session = await InferenceSession.create(second.bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    const { y } = await session.run({ doubled: new Tensor('float32', [1, 2, 3, 4], [1, 4]) });
    await session.release();
    assert.deepEqual(y?.data, new Float32Array([3, 6, 9, 12]));
  });

  it('belongs to the hash: the file of the model, then the others in the order of their names', async () => {
    const path = await folderWith(externalModel(places), files);
    const concatenated = execFileSync('cat', [path, 'b.data', 'deep/a.data'], { cwd: dirname(path) });
    const sha256 = createHash('sha256').update(concatenated).digest('hex');
    assert.equal(await sha256OfModel(path), sha256);
    assert.equal((await readModel(path, sha256)).sha256, sha256);
    assert.equal((await checkModelFile(path, sha256)).bytes, concatenated.length);
    await writeFile(join(dirname(path), 'b.data'), three);
    await assert.rejects(checkModelFile(path, sha256), { code: 'MODEL_HASH_MISMATCH' });
    await assert.rejects(readModel(path, sha256), { code: 'MODEL_HASH_MISMATCH' });
  });

  /** Both doors: the look at the file in Node-RED's process, and loading in a host. */
  async function refused(path: string, message: RegExp, code = 'MODEL_INVALID'): Promise<void> {
    await assert.rejects(checkModelFile(path), { code, message });
    await assert.rejects(readModel(path, null), { code, message });
  }

  it('outside the folder of the model is refused, however it is named', async () => {
    await writeFile(join(directory, 'secret'), two);
    const leading = async (location: string) => folderWith(externalModel([{ location }, places[1]]), files);
    await refused(await leading('../secret'), /"\.\.\/secret", which leads out of the model's folder/);
    await refused(await leading('deep/../../secret'), /leads out/);
    await refused(await leading('deep\\..\\..\\secret'), /leads out/);
    await refused(await leading(join(directory, 'secret')), /an absolute path/);
    await refused(await leading('c:secret'), /an absolute path/);
    await refused(await leading('/etc/passwd'), /an absolute path/);
    await refused(await leading(''), /which is no file name/);
    await refused(await leading('b.data\0'), /which is no file name/);
    await refused(await leading('deep'), /which is not a file/);
    // The name under which ONNX Runtime would read memory of its own process.
    await refused(await leading('*/_ORT_MEM_ADDR_/*'), /cannot be read/, 'MODEL_NOT_FOUND');
    await refused(await leading('absent.data'), /"absent\.data", which cannot be read/, 'MODEL_NOT_FOUND');
  });

  it('behind a link is refused, and so is a second name of a file', async () => {
    const secret = join(directory, 'elsewhere', 'secret');
    await mkdir(dirname(secret));
    await writeFile(secret, two);
    const linked = async (location: string, make: (folder: string) => Promise<void>) => {
      const path = await folderWith(externalModel([{ location }, places[1]]), files);
      await make(dirname(path));
      return path;
    };
    await refused(await linked('l', (folder) => symlink(secret, join(folder, 'l'))), /"l", which is a link/);
    await refused(
      await linked('d/secret', (folder) => symlink(dirname(secret), join(folder, 'd'))),
      /"d\/secret", which lies behind a link/,
    );
    await refused(await linked('h', (folder) => link(secret, join(folder, 'h'))), /has a second name \(a hard link\)/);
    await refused(
      await linked('pipe', async (folder) => void execFileSync('mkfifo', [join(folder, 'pipe')])),
      /which is not a file/,
    );
  });

  it('that was cut short, or belongs to another model, is refused when the model is loaded', async () => {
    const misplaced: Record<string, string>[] = [
      { location: 'b.data', offset: '4' },
      { location: 'b.data', offset: '32', length: '64' },
      { location: 'b.data', offset: '-4' },
      { location: 'b.data', offset: 'four' },
      { location: 'b.data', length: '60' },
    ];
    for (const place of misplaced) {
      const path = await folderWith(externalModel([place, places[1]]), files);
      await assert.rejects(readModel(path, null), { code: 'MODEL_INVALID', message: /weight "w"/ });
    }
  });

  it('of more than 2 GB is refused before any of it is read', async () => {
    const path = await folderWith(externalModel(places), files);
    await truncate(join(dirname(path), 'b.data'), 2 ** 31);
    await refused(path, /has 2\.1 GB with its external data; a model may have at most 2 GB/);
    const big = await folderWith(externalModel(places), files);
    await truncate(big, 2 ** 31);
    await assert.rejects(readModel(big, null), { code: 'MODEL_INVALID', message: /at most 2 GB/ });
  });

  it('is found in the file as in memory, whatever the bytes are', async () => {
    const model = externalModel(places);
    const path = await folderWith(model, files);
    await fc.assert(
      fc.asyncProperty(fc.nat(model.length - 1), fc.nat(255), async (at, byte) => {
        await writeFile(path, Buffer.from(model).fill(byte, at, at + 1));
        const [seen, loaded] = await Promise.allSettled([checkModelFile(path), readModel(path, null)]);
        for (const result of [seen, loaded]) {
          if (result.status === 'fulfilled') continue;
          const { code } = result.reason as { code?: string };
          assert.ok(code === 'MODEL_INVALID' || code === 'MODEL_NOT_FOUND', String(result.reason));
        }
        // The same files count for both, so that a hash pinned from one holds for the other.
        if (seen.status === 'fulfilled' && loaded.status === 'fulfilled') {
          assert.equal(seen.value.sha256, loaded.value.sha256);
        }
      }),
      { numRuns: 150 },
    );
  });
});
