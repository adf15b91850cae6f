import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../src/models/package-root';
import { parseAtTheDoor } from '../../src/signals/parse';

const modelSettings = z.object({ modelRoots: z.array(z.string()).nullable().default(null) });

/**
 * Where models may come from: `settings.js` with `ecomap: { modelRoots: [...] }` keeps users' models inside these directories; the
 * package's own are always among them. Null where settings.js says nothing: anywhere.
 * @throws EcomapError INVALID_CONFIG when it says something else
 */
export function modelRootsOf(settings: unknown): string[] | null {
  const { modelRoots } = parseAtTheDoor(
    modelSettings,
    settings ?? {},
    'INVALID_CONFIG',
    'The property "ecomap" of settings.js',
  );
  return modelRoots === null ? null : [...modelRoots, join(packageRoot(), 'models')];
}
