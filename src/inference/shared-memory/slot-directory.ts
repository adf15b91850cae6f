import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'ecomap-slots';

/** Memory where the system has it, else the directory for temporary files (slower, and written to asynchronously). */
async function slotRoot(): Promise<{ root: string; inMemory: boolean }> {
  try {
    await access('/dev/shm', constants.W_OK);
    return { root: '/dev/shm', inMemory: true };
  } catch {
    return { root: tmpdir(), inMemory: false };
  }
}

/** Containers may share /dev/shm but not process numbers: only those of the own namespace say who is alive. */
async function processNamespace(): Promise<string> {
  try {
    return (await readlink('/proc/self/ns/pid')).replace(/\D/g, '');
  } catch {
    return '0';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** A private directory for the slot files of one executor; readable by the own user only. */
export interface SlotDirectory {
  readonly path: string;
  readonly inMemory: boolean;
  /** A number for a slot that no other has. */
  nextSlot(): number;
  remove(): Promise<void>;
}

/** Removes what processes left behind that died without closing, and makes a new directory. */
export async function openSlotDirectory(fixedRoot?: string): Promise<SlotDirectory> {
  const { root, inMemory } = fixedRoot === undefined ? await slotRoot() : { root: fixedRoot, inMemory: false };
  const namespace = await processNamespace();
  await removeStale(root, namespace);
  const path = join(root, `${prefix}-${namespace}-${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(path, { mode: 0o700 });
  let slots = 0;
  const nextSlot = () => slots++;
  return { path, inMemory, nextSlot, remove: () => rm(path, { recursive: true, force: true }) };
}

async function removeStale(root: string, namespace: string): Promise<void> {
  for (const name of await readdir(root)) {
    const match = new RegExp(`^${prefix}-${namespace}-(\\d+)-`).exec(name);
    if (match === null || isAlive(Number(match[1]))) continue;
    // Another user's directory cannot be removed, and need not be.
    await rm(join(root, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
