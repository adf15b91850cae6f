import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { readOwnFile } from './own-file';
import { processIdentitySchema } from './process-identity';

export const recordVersion = 1;

const recordedSettingSchema = z.object({
  key: z.string().min(1),
  /** What was there before the first write. */
  before: z.string(),
  /** Values that are ours: the last one and, while it is being changed, the next one. */
  ours: z.array(z.string()).min(1).readonly(),
});
export type RecordedSetting = z.infer<typeof recordedSettingSchema>;

const changeRecordSchema = z.object({
  version: z.literal(recordVersion),
  process: processIdentitySchema,
  /** Tells the holders within one process apart. */
  instance: z.string().min(1),
  /** For people: who made the changes. */
  owner: z.string(),
  settings: z.array(recordedSettingSchema).readonly(),
});
export type ChangeRecord = z.infer<typeof changeRecordSchema>;

export interface LoadedRecord {
  readonly record: ChangeRecord | null;
  /** What the user should know: the file was unusable and is kept under another name. */
  readonly warning: string | null;
}

/** Where the changes to a machine are recorded: one file per machine, a simulated one is known by its folder. */
export function recordPathOf(stateDirectory: string, root: string): string {
  const suffix = root === '/' ? '' : `-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
  return join(stateDirectory, 'ecomap', `machine-changes${suffix}.json`);
}

/** Never rejects: an unusable file is put aside and named in the warning. */
export async function loadRecord(path: string): Promise<LoadedRecord> {
  let content: unknown;
  try {
    const found = await readOwnFile(path);
    if (found === undefined) return { record: null, warning: null };
    // What it says is written to the machine.
    if (found.distrust !== null) return await putAside(path, found.distrust);
    content = JSON.parse(found.text);
  } catch (error) {
    return putAside(path, messageOf(error));
  }
  const version = typeof content === 'object' && content !== null && 'version' in content ? content.version : null;
  if (typeof version === 'number' && version > recordVersion) {
    return putAside(path, `it was written by a newer version of this package (format ${version})`);
  }
  const parsed = changeRecordSchema.safeParse(content);
  return parsed.success ? { record: parsed.data, warning: null } : putAside(path, describeIssues(parsed.error));
}

async function putAside(path: string, reason: string): Promise<LoadedRecord> {
  const aside = `${path}.unusable-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  const kept = await rename(path, aside).then(
    () => `It is kept as ${aside}`,
    (error: unknown) => `It could not be put aside (${messageOf(error)})`,
  );
  return {
    record: null,
    warning:
      `The record of changed power settings ${path} cannot be used (${reason}), so an earlier run's settings are not ` +
      `restored. ${kept}; a reboot restores clocks and power limits.`,
  };
}

/** Durable when it resolves: flushed beside the file, then renamed, so that a crash leaves the old or the new one. */
export async function saveRecord(path: string, record: ChangeRecord): Promise<void> {
  if (record.settings.length === 0) {
    await rm(path, { force: true });
    return;
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(JSON.stringify(record), 'utf8');
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A new name is safe from a power cut only with its folder; not every file system offers that. */
async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder).catch(() => null);
  await opened?.sync().catch(() => undefined);
  await opened?.close();
}

/** The same for a process that is just exiting, where nothing can be awaited. */
export function saveRecordAtExit(path: string, record: ChangeRecord): void {
  if (record.settings.length === 0) {
    rmSync(path, { force: true });
    return;
  }
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = openSync(temporary, 'wx', 0o644);
  try {
    writeSync(file, JSON.stringify(record));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
