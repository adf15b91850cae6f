import { constants } from 'node:fs';
import { access, open, readdir, readFile, realpath, type FileHandle } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { MachineFileError, type FileProblem, type MachineFiles, type OpenedFile } from './files';

function problemOf(error: unknown): FileProblem {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return 'missing';
  if (code === 'EACCES' || code === 'EPERM') return 'denied';
  if (code === 'EROFS') return 'read-only';
  return 'failed';
}

async function told<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new MachineFileError(path, problemOf(error), error);
  }
}

// More than any attribute of sysfs that is a number or a name.
const mostAttributeBytes = 4096;

async function readFromStart(file: FileHandle): Promise<string> {
  const buffer = Buffer.allocUnsafe(mostAttributeBytes);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  return buffer.toString('utf8', 0, bytesRead).replaceAll('\0', '').trim();
}

/**
 * A read at position 0 of an open attribute asks the kernel anew, at a third of what opening, reading and closing cost the
 * thread that asks. The kernel says when an attribute is gone; an ordinary file in a folder that stands for `/` may be removed
 * or replaced unnoticed, which `replaceable` looks for: what was replaced says the same for ever.
 */
async function keepOpen(path: string, place: string, replaceable: boolean): Promise<OpenedFile> {
  let file = await open(place, constants.O_RDONLY);
  let before: string | null = null;
  return {
    read: () =>
      told(path, async () => {
        let text = await readFromStart(file);
        if (replaceable && text === before && (await file.stat()).nlink === 0) {
          const next = await open(place, constants.O_RDONLY);
          await file.close();
          file = next;
          text = await readFromStart(file);
        }
        before = text;
        return text;
      }),
    close: () => file.close(),
  };
}

/** In a folder that stands for `/`, an absolute link would lead to this machine's own file. */
async function checkInside(root: string, place: string): Promise<void> {
  const [folder, real] = await Promise.all([realpath(root), realpath(place)]);
  if (!real.startsWith(`${folder}${sep}`)) throw new Error(`it leads out of ${root}`);
}

/** @param root the folder that stands for `/` */
export function localFiles(root = '/'): MachineFiles {
  const at = (path: string): string => join(root, path);
  const read = (path: string): Promise<string> =>
    told(path, async () => (await readFile(at(path), 'utf8')).replaceAll('\0', '').trim());
  return {
    root,
    read,
    open: (path) => told(path, () => keepOpen(path, at(path), root !== '/')),
    async readIfThere(path) {
      try {
        return await read(path);
      } catch (error) {
        if (error instanceof MachineFileError && error.problem === 'missing') return null;
        throw error;
      }
    },
    write: (path, text) =>
      told(path, async () => {
        if (root !== '/') await checkInside(root, at(path));
        // No O_CREAT and, as for any sysfs attribute, one write; O_TRUNC matters only where a folder stands for `/`.
        const file = await open(at(path), constants.O_WRONLY | constants.O_TRUNC);
        try {
          await file.write(text);
        } finally {
          await file.close();
        }
      }),
    async list(path) {
      try {
        return (await readdir(at(path))).sort();
      } catch {
        return [];
      }
    },
    async exists(path) {
      try {
        await access(at(path));
        return true;
      } catch {
        return false;
      }
    },
    async isWritable(path) {
      try {
        await access(at(path), constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    async resolve(path) {
      try {
        return join('/', relative(await realpath(root), await realpath(at(path))));
      } catch {
        return null;
      }
    },
  };
}
