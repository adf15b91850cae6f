import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/**
 * False when starting the program could only end in ENOENT or EACCES. To start a program stops the whole process for as long as
 * the system needs to fork it, 5 to 11 ms in a large one, also when there is nothing to start; asking the file system does not.
 * True where that cannot be told: on Windows, and without a search path.
 */
export async function mayBeThere(program: string, searchPath: string | undefined): Promise<boolean> {
  if (process.platform === 'win32') return true;
  if (program.includes('/')) return isExecutable(program);
  if (searchPath === undefined) return true;
  for (const folder of searchPath.split(delimiter)) {
    // An empty entry is the working directory, as it is for the system.
    if (await isExecutable(join(folder, program))) return true;
  }
  return false;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let lastTurn: Promise<void> = Promise.resolve();

/** Resolves in a turn of the event loop in which no other program that waits here is started, in the order of the calls. */
export function turnToStart(): Promise<void> {
  lastTurn = lastTurn.then(() => setImmediate());
  return lastTurn;
}
