import { z } from 'zod';
import { simulatedDeviceNames } from '../../src/simulation/devices';
import { optionalNumber } from '../shared/optional-number';

export const hardwareSchema = z.enum(['auto', ...simulatedDeviceNames]);

/** `[{name, cores, threads}]` as an array or as JSON text; empty lets the cores decide. */
const components = z
  .unknown()
  .default('')
  .transform((value, context): unknown => {
    if (typeof value !== 'string') return value ?? null;
    if (value.trim() === '') return null;
    try {
      const list: unknown = JSON.parse(value);
      return Array.isArray(list) && list.length === 0 ? null : list;
    } catch {
      context.addIssue({
        code: 'custom',
        message: 'not JSON: write a list such as [{"name": "cpu-a", "cores": [0, 1]}]',
      });
      return z.NEVER;
    }
  });

/** Config of a `device` node as it stands in a flow. */
export const deviceConfig = z.object({
  hardware: hardwareSchema.default('auto'),
  /** Plug readings, W; null where there are none. */
  idleW: optionalNumber(z.number().nonnegative()),
  fullLoadW: optionalNumber(z.number().positive()),
  components,
  /** A measured profile that stands for the device; empty: none. A relative path begins in the user directory. */
  profileFile: z.string().trim().default(''),
});
export type DeviceConfig = z.infer<typeof deviceConfig>;
