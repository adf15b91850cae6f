import { createHash } from 'node:crypto';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import { refuseOtherHash } from '../../models/onnx-file';
import { checkModel } from '../../models/onnx/check-model';
import { externalFileNames, inlineExternalData, sliceOfFile } from '../../models/onnx/external-data';
import { closeAll, openExternalFiles, refuseModelBeyondLimit } from '../../models/onnx/external-files';
import { parseModel } from '../../models/onnx/model';

export interface ModelBytes {
  /** The whole model, external data included. */
  readonly bytes: Uint8Array;
  /** Hex, see `sha256OfModel`. */
  readonly sha256: string;
}

/**
 * A model as one piece of memory, checked against the hash that the tenant pinned. What is loaded is what was hashed: the files
 * cannot change in between, and ONNX Runtime is never left to open a file that a model names.
 * @throws EcomapError MODEL_NOT_FOUND, MODEL_HASH_MISMATCH, MODEL_INVALID
 */
export async function readModel(path: string, pinnedSha256: string | null): Promise<ModelBytes> {
  const real = await realpath(path).catch((error: unknown) => {
    throw notReadable(path, error);
  });
  const main = await readMain(path, real);
  const hash = createHash('sha256').update(main);
  let names: string[];
  try {
    names = about(path, () => externalFileNames(main));
  } catch (error) {
    // Of a pinned model that is damaged, it helps more to know that it was changed.
    refuseOtherHash(path, hash.digest('hex'), pinnedSha256);
    throw error;
  }
  const files = await openExternalFiles(real, main.length, names);
  try {
    const contents = new Map<string, Uint8Array>();
    for (const { name, handle, bytes } of files) {
      const content = await readWhole(handle, bytes);
      hash.update(content);
      contents.set(name, content);
    }
    const sha256 = hash.digest('hex');
    refuseOtherHash(path, sha256, pinnedSha256);
    const bytes = about(path, () => {
      const inlined = inlineExternalData(main, (place, tensor) =>
        sliceOfFile(contents.get(place.location) ?? new Uint8Array(), place, tensor.name),
      );
      checkModel(parseModel(inlined));
      return inlined;
    });
    return { bytes, sha256 };
  } finally {
    await closeAll(files);
  }
}

/** Says which file it is that is wrong. */
function about<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw isEcomapError(error) ? new EcomapError(error.code, `${path}: ${error.message}`, { cause: error }) : error;
  }
}

async function readMain(path: string, real: string): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await open(real, 'r');
  } catch (error) {
    throw notReadable(path, error);
  }
  try {
    const { size } = await file.stat();
    refuseModelBeyondLimit(path, size);
    return await readWhole(file, size);
  } catch (error) {
    throw error instanceof EcomapError ? error : notReadable(path, error);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, bytes: number): Promise<Buffer> {
  const content = Buffer.allocUnsafeSlow(bytes);
  let position = 0;
  while (position < bytes) {
    const { bytesRead } = await file.read(content, position, bytes - position, position);
    if (bytesRead === 0) return content.subarray(0, position);
    position += bytesRead;
  }
  return content;
}

function notReadable(path: string, error: unknown): EcomapError {
  return new EcomapError('MODEL_NOT_FOUND', `The model file ${path} cannot be read: ${messageOf(error)}`);
}
