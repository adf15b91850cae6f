import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { confineToRoots } from '../../../src/models/allowed-roots';
import { FileFields } from '../../../src/models/onnx/file-fields';
import { checkModelFile } from '../../../src/models/onnx-file';
import { tenantSchema } from '../../../src/signals/tenant';
import { doublingModel, scoringModel, slowModel, writeModel } from '../../support/onnx-builder';

describe('model files', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-models-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const file = async (name: string, content: Buffer | string) => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };
  const refused = (path: string, code: string, message: RegExp, sha256: string | null = null) =>
    assert.rejects(checkModelFile(path, sha256), { code, message });

  it('are recognised and hashed', async () => {
    for (const [name, model] of Object.entries({
      a: doublingModel([1, 4]),
      b: scoringModel(300, 10),
      c: slowModel(8, 40),
    })) {
      const { path, sha256 } = await writeModel(directory, `${name}.onnx`, model);
      const found = await checkModelFile(path, sha256.toUpperCase());
      assert.deepEqual([found.sha256, found.bytes], [sha256, model.length]);
    }
  });

  it('that are missing, no file, empty, text, cut short or changed are named', async () => {
    const model = scoringModel(20, 4);
    await refused(join(directory, 'absent.onnx'), 'MODEL_NOT_FOUND', /absent\.onnx does not exist/);
    await refused(directory, 'MODEL_NOT_FOUND', /not a file/);
    await refused(await file('empty.onnx', ''), 'MODEL_INVALID', /is empty/);
    await refused(await file('text.onnx', 'hello, I am no model'), 'MODEL_INVALID', /is not an ONNX model/);
    await refused(await file('page.onnx', '<!DOCTYPE html><html></html>'), 'MODEL_INVALID', /not an ONNX model/);
    await refused(await file('cut.onnx', model.subarray(0, model.length - 30)), 'MODEL_INVALID', /30 bytes too early/);
    await refused(await file('head.onnx', model.subarray(0, 2)), 'MODEL_INVALID', /holds no graph/);
    await refused(await file('other.onnx', model), 'MODEL_HASH_MISMATCH', /0{64} is pinned/, '0'.repeat(64));
  });

  it('answer whatever the bytes are with a file or MODEL_INVALID', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const path = await file('random.onnx', Buffer.from(bytes));
        await checkModelFile(path).catch((error: { code?: string }) => assert.equal(error.code, 'MODEL_INVALID'));
      }),
      { numRuns: 50 },
    );
  });

  it('of a great many tiny fields let others have their turn while they are walked', async () => {
    // `ir_version` 100,000 times, from a file whose reading takes no time.
    const content = Buffer.alloc(200_000, 8);
    const read = (buffer: Buffer, offset: number, length: number, position: number) =>
      Promise.resolve({ buffer, bytesRead: content.copy(buffer, offset, position, position + length) });
    let turns = 0;
    let walking = true;
    const count = () => {
      turns += 1;
      if (walking) setImmediate(count);
    };
    setImmediate(count);
    let fields = 0;
    for await (const { number } of new FileFields({ read } as never, content.length).between(0, content.length)) {
      fields += number;
    }
    walking = false;
    assert.equal(fields, 100_000);
    assert.ok(turns >= 40, `${turns} turns`);
  });

  it('come only from allowed directories, whatever links say', async () => {
    const allowed = join(directory, 'allowed');
    const outside = join(directory, 'allowed-not');
    await mkdir(allowed);
    await mkdir(outside);
    const inside = await writeModel(allowed, 'in.onnx', doublingModel([1]));
    const away = await writeModel(outside, 'out.onnx', doublingModel([1]));
    await symlink(away.path, join(allowed, 'link-out.onnx'));
    await symlink(inside.path, join(directory, 'link-in.onnx'));
    const confine = (path: string) =>
      confineToRoots(
        tenantSchema.parse({
          name: 't',
          family: 'f',
          variants: [{ name: 'v', path, accuracy: 1 }],
          latencyLimitMs: 1,
          input: {},
          output: { kind: 'tensors' },
        }),
        [allowed, join(directory, 'does-not-exist')],
      ).variants[0]?.path;
    assert.equal(confine(inside.path), inside.path);
    assert.equal(confine(join(directory, 'link-in.onnx')), inside.path);
    for (const path of [away.path, join(allowed, 'link-out.onnx'), join(allowed, '..', 'allowed-not', 'out.onnx')]) {
      assert.throws(() => confine(path), { code: 'MODEL_NOT_FOUND', message: /outside the directories/ });
    }
    assert.throws(() => confine(join(allowed, 'absent.onnx')), { code: 'MODEL_NOT_FOUND' });
  });
});
