import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { EcomapError, messageOf } from '../../signals/errors';
import type { ImportedTable } from '../../signals/imported-profile';
import { describeBadRows, parseProfileFile } from './profile-file';

/**
 * Reads a measured profile when a flow is deployed.
 * @param path a relative one begins in `directory`
 * @param warn told, in a sentence, which rows were left out
 * @throws EcomapError INVALID_CONFIG for what cannot be read or used
 */
export function readProfileFile(path: string, directory: string, warn: (text: string) => void): ImportedTable {
  const place = resolve(directory, path);
  let text: string;
  try {
    text = readFileSync(place, 'utf8');
  } catch (error) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `The profile ${place} cannot be read (${messageOf(error)}): check the path; a relative one begins in the user directory.`,
      { cause: error },
    );
  }
  const file = basename(place);
  const { profiles, badRows } = parseProfileFile(text, file);
  if (badRows.length > 0)
    warn(`The profile ${file}: ${badRows.length} rows were left out. ${describeBadRows(badRows)}`);
  return { file, profiles };
}
