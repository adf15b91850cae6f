import { readdir, readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** Bit of CAP_SYS_NICE in the capability masks of Linux. */
const niceCapability = 23n;

/**
 * Whether this process may raise a priority again that it has lowered. Root alone is no proof: containers often run as root
 * without that right.
 */
export async function mayRaisePriority(statusFile = '/proc/self/status'): Promise<boolean> {
  const status = await readFile(statusFile, 'utf8').catch(() => '');
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> niceCapability) & 1n) === 1n;
}

/**
 * Sets the nice value of every thread of a process: on Linux each has its own, and the pool of a session inherits that of the
 * thread that made it. Resolves with false when the system does not allow it, or the process is gone.
 */
export async function setProcessPriority(pid: number, nice: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [String(pid)]);
  let done = true;
  for (const thread of threads) {
    try {
      setPriority(Number(thread), nice);
    } catch {
      done = false;
    }
  }
  return done;
}
