import { join } from 'node:path';
import { z } from 'zod';
import { carbonBasisSchema, carbonQualitySchema, carbonSignalSchema } from '../signals/carbon';
import { messageOf } from '../signals/errors';
import { fileNameOf, readJsonFile, writeJsonFile } from '../signals/json-file';
import { forecastRecordSchema, type ForecastRecord } from './forecast/forecast-record';
import type { CarbonPoint, ProviderAnswer } from './provider';

const pointSchema = z.object({
  validFromMs: z.number(),
  validToMs: z.number(),
  intensityGPerKwh: z.number().nullable(),
  quality: carbonQualitySchema,
  reason: z.string().optional(),
  method: z.string().optional(),
});

const cacheSchema = z.object({
  version: z.literal(1),
  fetchedAtMs: z.number(),
  zone: z.string(),
  signal: carbonSignalSchema,
  basis: carbonBasisSchema,
  attribution: z.string(),
  points: z.array(pointSchema),
  forecast: z.array(pointSchema),
  forecastRecord: forecastRecordSchema.optional().catch(undefined),
});

export interface KeptAnswer extends ProviderAnswer {
  readonly fetchedAtMs: number;
  /** All points known, not only those of the last answer. */
  readonly points: readonly CarbonPoint[];
  /** How far off the provider's own forecasts were; absent while it made none. */
  readonly forecastRecord?: ForecastRecord;
}

/**
 * Keeps what a remote provider said, so that a restart neither polls it again nor begins without a past. A file that cannot
 * be read is no loss: it is written anew.
 */
export class AnswerCache {
  readonly #path: string;

  /** @param parts tell this answer from others, e.g. provider and zone; nothing secret */
  constructor(stateDirectory: string, parts: readonly string[]) {
    this.#path = join(stateDirectory, 'ecomap', 'carbon', `${fileNameOf(parts.join('-'))}.json`);
  }

  async load(): Promise<KeptAnswer | null> {
    const parsed = cacheSchema.safeParse(await readJsonFile(this.#path).catch(() => null));
    return parsed.success ? parsed.data : null;
  }

  /** Resolves with what went wrong, or null. */
  async save(answer: KeptAnswer): Promise<string | null> {
    try {
      await writeJsonFile(this.#path, { version: 1, ...answer });
      return null;
    } catch (error) {
      return `The carbon cache ${this.#path} cannot be written (${messageOf(error)}): after a restart the provider is asked anew`;
    }
  }
}
