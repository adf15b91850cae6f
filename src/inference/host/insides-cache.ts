import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { tensorTypes } from '../../signals/tensor';
import type { ModelInsides } from './model-insides';

const dimsSchema = z.array(z.union([z.number(), z.string()]));
const specsSchema = z.array(z.object({ name: z.string(), type: z.enum(tensorTypes), dims: dimsSchema }));
const fileSchema = z.object({
  version: z.literal(1),
  inputs: specsSchema,
  outputs: specsSchema,
  types: z.array(
    z.object({
      name: z.string(),
      type: z.number().int(),
      dims: z.array(z.union([z.number(), z.string(), z.null()])).nullable(),
    }),
  ),
});

/** Of a few models, in this process. */
const inMemory = new Map<string, ModelInsides>();
const mostInMemory = 8;

/**
 * What is inside the model of that hash: from memory, else from the directory, else found out by `inspect` and kept. A directory
 * that cannot be read or written costs time and nothing else.
 */
export async function cachedInsides(
  sha256: string,
  directory: string | null,
  inspect: () => Promise<ModelInsides>,
): Promise<ModelInsides> {
  const known = inMemory.get(sha256) ?? (directory === null ? null : await readCached(fileOf(directory, sha256)));
  const insides = known ?? (await inspect());
  if (known === null && directory !== null) await writeCached(directory, sha256, insides);
  inMemory.set(sha256, insides);
  const [oldest] = inMemory.keys();
  if (inMemory.size > mostInMemory && oldest !== undefined) inMemory.delete(oldest);
  return insides;
}

function fileOf(directory: string, sha256: string): string {
  return join(directory, `${sha256}.json`);
}

async function readCached(path: string): Promise<ModelInsides | null> {
  try {
    const { inputs, outputs, types } = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return {
      whole: { inputs, outputs },
      types: new Map(types.map(({ name, type, dims }) => [name, { type, dims }])),
    };
  } catch {
    return null;
  }
}

async function writeCached(directory: string, sha256: string, { types, whole }: ModelInsides): Promise<void> {
  const content: z.input<typeof fileSchema> = {
    version: 1,
    inputs: whole.inputs.map((spec) => ({ ...spec, dims: [...spec.dims] })),
    outputs: whole.outputs.map((spec) => ({ ...spec, dims: [...spec.dims] })),
    types: [...types].map(([name, { type, dims }]) => ({ name, type, dims: dims === null ? null : [...dims] })),
  };
  const path = fileOf(directory, sha256);
  // Whole or not at all: several hosts may write the same file at once.
  const unfinished = `${path}.${process.pid}`;
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(unfinished, JSON.stringify(content));
    await rename(unfinished, path);
  } catch {
    // Next time it is found out again.
  }
}
