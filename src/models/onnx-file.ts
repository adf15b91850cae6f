import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { EcomapError, messageOf } from '../signals/errors';

export interface ModelFile {
  /** Absolute, without links. */
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Hex SHA-256 of a file, read in pieces. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Looks whether a file can be a model at all, without loading it. `pinnedSha256` is the hash it must have; null means any.
 * @throws EcomapError MODEL_NOT_FOUND when it is missing or no file; MODEL_INVALID when it is not ONNX or was cut short;
 * MODEL_HASH_MISMATCH
 */
export async function checkModelFile(path: string, pinnedSha256: string | null = null): Promise<ModelFile> {
  const real = await locate(path);
  const file = await open(real, 'r').catch((error: unknown) => {
    throw new EcomapError('MODEL_NOT_FOUND', `The model file ${path} cannot be read: ${messageOf(error)}`);
  });
  let bytes: number;
  try {
    bytes = (await file.stat()).size;
    await checkIsOnnx(file, path, bytes);
  } finally {
    await file.close();
  }
  const sha256 = await sha256OfFile(real);
  const wanted = pinnedSha256?.toLowerCase() ?? null;
  if (wanted !== null && wanted !== sha256) {
    throw new EcomapError(
      'MODEL_HASH_MISMATCH',
      `${path} has the SHA-256 ${sha256}, but ${wanted} is pinned: it is another file or was changed.`,
    );
  }
  return { path: real, bytes, sha256 };
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

const graphField = 7;
const lastModelField = 25;
/** A field's header: two varints of at most ten bytes. */
const headerBytes = 20;

/** Walks the top-level fields of the protobuf by their headers alone: a few reads, however big the model is. */
async function checkIsOnnx(file: FileHandle, path: string, bytes: number): Promise<void> {
  const invalid = (why: string) =>
    new EcomapError('MODEL_INVALID', `${path} is not an ONNX model: ${why}. Export the network to ONNX again.`);
  if (bytes === 0) throw invalid('it is empty');
  const header = Buffer.alloc(headerBytes);
  let position = 0;
  let hasGraph = false;
  while (position < bytes) {
    const { bytesRead } = await file.read(header, 0, headerBytes, position);
    const field = readField(header.subarray(0, bytesRead));
    if (field === null || field.number < 1 || field.number > lastModelField) {
      throw invalid(position === 0 ? 'it does not begin like one' : `it makes no sense from byte ${position} on`);
    }
    if (field.number === graphField) hasGraph = true;
    position += field.bytes;
  }
  if (position > bytes) throw invalid(`it ends ${position - bytes} bytes too early, as if it was not copied whole`);
  if (!hasGraph) throw invalid('it holds no graph');
}

/** Number of a protobuf field and its length with its header; null when it is none. */
function readField(header: Buffer): { number: number; bytes: number } | null {
  const tag = readVarint(header, 0);
  if (tag === null) return null;
  const number = Math.floor(tag.value / 8);
  switch (tag.value % 8) {
    case 0: {
      const value = readVarint(header, tag.next);
      return value === null ? null : { number, bytes: value.next };
    }
    case 1:
      return { number, bytes: tag.next + 8 };
    case 2: {
      const length = readVarint(header, tag.next);
      return length === null ? null : { number, bytes: length.next + length.value };
    }
    case 5:
      return { number, bytes: tag.next + 4 };
    default:
      return null;
  }
}

function readVarint(bytes: Buffer, start: number): { value: number; next: number } | null {
  let value = 0;
  let scale = 1;
  for (let index = start; index < Math.min(bytes.length, start + 10); index += 1) {
    const byte = bytes[index] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, next: index + 1 };
    scale *= 128;
  }
  return null;
}
