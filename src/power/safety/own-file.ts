import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** More than any record or lock of ours. */
const mostBytes = 1 << 20;

export interface FoundFile {
  readonly text: string;
  /** Why it may not be believed: somebody else can have written it. Null when only we or root can. */
  readonly distrust: string | null;
}

/**
 * A small file in a place where others may be able to put something: links are not followed, nothing is waited for.
 * @returns undefined when there is none
 * @throws when it cannot be read, or is no ordinary file
 */
export async function readOwnFile(path: string): Promise<FoundFile | undefined> {
  // Windows knows neither flag. Without O_NONBLOCK a named pipe would be waited for.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants> & { O_RDONLY: number };
  let file;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw new Error('it is a symbolic link', { cause: error });
    throw error;
  }
  try {
    const found = await file.stat();
    const { uid, mode, size } = found;
    if (!found.isFile()) throw new Error('it is no ordinary file');
    if (size > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    return { text: await file.readFile('utf8'), distrust: distrustOf(uid, mode) };
  } finally {
    await file.close();
  }
}

function distrustOf(uid: number, mode: number): string | null {
  const own = process.getuid?.();
  if (own === undefined) return null;
  if (uid !== own && uid !== 0) return 'it belongs to another user';
  return (mode & 0o002) === 0 ? null : 'everybody may write it';
}
