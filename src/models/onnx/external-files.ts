import { constants } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { EcomapError, messageOf } from '../../signals/errors';
import { FileFields, type FileField } from './file-fields';
import { OnnxTensor, tensorField } from './tensor';
import { modelPlaces, type MessagePlaces } from './tensor-places';

/** What ONNX Runtime, and protobuf, take at once. */
const mostModelBytes = 2 ** 31 - 1;
/** The place of a tensor is three short texts; a longer one is no place. */
const mostPlaceBytes = 64 * 1024;

/** @throws EcomapError MODEL_INVALID */
export function refuseModelBeyondLimit(path: string, bytes: number): void {
  if (bytes <= mostModelBytes) return;
  throw new EcomapError(
    'MODEL_INVALID',
    `${path} has ${(bytes / 1e9).toFixed(1)} GB with its external data; a model may have at most 2 GB. ` +
      'Export it with smaller weights (float16 or int8), or a smaller network.',
  );
}

/**
 * Names of the files that hold external data of a model, each once, sorted. Walks the file by its headers; weights are not read.
 * @throws EcomapError MODEL_INVALID, whose message says only what is wrong with the bytes
 */
export async function externalFileNamesIn(file: FileHandle, bytes: number): Promise<string[]> {
  const fields = new FileFields(file, bytes);
  const names = new Set<string>();
  const visit = async (from: number, to: number, places: MessagePlaces): Promise<void> => {
    for await (const field of fields.between(from, to)) {
      const inner = places.fields[field.number];
      if (inner === undefined || !field.holdsBytes) continue;
      if (inner.isTensor === true) await visitTensor(field);
      else await visit(field.from, field.to, inner);
    }
  };
  const visitTensor = async ({ from, to }: FileField): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const field of fields.between(from, to)) {
      if (!placeFields.includes(field.number)) continue;
      if (field.to - field.start > mostPlaceBytes) {
        throw new EcomapError('MODEL_INVALID', `it makes no sense from byte ${field.start} on`);
      }
      parts.push(Buffer.from(await fields.read(field.start, field.to)));
    }
    const place = new OnnxTensor(Buffer.concat(parts)).externalLocation;
    if (place !== null) names.add(place.location);
  };
  await visit(0, bytes, modelPlaces);
  return [...names].sort();
}

const placeFields: readonly number[] = [tensorField.externalData, tensorField.dataLocation];

/** A file beside a model, open for reading: whoever opened it closes it. */
export interface ExternalFile {
  readonly name: string;
  readonly handle: FileHandle;
  readonly bytes: number;
}

/**
 * Opens a file that a model names, if it lies in the model's folder: what a model file says must not make Node-RED read any other
 * file of the machine. Therefore no absolute path, no "..", no links (which could lead out), and no second name for a file
 * outside (a hard link). `model` is the real path of the model file.
 * @throws EcomapError MODEL_INVALID when the name leads elsewhere, MODEL_NOT_FOUND when the file is missing
 */
async function openExternalFile(model: string, name: string): Promise<ExternalFile> {
  const refuse = (why: string) =>
    new EcomapError(
      'MODEL_INVALID',
      `The model ${model} keeps weights in "${name}", ${why}. ` +
        'Put the file itself, as the exporter wrote it, into the folder of the model.',
    );
  const parts = name.split(/[\\/]/);
  if (name === '' || name.includes('\0')) throw refuse('which is no file name');
  if (isAbsolute(name) || /^[a-z]:/i.test(name)) throw refuse('an absolute path');
  if (parts.includes('..')) throw refuse("which leads out of the model's folder");
  const path = join(dirname(model), name);
  // Not through a link, and without waiting where the name is a pipe.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ELOOP') throw refuse('which is a link');
    throw new EcomapError(
      'MODEL_NOT_FOUND',
      `The model ${model} keeps weights in "${name}", which cannot be read: ${messageOf(error)}. Copy it beside the model.`,
    );
  });
  try {
    const opened = await handle.stat();
    if (!opened.isFile()) throw refuse('which is not a file');
    if (opened.nlink > 1) throw refuse('which has a second name (a hard link)');
    const real = await realpath(path);
    const found = await stat(real);
    if (real !== path || found.ino !== opened.ino || found.dev !== opened.dev) throw refuse('which lies behind a link');
    return { name, handle, bytes: opened.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Opens all of them, in the order given.
 * @throws EcomapError as {@link openExternalFile}, and MODEL_INVALID when the whole is too big
 */
export async function openExternalFiles(
  model: string,
  modelBytes: number,
  names: readonly string[],
): Promise<ExternalFile[]> {
  const files: ExternalFile[] = [];
  try {
    for (const name of names) files.push(await openExternalFile(model, name));
    refuseModelBeyondLimit(
      model,
      files.reduce((sum, { bytes }) => sum + bytes, modelBytes),
    );
    return files;
  } catch (error) {
    await closeAll(files);
    throw error;
  }
}

export async function closeAll(files: readonly ExternalFile[]): Promise<void> {
  await Promise.all(files.map(({ handle }) => handle.close()));
}
