import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The benchmarks: the files in bench/ that no other file there imports. */
export function benchmarkNames(root) {
  const folder = join(root, 'bench');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  const imported = new Set(
    files.flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/from '\.\/([\w-]+)'/g)].map(([, name]) => name),
    ),
  );
  return files.map((file) => basename(file, '.ts')).filter((name) => !imported.has(name));
}
