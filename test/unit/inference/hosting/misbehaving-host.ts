import { mkdirSync, unlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { HostEntry } from '../../../../src/inference/hosting/host-entry';
import { packageRoot } from '../../../../src/models/package-root';

let watched: string | null = null;

/** The real host, which tells `globalThis.onCommand` of each command before it carries it out. Bundled once per process. */
function watchedHost(): string {
  if (watched !== null) return watched;
  const root = packageRoot();
  // Below node_modules, from where the host finds the runtime.
  const folder = join(root, 'node_modules', '.cache', 'ecomap');
  mkdirSync(folder, { recursive: true });
  watched = join(folder, `watched-host-${process.pid}.js`);
  buildSync({
    stdin: {
      contents: `
        const { InferenceHost } = require('./inference-host');
        const { receive } = InferenceHost.prototype;
        InferenceHost.prototype.receive = function (command) {
          globalThis.onCommand(command);
          receive.call(this, command);
        };
        require('./main');`,
      resolveDir: join(root, 'src', 'inference', 'host'),
    },
    outfile: watched,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
  });
  const built = watched;
  process.once('exit', () => unlinkSync(built));
  return watched;
}

/**
 * The real host, after some lines of JavaScript of the test: how a test makes a host misbehave. The lines can have each command
 * told to them before the host carries it out: `onCommand((command) => ...)`.
 */
export async function hostEntryWith(folder: string, name: string, before: string): Promise<HostEntry> {
  const script = join(folder, `${name}.js`);
  const code = `
    const listeners = [];
    const onCommand = (listener) => listeners.push(listener);
    globalThis.onCommand = (command) => listeners.forEach((listener) => listener(command));
    ${before}
    require(${JSON.stringify(watchedHost())});`;
  await writeFile(script, code);
  return { script, execArgv: [] };
}
