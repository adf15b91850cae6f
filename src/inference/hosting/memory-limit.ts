import { open, readFile, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { externalFileNamesIn } from '../../models/onnx/external-files';
import { EcomapError } from '../../signals/errors';

const bytesPerMb = 1024 * 1024;
/** Of the machine's memory, what all inference hosts together may have. */
const shareForHosts = 0.7;

/** Memory limits of a container, in the two forms that Linux has. */
const limitFiles = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'];

/** What this process and its children may use at most: the machine's memory or the container's limit, bytes. */
export async function availableMemoryBytes(files: readonly string[] = limitFiles): Promise<number> {
  let leastBytes = totalmem();
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    // "max" and absurdly large numbers mean "no limit".
    const limitBytes = Number(text.trim() || NaN);
    if (limitBytes > 0) leastBytes = Math.min(leastBytes, limitBytes);
  }
  return leastBytes;
}

/** The memory limit of each host where none is set, bytes. */
export async function defaultHostLimitBytes(components: number): Promise<number> {
  return (shareForHosts * (await availableMemoryBytes())) / Math.max(1, components);
}

export function inMb(bytes: number): string {
  return `${Math.round(bytes / bytesPerMb)} MB`;
}

export function bytesOfMb(megabytes: number): number {
  return megabytes * bytesPerMb;
}

/**
 * Bytes of a model with its external data; 0 for one that is not there, which loading will say.
 * @throws EcomapError MEMORY_EXCEEDED for one that the host could never hold
 */
export async function modelFileBytes(path: string, limitBytes: number): Promise<number> {
  const bytes = await sizeOf(path).catch(() => 0);
  if (bytes <= limitBytes) return bytes;
  throw new EcomapError(
    'MEMORY_EXCEEDED',
    `The model ${path} has ${inMb(bytes)}, but an inference host may have ${inMb(limitBytes)} of memory: ` +
      'raise the memory limit or take a lighter variant.',
  );
}

/** Only sizes are asked for: whether a model may use these files is for those who read them to say. */
async function sizeOf(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const names = await externalFileNamesIn(file, size).catch(() => []);
    const sizes = names.map((name) =>
      stat(join(dirname(path), name)).then(
        (found) => found.size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, size);
  } finally {
    await file.close();
  }
}
