import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';

/** What the editor's Markdown takes for a line of a list of properties; with a further colon it is shown as it stands. */
const property = /^ *:[^:\n]+\([^:\n]+\)[^:\n]*:[^:\n]*$/;

describe('the help of every node', () => {
  const folder = join(packageRoot(__dirname), 'nodes');
  const nodes = readdirSync(folder).filter((name) => readdirSync(join(folder, name)).includes('help.md'));

  for (const node of nodes) {
    it(`of ${node} lists its properties as the editor reads them`, () => {
      const lines = readFileSync(join(folder, node, 'help.md'), 'utf8').split('\n');
      const properties = lines.filter((line) => /^ *: /.test(line));
      assert.deepEqual(
        properties.filter((line) => !property.test(line)),
        [],
      );
    });
  }

  it('is there', () => assert.ok(nodes.length >= 10));
});
