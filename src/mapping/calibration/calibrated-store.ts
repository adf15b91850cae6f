import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { calibrationSummarySchema, type CalibrationSummary } from '../../signals/calibration';
import { messageOf } from '../../signals/errors';
import { fileNameOf, readJsonFile, writeJsonFile } from '../../signals/json-file';
import { describeIssues } from '../../signals/parse';
import { featuresVersion } from '../estimator/learned/features';
import { intervalsSchema } from '../estimator/intervals/interval-schema';
import type { EstimatorIntervals } from '../estimator/learned/learned-estimator';

const layoutVersion = 1;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const fileSchema = z.object({
  version: z.literal(layoutVersion),
  deviceFingerprint: z.string(),
  featuresVersion: z.number(),
  /** The tuned estimator beside this file; null where the one that it began with stays. */
  estimator: z.object({ file: z.string().regex(/^estimator-[0-9a-f]{16}\.onnx$/), sha256: sha256Schema }).nullable(),
  /** Of the estimator that it began with. */
  basisSha256: sha256Schema,
  intervals: intervalsSchema,
  summary: calibrationSummarySchema,
});
type CalibrationFile = z.infer<typeof fileSchema>;
const versionSchema = z.object({ version: z.number() });

/** What a device has learned. */
export interface Calibrated {
  /** An ONNX file; null where the shipped estimator stays, of which the intervals then are. */
  readonly estimator: Uint8Array | null;
  readonly intervals: EstimatorIntervals;
  readonly summary: CalibrationSummary;
}

/** Names an estimator by its file. */
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Where everything about the calibration of a device is kept. */
export function calibrationDirectory(stateDirectory: string, deviceFingerprint: string): string {
  return join(stateDirectory, 'ecomap', 'calibration', fileNameOf(deviceFingerprint));
}

const fileIn = (directory: string): string => join(directory, 'calibration.json');

/**
 * What this device has learned, for the planner at its start. Null where it has learned nothing, or what it has cannot be used
 * (half-written, of another device, of other features, of a newer version): `warn` is told why, and the shipped estimator does.
 * @param shipped the shipped estimator; absent: intervals of an estimator that stayed are believed unseen
 */
export async function loadCalibrated(
  stateDirectory: string,
  deviceFingerprint: string,
  { warn, shipped }: { readonly warn: (text: string) => void; readonly shipped?: Uint8Array },
): Promise<Calibrated | null> {
  const directory = calibrationDirectory(stateDirectory, deviceFingerprint);
  const unusable = (why: string): null => {
    warn(`The calibration in ${directory} is not used: ${why}. The shipped estimator is; calibrate again.`);
    return null;
  };
  let content: unknown;
  try {
    content = await readJsonFile(fileIn(directory));
  } catch (error) {
    return unusable(`calibration.json cannot be read (${messageOf(error)})`);
  }
  if (content === undefined) return null;
  const version = versionSchema.safeParse(content);
  if (version.success && version.data.version !== layoutVersion) {
    return unusable(`it has layout version ${version.data.version}, this program knows version ${layoutVersion}`);
  }
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) return unusable(describeIssues(parsed.error));
  const found = parsed.data;
  if (found.deviceFingerprint !== deviceFingerprint) return unusable('it was made on another device');
  if (found.featuresVersion !== featuresVersion) {
    return unusable(`its estimator reads features of version ${found.featuresVersion}, not ${featuresVersion}`);
  }
  const { intervals, summary } = found;
  if (found.estimator === null) {
    const isOther = shipped !== undefined && sha256Of(shipped) !== found.basisSha256;
    return isOther
      ? unusable('its intervals are those of an earlier shipped estimator')
      : { estimator: null, intervals, summary };
  }
  try {
    const estimator = await readFile(join(directory, found.estimator.file));
    if (sha256Of(estimator) !== found.estimator.sha256) return unusable(`${found.estimator.file} is damaged`);
    return { estimator, intervals, summary };
  } catch (error) {
    return unusable(`${found.estimator.file} cannot be read (${messageOf(error)})`);
  }
}

/**
 * Puts a calibration in the place of the one before, at once or not at all: the estimator's file is named by its content, and the
 * file that names it is replaced last.
 * @throws the file system's error; the one before then stays
 */
export async function saveCalibrated(
  stateDirectory: string,
  { estimator, basis, intervals, summary }: Calibrated & { readonly basis: Uint8Array },
): Promise<void> {
  const directory = calibrationDirectory(stateDirectory, summary.deviceFingerprint);
  await mkdir(directory, { recursive: true });
  const sha256 = estimator === null ? null : sha256Of(estimator);
  const file = sha256 === null ? null : `estimator-${sha256.slice(0, 16)}.onnx`;
  if (estimator !== null && file !== null) await writeWhole(join(directory, file), estimator);
  const content: CalibrationFile = {
    version: layoutVersion,
    deviceFingerprint: summary.deviceFingerprint,
    featuresVersion,
    estimator: sha256 === null || file === null ? null : { file, sha256 },
    basisSha256: sha256Of(basis),
    intervals,
    summary,
  };
  await writeJsonFile(fileIn(directory), content);
  for (const name of await readdir(directory)) {
    if (/^estimator-.*\.onnx/.test(name) && name !== file) await rm(join(directory, name), { force: true });
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
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
