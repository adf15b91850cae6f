import type { MachineFiles } from '../machine/files';

/** The text of a file, or null where there is none or it may not be read: what is missing says so elsewhere. */
export async function readText(files: MachineFiles, path: string): Promise<string | null> {
  try {
    return await files.readIfThere(path);
  } catch {
    return null;
  }
}

/** The value of `key` in a file of `key=value` or `key: value` lines, without quotes. */
export function valueOf(text: string | null, key: string): string | null {
  const line = new RegExp(`^${key}\\s*[=:]\\s*(.*)$`, 'm').exec(text ?? '')?.[1];
  const value = line?.trim().replace(/^"(.*)"$/, '$1');
  return value === undefined || value === '' ? null : value;
}
