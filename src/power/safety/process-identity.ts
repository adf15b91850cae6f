import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/**
 * A process that cannot be mistaken for a later one with the same number: Linux gives numbers again, but not with the same
 * start time in the same boot. Start time and boot are null where there is no `/proc`.
 */
export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  /** Clock ticks after boot, field 22 of /proc/<pid>/stat. */
  startTicks: z.number().int().nonnegative().nullable(),
  bootId: z.string().min(1).nullable(),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** What can be asked about processes; tests answer for others. */
export interface Processes {
  self(): ProcessIdentity;
  isAlive(process: ProcessIdentity): Promise<boolean>;
}

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** State and start time of /proc/<pid>/stat. The name before them is in brackets and may itself hold spaces and brackets. */
function parseStat(text: string): { readonly state: string; readonly startTicks: number } | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[19]);
  return fields[0] === undefined || !Number.isInteger(startTicks) ? null : { state: fields[0], startTicks };
}

function readSelf(): ProcessIdentity {
  try {
    return {
      pid: process.pid,
      startTicks: parseStat(readFileSync('/proc/self/stat', 'utf8'))?.startTicks ?? null,
      bootId: readFileSync(bootIdFile, 'utf8').trim(),
    };
  } catch {
    return { pid: process.pid, startTicks: null, bootId: null };
  }
}

function answersToSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

let self: ProcessIdentity | null = null;

/** The processes of this computer. Reads two small files of `/proc`, once. */
export const localProcesses: Processes = {
  self: () => (self ??= readSelf()),
  async isAlive({ pid, startTicks, bootId }) {
    const own = localProcesses.self();
    if (bootId !== null && own.bootId !== null && bootId !== own.bootId) return false;
    if (startTicks === null || own.startTicks === null) return answersToSignals(pid);
    try {
      const stat = parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
      // A killed process that nobody has waited for is still listed.
      return stat !== null && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
    } catch {
      return false;
    }
  },
};

export const isSameProcess = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId;
