import { z } from 'zod';
import { actuatorChoices } from '../../src/power/caps/cap-request';
import { powerCapDefaults } from '../../src/power/power-cap';
import { intensitySchema } from '../../src/signals/carbon';
import { numberOr, optionalNumber } from '../shared/optional-number';

const watts = z.number().nonnegative();

/** Config of a `power-cap` node as it stands in a flow. */
export const powerCapConfig = z
  .object({
    device: z.string().default(''),
    policy: z.enum(['linear', 'fixed']).default('linear'),
    /** For the policy `fixed`, W. */
    fixedW: optionalNumber(z.number().positive()),
    /** Least and most cap, W; null takes the device's own. */
    minimumW: optionalNumber(watts),
    maximumW: optionalNumber(z.number().positive()),
    /** For the policy `linear`: where clean and dirty come from. */
    bounds: z.enum(['auto', 'manual']).default('auto'),
    cleanGPerKwh: optionalNumber(intensitySchema),
    dirtyGPerKwh: optionalNumber(intensitySchema),
    /** Smaller changes are ignored, W; null takes 2 % of the range. */
    leastChangeW: optionalNumber(watts),
    leastDwellS: numberOr(z.number().nonnegative(), powerCapDefaults.leastDwellS),
    holdUnknownS: numberOr(z.number().nonnegative(), powerCapDefaults.holdUnknownS),
    actuator: z.enum(actuatorChoices).default('auto'),
    /** Hardware may really be changed; otherwise it is only told what would be. */
    apply: z.boolean().default(false),
    /** Share of the cap that is kept free as long as nothing was measured, %. */
    guardBandPct: numberOr(z.number().min(0).max(40), powerCapDefaults.guardBandPct),
  })
  .superRefine((config, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    const { minimumW, maximumW, cleanGPerKwh, dirtyGPerKwh } = config;
    if (config.policy === 'fixed' && config.fixedW === null) refuse('fixedW', 'a fixed cap needs its watts');
    if (minimumW !== null && maximumW !== null && minimumW > maximumW)
      refuse('minimumW', `the least power (${minimumW} W) is above the most (${maximumW} W)`);
    if (config.policy === 'linear' && config.bounds === 'manual') {
      if (cleanGPerKwh === null || dirtyGPerKwh === null || !(dirtyGPerKwh > cleanGPerKwh))
        refuse('dirtyGPerKwh', 'bounds by hand need a clean end and a dirty end above it, g/kWh');
    }
  });
export type PowerCapConfig = z.infer<typeof powerCapConfig>;
