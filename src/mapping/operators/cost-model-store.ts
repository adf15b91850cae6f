import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../signals/errors';
import { fileNameOf, readJsonFile, writeJsonFile } from '../../signals/json-file';
import { describeIssues } from '../../signals/parse';
import { referenceRunSchema, type ReferenceRun } from '../device-scores/device-scores';
import { operatorCostModelSchema, type OperatorCostModel } from './cost-model';

/** Of the files. What another version of this package has written is not used, and learned again when somebody asks for it. */
const layoutVersion = 1;

const fileSchema = z.object({
  layout: z.literal(layoutVersion),
  model: operatorCostModelSchema,
  referenceRuns: z.array(referenceRunSchema),
});

/** What was found out about a component class of this machine. */
export interface MeasuredClass {
  readonly model: OperatorCostModel;
  /** The reference models of the device scores, measured in the same session. */
  readonly referenceRuns: readonly ReferenceRun[];
}

/** What operators cost on the component classes of this machine, on disk: a file for each. */
export class CostModelStore {
  readonly #directory: string;

  /** @param stateDirectory Node-RED's user directory; `warn` hears of files that cannot be used */
  constructor(
    stateDirectory: string,
    private readonly warn: (text: string) => void,
  ) {
    this.#directory = join(stateDirectory, 'ecomap', 'operator-costs');
  }

  /** All that can be used, by component class; empty where nothing was measured. */
  async all(): Promise<MeasuredClass[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const classes = await Promise.all(
      names.filter((name) => name.endsWith('.json')).map((name) => this.#read(join(this.#directory, name))),
    );
    return classes
      .filter((found) => found !== null)
      .sort((a, b) => a.model.componentClass.localeCompare(b.model.componentClass));
  }

  /** Null when nothing usable is there. */
  async get(deviceFingerprint: string, componentClass: string): Promise<MeasuredClass | null> {
    const found = await this.#read(this.#pathOf(deviceFingerprint, componentClass));
    if (found === null) return null;
    const { model } = found;
    return model.deviceFingerprint === deviceFingerprint && model.componentClass === componentClass ? found : null;
  }

  /** @throws the file system's error */
  async put({ model, referenceRuns }: MeasuredClass): Promise<void> {
    await writeJsonFile(this.#pathOf(model.deviceFingerprint, model.componentClass), {
      layout: layoutVersion,
      model,
      referenceRuns: [...referenceRuns],
    } satisfies z.infer<typeof fileSchema>);
  }

  async #read(path: string): Promise<MeasuredClass | null> {
    try {
      const content = await readJsonFile(path);
      if (content === undefined) return null;
      const parsed = fileSchema.safeParse(content);
      if (parsed.success) return { model: parsed.data.model, referenceRuns: parsed.data.referenceRuns };
      this.warn(`The operator costs in ${path} are not used: ${describeIssues(parsed.error)}.`);
    } catch (error) {
      this.warn(`The operator costs in ${path} are not used: ${messageOf(error)}.`);
    }
    return null;
  }

  #pathOf(deviceFingerprint: string, componentClass: string): string {
    // Two classes whose names differ in signs only must not share a file.
    const hash = createHash('sha256').update(`${deviceFingerprint}\n${componentClass}`).digest('hex').slice(0, 12);
    return join(this.#directory, `${fileNameOf(componentClass)}-${hash}.json`);
  }
}
