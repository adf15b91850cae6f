import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import type { FoldOutcome } from './calibration';
import type { CalibrationJob } from './protocol';

const floats = z.custom<Float32Array>((value) => value instanceof Float32Array);
const stateSchema = z.object({
  job: z.string(),
  finished: z.array(
    z.object({
      losses: z.array(z.number()),
      predictions: z.array(z.object({ latency: floats, power: floats })),
    }),
  ),
});

/** What a calibration has finished, on disk, for the same estimator, samples and seed only. */
export class CalibrationState {
  private readonly job: string;

  constructor(
    private readonly path: string,
    { estimator, samples, seed }: CalibrationJob,
  ) {
    const hash = createHash('sha256').update(estimator).update(String(seed));
    for (const values of [samples.features, samples.lnLatencyRatio, samples.lnPowerRatio, samples.workload]) {
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    this.job = hash.digest('hex');
  }

  /** Nothing where there is no file, where it is of another job, or where it was only half written. */
  async load(): Promise<readonly FoldOutcome[]> {
    try {
      const state = stateSchema.parse(deserialize(await readFile(this.path)));
      return state.job === this.job ? state.finished : [];
    } catch {
      return [];
    }
  }

  /** Replaces the file as a whole: a process that is killed leaves the one before. */
  async save(finished: readonly FoldOutcome[]): Promise<void> {
    const temporary = `${this.path}.${process.pid}.tmp`;
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(serialize({ job: this.job, finished }));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path);
  }

  async clear(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
