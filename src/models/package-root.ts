import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const packageName = '@ecomap/node-red-ecomap';

/**
 * The directory of this package, found by walking up: the code runs as bundles in dist/ and from its source in tests.
 * @throws Error when there is none, i.e. the file was copied out of the package.
 */
export function packageRoot(from: string = __dirname): string {
  for (let directory = from; ; directory = dirname(directory)) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === packageName) {
        return directory;
      }
    } catch {
      // No package.json here, or none that can be read: look further up.
    }
    if (dirname(directory) === directory) throw new Error(`${from} is not inside the package ${packageName}`);
  }
}
