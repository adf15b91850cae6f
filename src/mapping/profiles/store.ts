import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { profileSchema, type Profile } from '../../signals/profile';

/** Version of the file's layout. A file of another version is set aside and its profiles are measured afresh. */
const layoutVersion = 1;

const fileSchema = z.object({
  version: z.literal(layoutVersion),
  deviceFingerprint: z.string(),
  profiles: z.array(profileSchema),
});
type ProfileFile = z.infer<typeof fileSchema>;

const versionSchema = z.object({ version: z.number() });

export interface ProfileStoreOptions {
  /** `<state directory>/ecomap/profiles`; made when the first profile is saved. */
  readonly directory: string;
  /** Told, in a sentence, about every file that could not be used. */
  readonly warn: (text: string) => void;
}

const keyOf = (profile: Pick<Profile, 'modelSha256' | 'componentClass'>): string =>
  `${profile.modelSha256.toLowerCase()} ${profile.componentClass}`;

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/**
 * Measured profiles on disk: one JSON file per device fingerprint, so that profiles of another device are never mixed in.
 * A file that cannot be used (half-written, of another device, of another version) is set aside with a warning and its
 * profiles are measured again; it never stops the loop.
 */
export class ProfileStore {
  private readonly options: ProfileStoreOptions;
  private readonly known = new Map<string, Map<string, Profile>>();
  private writing: Promise<void> = Promise.resolve();

  constructor(options: ProfileStoreOptions) {
    this.options = options;
  }

  /** Where the profiles of a device are kept. */
  fileOf(deviceFingerprint: string): string {
    const name = /^[A-Za-z0-9][\w.-]{0,79}$/.test(deviceFingerprint)
      ? deviceFingerprint
      : createHash('sha256').update(deviceFingerprint).digest('hex').slice(0, 32);
    return join(this.options.directory, `${name}.json`);
  }

  /** The stored profile of a model on a class of components of a device, or null. */
  async find(modelSha256: string, componentClass: string, deviceFingerprint: string): Promise<Profile | null> {
    const profiles = await this.profilesOf(deviceFingerprint);
    return profiles.get(keyOf({ modelSha256, componentClass })) ?? null;
  }

  /**
   * Keeps a profile in memory and on disk. Saves follow each other; each writes a new file and renames it, so that a crash
   * leaves either the old or the new one. Profiles that another node saved meanwhile are kept.
   * @throws the file system's error when the file cannot be written (the profile is still known in memory).
   */
  async save(profile: Profile): Promise<void> {
    const profiles = await this.profilesOf(profile.deviceFingerprint);
    profiles.set(keyOf(profile), profile);
    const write = this.writing.then(() => this.write(profile.deviceFingerprint, profiles));
    this.writing = write.catch(() => undefined);
    await write;
  }

  private async profilesOf(deviceFingerprint: string): Promise<Map<string, Profile>> {
    const known = this.known.get(deviceFingerprint);
    if (known !== undefined) return known;
    const read = await this.read(deviceFingerprint);
    // Another caller may have read the same file meanwhile: everybody must share one map.
    const profiles = this.known.get(deviceFingerprint) ?? read;
    this.known.set(deviceFingerprint, profiles);
    return profiles;
  }

  private async read(deviceFingerprint: string): Promise<Map<string, Profile>> {
    const path = this.fileOf(deviceFingerprint);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (!isMissing(error))
        this.options.warn(`Profiles in ${path} cannot be read (${messageOf(error)}): measured afresh.`);
      return new Map();
    }
    const outcome = parseFile(text, deviceFingerprint);
    if (typeof outcome !== 'string') return new Map(outcome.profiles.map((profile) => [keyOf(profile), profile]));
    await this.setAside(path, outcome);
    return new Map();
  }

  private async setAside(path: string, reason: string): Promise<void> {
    const aside = `${path}.set-aside`;
    try {
      await rename(path, aside);
      this.options.warn(`Profiles in ${path} are not used: ${reason}. Set aside as ${aside}; measured afresh.`);
    } catch (error) {
      this.options.warn(
        `Profiles in ${path} are not used: ${reason}. It could not be set aside (${messageOf(error)}).`,
      );
    }
  }

  private async write(deviceFingerprint: string, profiles: Map<string, Profile>): Promise<void> {
    const path = this.fileOf(deviceFingerprint);
    for (const [key, profile] of await this.read(deviceFingerprint)) {
      if (!profiles.has(key)) profiles.set(key, profile);
    }
    const content: ProfileFile = { version: layoutVersion, deviceFingerprint, profiles: [...profiles.values()] };
    const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      const file = await open(temporary, 'w');
      try {
        await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
        // Without it a power cut can leave the renamed file empty.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

/** The content of a file, or in words why it cannot be used. */
function parseFile(text: string, deviceFingerprint: string): ProfileFile | string {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return 'it is not complete JSON (written only in part?)';
  }
  const version = versionSchema.safeParse(content);
  if (version.success && version.data.version !== layoutVersion) {
    return `it has layout version ${version.data.version}, this program knows version ${layoutVersion}`;
  }
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) return describeIssues(parsed.error);
  const foreign =
    parsed.data.deviceFingerprint !== deviceFingerprint ||
    parsed.data.profiles.some((profile) => profile.deviceFingerprint !== deviceFingerprint);
  return foreign ? 'it was measured on another device' : parsed.data;
}
