import { readFileSync, rmSync } from 'node:fs';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { EcomapError, messageOf } from '../../signals/errors';
import { isOpenHere } from './exit-restore';
import { readOwnFile } from './own-file';
import { isSameProcess, processIdentitySchema, type ProcessIdentity, type Processes } from './process-identity';

const lockSchema = z.object({
  process: processIdentitySchema,
  instance: z.string().min(1),
  owner: z.string(),
  /** Where the holder records its changes: its state directory may be another than ours. */
  recordPath: z.string().min(1),
});
export type LockContent = z.infer<typeof lockSchema>;

/** The lock as it was found; `trusted` when it belongs to our own user or to root. */
type FoundLock = LockContent & { readonly trusted: boolean };

export interface MachineLock {
  readonly path: string;
  /** The dead holder that it was taken from; null when it was free, or its file may not be believed. */
  readonly predecessor: LockContent | null;
  release(): Promise<void>;
  /** For a process that is just exiting. */
  releaseAtExit(): void;
}

/** How often a lock that changes under our hands is looked at again. */
const attempts = 8;
/** The holder may be about to fill the file that it has just made. */
const unfilledWaitMs = 50;

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);

function parseLock(text: string): LockContent | null {
  try {
    return lockSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** undefined: there is none. null: it cannot be understood. */
async function readLock(path: string): Promise<FoundLock | null | undefined> {
  try {
    const found = await readOwnFile(path);
    if (found === undefined) return undefined;
    const content = parseLock(found.text);
    return content === null ? null : { ...content, trusted: found.distrust === null };
  } catch (error) {
    // What may not be read may be a lock of another user; a link or a pipe is none.
    if (hasCode(error, 'EACCES', 'EPERM')) throw error;
    return null;
  }
}

/**
 * Where all Node-REDs of a machine meet, whichever their user directory: the machine's `/run/lock`; without such a folder
 * (not Linux, a simulated machine) beside the record.
 */
export async function lockPathOf(root: string, recordPath: string): Promise<string> {
  const shared = join(root, 'run/lock');
  try {
    await access(shared, constants.W_OK);
    return join(shared, 'ecomap-power.lock');
  } catch {
    return `${recordPath}.lock`;
  }
}

/** Whether a process that holds something of the machine is still there; a node of our own process that is closed is not. */
export async function isHolderAlive(
  holder: { readonly process: ProcessIdentity; readonly instance: string },
  processes: Processes,
): Promise<boolean> {
  if (isSameProcess(holder.process, processes.self())) return isOpenHere(holder.instance);
  return processes.isAlive(holder.process);
}

export const holderText = ({ owner, process: { pid } }: Pick<LockContent, 'owner' | 'process'>): string =>
  `${owner} (process ${pid})`;

/** Another holder is alive and keeps the machine. */
export class MachineHeld extends EcomapError {
  constructor(readonly holder: string) {
    super(
      'CAP_NOT_ENFORCEABLE',
      `The power settings of this machine are already held by ${holder}: stop it, or leave them to it.`,
    );
  }
}

/**
 * Takes the machine for one holder. A lock whose holder is dead is taken over.
 * @throws EcomapError CAP_NOT_ENFORCEABLE naming the holder when it is alive, or why the lock file cannot be made
 */
export async function lockMachine(path: string, content: LockContent, processes: Processes): Promise<MachineLock> {
  let predecessor: LockContent | null = null;
  try {
    await mkdir(dirname(path), { recursive: true });
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      try {
        // Exclusive: of two who try at once, one gets it; a link planted in a folder that all may write is not followed.
        await writeFile(path, JSON.stringify(content), { flag: 'wx', mode: 0o644 });
        return held(path, content, predecessor);
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
      }
      let found = await readLock(path);
      if (found === null) {
        await setTimeout(unfilledWaitMs);
        found = await readLock(path);
      }
      if (found === undefined) continue;
      if (found !== null && (await isHolderAlive(found, processes))) {
        throw new MachineHeld(holderText(found));
      }
      if ((await takeAway(path, found?.instance ?? null, content.instance)) && found?.trusted === true) {
        predecessor = found;
      }
    }
  } catch (error) {
    if (error instanceof EcomapError) throw error;
    throw new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `The lock file ${path} cannot be made (${messageOf(error)}): remove it or make its folder writable. ` +
        'Without it two Node-REDs could fight over the power settings.',
      { cause: error },
    );
  }
  throw new EcomapError('CAP_NOT_ENFORCEABLE', `The lock file ${path} keeps changing: another Node-RED is starting.`);
}

/** Removes a dead holder's lock. False when meanwhile somebody else has taken the lock: then it is given back. */
async function takeAway(path: string, instance: string | null, by: string): Promise<boolean> {
  const aside = `${path}.${by}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
  const taken = await readLock(aside);
  if ((taken?.instance ?? null) === instance) {
    await rm(aside, { force: true });
    return true;
  }
  await rename(aside, path);
  return false;
}

function held(path: string, { instance }: LockContent, predecessor: LockContent | null): MachineLock {
  return {
    path,
    predecessor,
    async release() {
      // What stays behind because of an error is taken over by the next holder: our process or instance is gone then.
      const found = await readLock(path).catch(() => null);
      if (found?.instance === instance) await rm(path, { force: true }).catch(() => undefined);
    },
    releaseAtExit() {
      try {
        if (parseLock(readFileSync(path, 'utf8'))?.instance === instance) rmSync(path, { force: true });
      } catch {
        // The next start takes it over.
      }
    },
  };
}
