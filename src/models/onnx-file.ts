import { createHash } from 'node:crypto';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { EcomapError, messageOf } from '../signals/errors';
import { closeAll, externalFileNamesIn, openExternalFiles, type ExternalFile } from './onnx/external-files';
import { FileFields } from './onnx/file-fields';

export interface ModelFile {
  /** Absolute, without links. */
  readonly path: string;
  /** With its external data. */
  readonly bytes: number;
  /** Hex, see {@link sha256OfModel}. */
  readonly sha256: string;
}

/**
 * Hex SHA-256 of a model, read in pieces: of its file, followed by the files with its external data in the order of their names.
 * Without external data that is `sha256sum model.onnx`, else `cat model.onnx a.data b.data | sha256sum`.
 * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID
 */
export async function sha256OfModel(path: string): Promise<string> {
  return (await checkModelFile(path)).sha256;
}

/**
 * Looks whether a file can be a model at all, without loading it; weights are only hashed. `pinnedSha256` is the hash it must
 * have; null means any.
 * @throws EcomapError MODEL_NOT_FOUND when it is missing or no file; MODEL_INVALID when it is not ONNX, was cut short,
 * or keeps data outside its folder; MODEL_HASH_MISMATCH
 */
export async function checkModelFile(path: string, pinnedSha256: string | null = null): Promise<ModelFile> {
  const real = await locate(path);
  const file = await open(real, 'r').catch((error: unknown) => {
    throw new EcomapError('MODEL_NOT_FOUND', `The model file ${path} cannot be read: ${messageOf(error)}`);
  });
  let external: ExternalFile[] = [];
  try {
    const ownBytes = (await file.stat()).size;
    external = await openExternalFiles(real, ownBytes, await readStructure(file, path, ownBytes));
    const sha256 = await hashOf([file, ...external.map(({ handle }) => handle)]);
    refuseOtherHash(path, sha256, pinnedSha256);
    return { path: real, bytes: external.reduce((sum, { bytes }) => sum + bytes, ownBytes), sha256 };
  } finally {
    await closeAll(external);
    await file.close();
  }
}

/** @throws EcomapError MODEL_HASH_MISMATCH when another hash is pinned; null pins none */
export function refuseOtherHash(path: string, sha256: string, pinned: string | null): void {
  const wanted = pinned?.toLowerCase() ?? null;
  if (wanted === null || wanted === sha256) return;
  throw new EcomapError(
    'MODEL_HASH_MISMATCH',
    `${path} has the SHA-256 ${sha256}, but ${wanted} is pinned: it is another file or was changed.`,
  );
}

async function hashOf(files: readonly FileHandle[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = file.createReadStream({ start: 0, autoClose: false, highWaterMark: hashPieceBytes });
    for await (const piece of content) hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}

async function locate(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    if (!(await stat(real)).isFile()) throw new Error('it is not a file');
    return real;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const what = missing ? 'does not exist' : `cannot be used: ${messageOf(error)}`;
    throw new EcomapError(
      'MODEL_NOT_FOUND',
      `The model file ${path} ${what}. Correct the path in the tenant's variant.`,
    );
  }
}

/** Large enough for speed, and hashed in a fraction of a millisecond of Node-RED's time. */
const hashPieceBytes = 256 * 1024;
const graphField = 7;
const lastModelField = 26;

/** Walks the protobuf by the headers of its fields, however big the model is; returns the names of external files. */
async function readStructure(file: FileHandle, path: string, bytes: number): Promise<string[]> {
  const invalid = (why: string) =>
    new EcomapError('MODEL_INVALID', `${path} is not an ONNX model: ${why}. Export the network to ONNX again.`);
  if (bytes === 0) throw invalid('it is empty');
  try {
    let hasGraph = false;
    for await (const { number, start } of new FileFields(file, bytes).between(0, bytes)) {
      if (number > lastModelField) {
        throw invalid(start === 0 ? 'it does not begin like one' : `it makes no sense from byte ${start} on`);
      }
      if (number === graphField) hasGraph = true;
    }
    if (!hasGraph) throw invalid('it holds no graph');
    return await externalFileNamesIn(file, bytes);
  } catch (error) {
    throw error instanceof EcomapError && !error.message.startsWith(path) ? invalid(error.message) : error;
  }
}
