import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRuntime } from '../../../src/inference/runtime';
import { isEcomapError } from '../../../src/signals/errors';

describe('the runtime', () => {
  const failing = (error: Error) => () =>
    loadRuntime(() => {
      throw error;
    });

  it('that is not installed is named, with the line that installs it', () => {
    const missing = Object.assign(new Error("Cannot find module 'onnxruntime-node'"), { code: 'MODULE_NOT_FOUND' });
    assert.throws(failing(missing), (error) => {
      assert.ok(isEcomapError(error));
      assert.equal(error.code, 'RUNTIME_UNAVAILABLE');
      assert.match(error.message, /onnxruntime-node is not installed/);
      assert.match(error.message, /ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node/);
      return true;
    });
  });

  it('that does not load here says why in one line', () => {
    const broken = new Error('libstdc++.so.6: cannot open shared object file\nand a long story');
    assert.throws(failing(broken), {
      code: 'RUNTIME_UNAVAILABLE',
      message: /does not load here: libstdc\+\+\.so\.6: cannot open shared object file\./,
    });
  });

  it('is loaded by one file alone, and that one only by the host', () => {
    const sources = join(__dirname, '../../../src');
    const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const using = (pattern: RegExp) =>
      files.filter((name) => pattern.test(readFileSync(join(sources, name), 'utf8'))).sort();
    assert.deepEqual(using(/^import (?!type).*'onnxruntime-node'|\(['"]onnxruntime-node['"]\)/m), [
      'inference/runtime.ts',
    ]);
    for (const name of using(/from '.*\/runtime'/)) assert.match(name, /^(inference\/host|mapping\/planner)\//);
  });
});
