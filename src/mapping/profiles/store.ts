import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { clockSpeedOf, profileSchema, type Profile, type StageSpan } from '../../signals/profile';
import { measuredSensitivitySchema, type MeasuredSensitivity } from '../../signals/sensitivity';
import { nearest } from './table';

/** Version of the file's layout. A file of a later version is set aside and its profiles are measured afresh. */
const layoutVersion = 2;

const fileSchema = z.object({
  version: z.literal(layoutVersion),
  deviceFingerprint: z.string(),
  profiles: z.array(profileSchema),
  sensitivities: z.array(measuredSensitivitySchema),
});
type ProfileFile = z.infer<typeof fileSchema>;

/** Profiles of whole variants at full speed, whatever the shape of their input. */
const firstLayoutSchema = fileSchema
  .omit({ sensitivities: true })
  .extend({ version: z.literal(1) })
  .transform((file): ProfileFile => ({ ...file, version: layoutVersion, sensitivities: [] }));

const versionSchema = z.object({ version: z.number() });

export interface ProfileStoreOptions {
  /** `<state directory>/ecomap/profiles`; made when the first profile is saved. */
  readonly directory: string;
  /** Told, in a sentence, about every file that could not be used. */
  readonly warn: (text: string) => void;
}

/** What was measured, apart from where and how fast. */
export interface ProfiledPart {
  /** Absent: the whole variant. */
  readonly stage?: StageSpan | undefined;
  /** Absent: whatever the profile was measured with. */
  readonly dims?: readonly number[] | null | undefined;
}

/** All that is known of one device. */
interface Known {
  readonly profiles: Map<string, Profile>;
  readonly sensitivities: Map<string, MeasuredSensitivity>;
}

type OfModel = Pick<Profile, 'modelSha256' | 'componentClass' | 'dims'>;

const dimsKey = (dims: readonly number[] | null | undefined): string =>
  dims === undefined ? '?' : JSON.stringify(dims);
const modelKey = ({ modelSha256, componentClass }: OfModel): string => `${modelSha256.toLowerCase()} ${componentClass}`;
const spanKey = (stage: StageSpan | undefined): string =>
  stage === undefined ? 'whole' : `${stage.firstNode}-${stage.endNode ?? 'end'}`;

/** Clock speeds that differ by less than a hundredth of full speed are one. */
const profileKey = (profile: Profile): string =>
  [modelKey(profile), spanKey(profile.stage), dimsKey(profile.dims), clockSpeedOf(profile).toFixed(2)].join(' ');
