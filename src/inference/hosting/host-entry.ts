import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Esbuild from 'esbuild';
import { packageRoot } from '../../models/package-root';

/** The program of an inference host and the arguments that Node.js needs to run it. */
export interface HostEntry {
  readonly script: string;
  readonly execArgv: readonly string[];
}

let builtFromSource: HostEntry | null = null;

/**
 * Tests and development run from source, without a build, and a host that compiled itself at each start would take seconds.
 * So the entry is bundled once per process, as the build does it; the name carries the content, so that processes do not
 * disturb each other.
 */
function buildFromSource(root: string): HostEntry {
  const { buildSync } = createRequire(join(root, 'package.json'))('esbuild') as typeof Esbuild;
  const { outputFiles } = buildSync({
    entryPoints: [join(root, 'src', 'inference', 'host', 'main.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    write: false,
  });
  const code = outputFiles[0]?.text ?? '';
  const directory = join(root, 'node_modules', '.cache', 'ecomap');
  const script = join(directory, `inference-host-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.js`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${script}.${process.pid}`, code);
  renameSync(`${script}.${process.pid}`, script);
  return { script, execArgv: [] };
}

/** dist/host/inference-host.js of this package; from source the same, bundled on demand. */
export function defaultHostEntry(file: string = __filename): HostEntry {
  const root = packageRoot();
  if (!file.endsWith('.ts')) return { script: join(root, 'dist', 'host', 'inference-host.js'), execArgv: [] };
  return (builtFromSource ??= buildFromSource(root));
}
