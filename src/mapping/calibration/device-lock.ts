import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const lockSchema = z.object({
  pid: z.number().int(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  token: z.string(),
  /** Of the process that has it, where there is a `/proc`: clock ticks after boot, and which boot. */
  startTicks: z.number().int().optional(),
  bootId: z.string().optional(),
});
type Lock = z.infer<typeof lockSchema>;

/** Of this process: numbers of processes are used again. */
const startedAt = Math.round(performance.timeOrigin);

function answersToSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

const thisBoot = async (): Promise<string | undefined> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined))?.trim();

/** Field 22 of /proc/<pid>/stat. The name before it is in brackets and may itself hold spaces and brackets. */
async function startTicksOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const ticks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isInteger(ticks) ? ticks : undefined;
}

/** Whether the process that took the lock still runs: its number may be another's by now, after a reboot above all. */
async function isHeld(holder: Lock): Promise<boolean> {
  if (holder.pid === process.pid) return holder.startedAt === startedAt;
  if (!answersToSignals(holder.pid)) return false;
  const bootId = await thisBoot();
  if (holder.bootId === undefined || bootId === undefined) return holder.startedAt >= Date.now() - uptime() * 1000;
  if (holder.bootId !== bootId) return false;
  const startTicks = await startTicksOf(holder.pid);
  return holder.startTicks === undefined || startTicks === undefined || holder.startTicks === startTicks;
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
  const [startTicks, bootId] = await Promise.all([startTicksOf(process.pid), thisBoot()]);
  const lock: Lock = {
    pid: process.pid,
    startedAt,
    token,
    ...(startTicks && { startTicks }),
    ...(bootId && { bootId }),
  };
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      // Written first and linked then: nobody sees a lock that does not say whose it is.
      await writeFile(own, JSON.stringify(lock));
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
    if (holder !== null && (await isHeld(holder))) return null;
    // Left by a process that has ended.
    await rm(path, { force: true });
  }
  return null;
}

async function holderOf(path: string): Promise<Lock | null> {
  try {
    const parsed = lockSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
