import { z } from 'zod';
import { numberOr } from '../shared/optional-number';

/** Config of a `carbon-intensity` node as it stands in a flow. */
export const carbonIntensityConfig = z.object({
  grid: z.string().optional(),
  /** Seconds between two readings; 0 or empty follows the grid's own step. */
  intervalS: numberOr(z.number().min(0).max(86_400), 0),
  onlyOnChange: z.preprocess((value) => value === true || value === 'true', z.boolean()),
});
