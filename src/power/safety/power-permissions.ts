import { z } from 'zod';
import { EcomapError } from '../../signals/errors';
import { parseAtTheDoor } from '../../signals/parse';
import { hardwareActuatorNames, type HardwareActuatorName } from '../actuators/hardware-actuator';

const watts = z.number().nonnegative();

/** `ecomap: { power: {...} }` in settings.js: what no flow may do. Everything may be absent. */
const powerPermissionsSchema = z
  // A limit with a typing error in its name must not be lost.
  .strictObject({
    /** Least and most cap, W. */
    minimumW: watts.nullable().default(null),
    maximumW: z.number().positive().nullable().default(null),
    /** Hardware that flows may set; absent or null: all, an empty list: none. */
    actuators: z.array(z.enum(hardwareActuatorNames)).nullable().default(null),
    /** Names of other power managers beside which hardware may be set all the same, e.g. `thermald`. */
    besideManagers: z.array(z.string().min(1)).default([]),
  })
  .superRefine(({ minimumW, maximumW }, context) => {
    if (minimumW === null || maximumW === null || minimumW <= maximumW) return;
    const message = `the least power (${minimumW} W) is above the most (${maximumW} W)`;
    context.addIssue({ code: 'custom', path: ['minimumW'], message });
  });
export type PowerPermissions = z.infer<typeof powerPermissionsSchema>;

const settingsSchema = z
  .object({ power: powerPermissionsSchema.prefault({}) })
  .nullish()
  .transform((settings) => settings?.power ?? powerPermissionsSchema.parse({}));

/**
 * @param settings the property `ecomap` of settings.js, unparsed
 * @throws EcomapError INVALID_CONFIG: limits that cannot be understood are not guessed
 */
export const powerPermissionsOf = (settings: unknown): PowerPermissions =>
  parseAtTheDoor(settingsSchema as z.ZodType<PowerPermissions>, settings, 'INVALID_CONFIG', 'ecomap in settings.js');

/** A cap within the hard limits, W. */
export function withinLimits(capW: number, { minimumW, maximumW }: PowerPermissions): number {
  return Math.min(maximumW ?? Infinity, Math.max(minimumW ?? 0, capW));
}

export interface WritePermission {
  /** True: changes are only told. It is the default; really writing takes both the node's word and no objection here. */
  readonly dryRun: boolean;
  /** Why, in words for the node's status or report. */
  readonly reason: string;
}

/**
 * Whether a node may really set the hardware.
 * @param apply the node's own choice
 * @throws EcomapError POWER_DENIED when the node wants to and settings.js does not allow the actuator
 */
export function permitWriting(
  actuator: HardwareActuatorName,
  apply: boolean,
  { actuators }: PowerPermissions,
): WritePermission {
  if (!apply) return { dryRun: true, reason: 'dry run: the node is not set to apply' };
  if (actuators === null) return { dryRun: false, reason: 'settings.js sets no limits on actuators' };
  if (actuators.includes(actuator))
    return { dryRun: false, reason: 'allowed by ecomap.power.actuators in settings.js' };
  throw new EcomapError(
    'POWER_DENIED',
    `settings.js does not allow flows to set ${actuator} (ecomap.power.actuators: ` +
      `${actuators.length === 0 ? 'none' : actuators.join(', ')}): add it there, or choose another actuator.`,
  );
}
