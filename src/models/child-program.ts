import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type * as Esbuild from 'esbuild';
import { packageRoot } from './package-root';

/** A program that runs as a child process, and the arguments that Node.js needs to run it. */
export interface ChildProgram {
  readonly script: string;
  readonly execArgv: readonly string[];
}

const builtFromSource = new Map<string, ChildProgram>();

/**
 * Where a program of this package is.
 * @param source entry below the package's root, e.g. `src/inference/host/main.ts`
 * @param built what the build makes of it, e.g. `dist/host/inference-host.js`
 * @param file who asks: from source it is bundled on demand, the same as the build does it
 */
export function childProgram(source: string, built: string, file: string): ChildProgram {
  const root = packageRoot();
  if (!file.endsWith('.ts')) return { script: join(root, built), execArgv: [] };
  const known = builtFromSource.get(source) ?? bundle(root, source, basename(built, '.js'));
  builtFromSource.set(source, known);
  return known;
}

/**
 * Tests and development run from source, without a build, and a child that compiled itself at each start would take seconds.
 * So the entry is bundled once per process, as the build does it; the name carries the content, so that processes do not
 * disturb each other.
 */
function bundle(root: string, source: string, name: string): ChildProgram {
  const { buildSync } = createRequire(join(root, 'package.json'))('esbuild') as typeof Esbuild;
  const { outputFiles } = buildSync({
    entryPoints: [join(root, source)],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    write: false,
  });
  const code = outputFiles[0]?.text ?? '';
  const directory = join(root, 'node_modules', '.cache', 'ecomap');
  const script = join(directory, `${name}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.js`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${script}.${process.pid}`, code);
  renameSync(`${script}.${process.pid}`, script);
  return { script, execArgv: [] };
}
