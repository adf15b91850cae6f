import { join } from 'node:path';
import { z } from 'zod';
import { KeptFile } from '../../signals/kept-file';
import { timeSchema } from '../../signals/quantities';
import { intervalsSchema, type Intervals } from '../estimator/intervals/interval-schema';
import { featuresVersion } from '../estimator/learned/features';

const fileSchema = z.object({
  version: z.literal(1),
  featuresVersion: z.number(),
  estimatorSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** End of the calibration whose intervals they replace; null: nothing was calibrated. */
  calibratedAt: timeSchema.nullable(),
  intervals: intervalsSchema,
});
type RefreshedFile = z.infer<typeof fileSchema>;

/** Whose intervals they are: of no other estimator, and of no other calibration, do they say anything. */
export type IntervalsOf = Pick<RefreshedFile, 'estimatorSha256' | 'calibratedAt'>;

/** Intervals that were made anew in service, kept beside the calibration of the device, so that a restart goes on with them. */
export class RefreshedIntervals {
  private readonly file: KeptFile<RefreshedFile>;

  /** @param directory of the device's calibration */
  constructor(directory: string, warn: (text: string) => void) {
    this.file = new KeptFile({
      path: join(directory, 'intervals.json'),
      schema: fileSchema,
      consequence: 'intervals of predictions begin with those of the calibration',
      warn,
    });
  }

  /** Null where there are none of this estimator and calibration. Never rejects. */
  async load({ estimatorSha256, calibratedAt }: IntervalsOf): Promise<Intervals | null> {
    const found = await this.file.load();
    const isOwn =
      found?.featuresVersion === featuresVersion &&
      found.estimatorSha256 === estimatorSha256 &&
      found.calibratedAt === calibratedAt;
    return isOwn ? found.intervals : null;
  }

  /** Never rejects: the user is told once where they cannot be written. */
  save({ estimatorSha256, calibratedAt }: IntervalsOf, intervals: Intervals): Promise<void> {
    return this.file.save({ version: 1, featuresVersion, estimatorSha256, calibratedAt, intervals }, null);
  }

  /** Another calibration has made others. */
  forget(): Promise<void> {
    return this.file.forget();
  }
}
