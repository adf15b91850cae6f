import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const lockSchema = z.object({ pid: z.number().int(), startedAt: z.number(), token: z.string() });

/** Of this process: numbers of processes are used again. */
const startedAt = Math.round(performance.timeOrigin);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/**
 * One calibration of a device at a time, also where several Node-REDs or several nodes of one share the state directory.
 * @returns lets go of it; null while somebody else has it
 * @throws the file system's error
 */
export async function lockDevice(directory: string): Promise<(() => Promise<void>) | null> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'lock');
  const token = randomUUID();
  const own = `${path}.${token}`;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      // Written first and linked then: nobody sees a lock that does not say whose it is.
      await writeFile(own, JSON.stringify({ pid: process.pid, startedAt, token }));
      await link(own, path);
      return async () => {
        if ((await holderOf(path))?.token === token) await rm(path, { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      await rm(own, { force: true });
    }
    const holder = await holderOf(path);
    const isOurs = holder?.pid === process.pid;
    const isHeld = holder !== null && (isOurs ? holder.startedAt === startedAt : isAlive(holder.pid));
    if (isHeld) return null;
    // Left by a process that was killed.
    await rm(path, { force: true });
  }
  return null;
}

async function holderOf(path: string): Promise<z.infer<typeof lockSchema> | null> {
  try {
    const parsed = lockSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
