import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../signals/errors';
import { readJsonFile, writeJsonFile } from '../../signals/json-file';
import { modelDescriptionSchema, type ModelDescription } from './model-description';

/** Descriptions on disk: a file of the same bytes, described for the same input shape, is described once. */
export class DescriptionStore {
  readonly #directory: string;

  /** @param stateDirectory Node-RED's user directory; `warn` hears of files that cannot be read or written */
  constructor(
    stateDirectory: string,
    private readonly warn: (text: string) => void,
  ) {
    this.#directory = join(stateDirectory, 'ecomap', 'model-descriptions');
  }

  /** Null when it is not there, or was made by another version of this program. */
  async get(sha256: string, dims: readonly number[] | null): Promise<ModelDescription | null> {
    const path = this.#pathOf(sha256, dims);
    try {
      const kept = modelDescriptionSchema.safeParse(await readJsonFile(path));
      return kept.success && kept.data.sha256 === sha256 ? kept.data : null;
    } catch (error) {
      this.warn(`The model description ${path} cannot be read and is made anew: ${messageOf(error)}`);
      return null;
    }
  }

  /** Never fails: without it the model is described again the next time. */
  async put(description: ModelDescription, dims: readonly number[] | null): Promise<void> {
    const path = this.#pathOf(description.sha256, dims);
    await writeJsonFile(path, description).catch((error: unknown) => {
      this.warn(`The model description ${path} cannot be written: ${messageOf(error)}`);
    });
  }

  #pathOf(sha256: string, dims: readonly number[] | null): string {
    const shape = dims === null ? '' : `-${createHash('sha256').update(dims.join()).digest('hex').slice(0, 8)}`;
    return join(this.#directory, `${sha256}${shape}.json`);
  }
}
