import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageRoot } from '../../src/models/package-root';
import type { Flow } from './node-red-runtime';

/** The example flows of the package, by their path below examples/. */
export function exampleFlows(): Map<string, Flow> {
  const folder = join(packageRoot(__dirname), 'examples');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(files.map((file) => [relative(folder, file), JSON.parse(readFileSync(file, 'utf8')) as Flow]));
}

export const isEcomap = ({ type }: { type: string }): boolean => type.startsWith('ecomap-');

/** A flow without the nodes of the dashboard: whatever those hold on to is not ours. */
export function withoutDashboard(flow: Flow): Flow {
  const gone = new Set(flow.filter(({ type }) => type.startsWith('ui-')).map(({ id }) => id));
  return flow
    .filter(({ id, type }) => !gone.has(id) && type !== 'global-config')
    .map((node) => {
      const wires: unknown = node.wires;
      if (!Array.isArray(wires)) return node;
      return { ...node, wires: wires.map((ends: string[]) => ends.filter((end) => !gone.has(end))) };
    });
}
