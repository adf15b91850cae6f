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

const costsSchema = z.object({ layout: z.literal(layoutVersion), model: operatorCostModelSchema });

const summarySchema = z.object({
  layout: z.literal(layoutVersion),
  /** The model without what is learned. */
  about: operatorCostModelSchema.omit({ kinds: true, general: true, run: true }),
  /** The reference models of the device scores, measured in the same session. */
  referenceRuns: z.array(referenceRunSchema),
});
export type ClassSummary = Omit<z.infer<typeof summarySchema>, 'layout'>;

/** What was found out about a component class of this machine. */
export interface MeasuredClass {
  readonly model: OperatorCostModel;
  readonly referenceRuns: readonly ReferenceRun[];
}

const costsEnding = '.costs.json';
const summaryEnding = '.summary.json';

/**
 * What operators cost on the component classes of this machine, on disk: for each the costs, some megabytes that take tens of
 * milliseconds to read (never in Node-RED's process), and a small summary.
 */
export class CostModelStore {
  readonly #directory: string;

  /** @param stateDirectory Node-RED's user directory; `warn` hears of files that cannot be used */
  constructor(
    stateDirectory: string,
    private readonly warn: (text: string) => void,
  ) {
    this.#directory = join(stateDirectory, 'ecomap', 'operator-costs');
  }

  /** The costs on a device, by component class; empty where nothing was measured. */
  async of(deviceFingerprint: string): Promise<OperatorCostModel[]> {
    const found = await this.#readAll(costsEnding, costsSchema);
    return found
      .map(({ model }) => model)
      .filter((model) => model.deviceFingerprint === deviceFingerprint)
      .sort((a, b) => a.componentClass.localeCompare(b.componentClass));
  }

  /** What there is of a device, without the costs. */
  async summariesOf(deviceFingerprint: string): Promise<ClassSummary[]> {
    const found = await this.#readAll(summaryEnding, summarySchema);
    return found
      .filter(({ about }) => about.deviceFingerprint === deviceFingerprint)
      .map(({ about, referenceRuns }) => ({ about, referenceRuns }))
      .sort((a, b) => a.about.componentClass.localeCompare(b.about.componentClass));
  }

  /** @throws the file system's error */
  async put({ model, referenceRuns }: MeasuredClass): Promise<void> {
    const { kinds: _kinds, general: _general, run: _run, ...about } = model;
    const path = this.#pathOf(model);
    const layout = layoutVersion;
    await writeJsonFile(`${path}${costsEnding}`, { layout, model } satisfies z.infer<typeof costsSchema>);
    const summary: z.infer<typeof summarySchema> = { layout, about, referenceRuns: [...referenceRuns] };
    await writeJsonFile(`${path}${summaryEnding}`, summary);
  }

  async #readAll<T>(ending: string, schema: z.ZodType<T>): Promise<T[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const paths = names.filter((name) => name.endsWith(ending)).map((name) => join(this.#directory, name));
    return (await Promise.all(paths.map((path) => this.#read(path, schema)))).filter((one) => one !== null);
  }

  async #read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
    try {
      const parsed = schema.safeParse(await readJsonFile(path));
      if (parsed.success) return parsed.data;
      this.warn(`The operator costs in ${path} are not used: ${describeIssues(parsed.error)}.`);
    } catch (error) {
      this.warn(`The operator costs in ${path} are not used: ${messageOf(error)}.`);
    }
    return null;
  }

  #pathOf({ deviceFingerprint, componentClass }: OperatorCostModel): string {
    // Two classes whose names differ in signs only must not share a file.
    const hash = createHash('sha256').update(`${deviceFingerprint}\n${componentClass}`).digest('hex').slice(0, 12);
    return join(this.#directory, `${fileNameOf(componentClass)}-${hash}`);
  }
}