const sensitivityKey = (found: OfModel): string => `${modelKey(found)} ${dimsKey(found.dims)}`;

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
  private readonly known = new Map<string, Known>();
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

  /**
   * The stored profile of a model, or of a stage of it, on a class of components of a device: of several the one measured at the
   * nearest clock speed (default: full speed). Null when there is none.
   */
  async find(
    modelSha256: string,
    componentClass: string,
    deviceFingerprint: string,
    { stage, dims }: ProfiledPart = {},
    clockSpeed = 1,
  ): Promise<Profile | null> {
    const { profiles } = await this.knownOf(deviceFingerprint);
    const wanted = `${modelKey({ modelSha256, componentClass })} ${spanKey(stage)} `;
    const suiting = [...profiles].flatMap(([key, profile]) =>
      key.startsWith(wanted) && suits(profile.dims, dims) ? [profile] : [],
    );
    // Of two at the same clock speed, the one that says what it was measured with.
    return nearest(
      [...suiting].sort((a, b) => Number(a.dims === undefined) - Number(b.dims === undefined)),
      clockSpeed,
    );
  }

  /**
   * Keeps a profile in memory and on disk, in place of the one of the same part and clock speed. Saves follow each other; each
   * writes a new file and renames it, so that a crash leaves either the old or the new one. What another node saved meanwhile is
   * kept.
   * @throws the file system's error when the file cannot be written (the profile is still known in memory).
   */
  async save(profile: Profile): Promise<void> {
    const known = await this.knownOf(profile.deviceFingerprint);
    known.profiles.set(profileKey(profile), profile);
    await this.keep(profile.deviceFingerprint, known);
  }

  /** How a model got on with stressors on a class of components, or null where that was not measured. */
  async findSensitivity(
    modelSha256: string,
    componentClass: string,
    deviceFingerprint: string,
    dims: readonly number[] | null,
  ): Promise<MeasuredSensitivity | null> {
    const { sensitivities } = await this.knownOf(deviceFingerprint);
    return sensitivities.get(sensitivityKey({ modelSha256, componentClass, dims: dims && [...dims] })) ?? null;
  }

  /** As {@link save}. */
  async saveSensitivity(found: MeasuredSensitivity): Promise<void> {
    const known = await this.knownOf(found.deviceFingerprint);
    known.sensitivities.set(sensitivityKey(found), found);
    await this.keep(found.deviceFingerprint, known);
  }

  private async keep(deviceFingerprint: string, known: Known): Promise<void> {
    const write = this.writing.then(() => this.write(deviceFingerprint, known));
    this.writing = write.catch(() => undefined);
    await write;
  }

  private async knownOf(deviceFingerprint: string): Promise<Known> {
    const known = this.known.get(deviceFingerprint);
    if (known !== undefined) return known;
    const read = await this.read(deviceFingerprint);
    // Another caller may have read the same file meanwhile: everybody must share one map.
    const shared = this.known.get(deviceFingerprint) ?? read;
    this.known.set(deviceFingerprint, shared);
    return shared;
  }

  private async read(deviceFingerprint: string): Promise<Known> {
    const path = this.fileOf(deviceFingerprint);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (!isMissing(error))
        this.options.warn(`Profiles in ${path} cannot be read (${messageOf(error)}): measured afresh.`);
      return nothing();
    }
    const outcome = parseFile(text, deviceFingerprint);
    if (typeof outcome !== 'string') {
      return {
        profiles: new Map(outcome.profiles.map((profile) => [profileKey(profile), profile])),
        sensitivities: new Map(outcome.sensitivities.map((found) => [sensitivityKey(found), found])),
      };
    }
    await this.setAside(path, outcome);
    return nothing();
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

  private async write(deviceFingerprint: string, { profiles, sensitivities }: Known): Promise<void> {
    const path = this.fileOf(deviceFingerprint);
    const others = await this.read(deviceFingerprint);
    addMissing(profiles, others.profiles);
    addMissing(sensitivities, others.sensitivities);
    const content: ProfileFile = {
      version: layoutVersion,
      deviceFingerprint,
      profiles: [...profiles.values()],
      sensitivities: [...sensitivities.values()],
    };
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

const nothing = (): Known => ({ profiles: new Map(), sensitivities: new Map() });

function addMissing<T>(to: Map<string, T>, from: ReadonlyMap<string, T>): void {
  for (const [key, value] of from) if (!to.has(key)) to.set(key, value);
}

/** Profiles that do not say what they were measured with come from the first layout: they suit every shape. */
function suits(measured: Profile['dims'], wanted: readonly number[] | null | undefined): boolean {
  return measured === undefined || wanted === undefined || dimsKey(measured) === dimsKey(wanted);
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
  if (version.success && ![1, layoutVersion].includes(version.data.version)) {
    return `it has layout version ${version.data.version}, this program knows version ${layoutVersion}`;
  }
  const isFirst = version.success && version.data.version === 1;
  const parsed = (isFirst ? firstLayoutSchema : fileSchema).safeParse(content);
  if (!parsed.success) return describeIssues(parsed.error);
  const foreign =
    parsed.data.deviceFingerprint !== deviceFingerprint ||
    [...parsed.data.profiles, ...parsed.data.sensitivities].some(
      (found) => found.deviceFingerprint !== deviceFingerprint,
    );
  return foreign ? 'it was measured on another device' : parsed.data;
}
