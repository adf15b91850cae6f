import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeApi } from './runtime-types';

/** Node-RED's user directory. It always has one; only the test helper does not. */
export function stateDirectoryOf({ settings }: RuntimeApi): string {
  return settings.userDir ?? join(tmpdir(), 'node-red');
}
