import { z } from 'zod';
import { actuatorChoices } from '../../src/power/caps/cap-request';
import { policyKinds } from '../../src/power/policies/make-policy';
import { powerCapDefaults } from '../../src/power/power-cap';
import { intensitySchema } from '../../src/signals/carbon';
import { numberOr, optionalNumber } from '../shared/optional-number';

const watts = z.number().nonnegative();

/** Config of a `power-cap` node as it stands in a flow. */
export const powerCapConfig = z
  .object({
    device: z.string().default(''),
    policy: z.enum(policyKinds).default('linear'),
    /** For the policy `fixed`, W. */
    fixedW: optionalNumber(z.number().positive()),
    /** Least and most cap, W; null takes the device's own. */
    minimumW: optionalNumber(watts),
    maximumW: optionalNumber(z.number().positive()),
    /** For the policy `budget`: what the device may emit a day, g. */
    gramsPerDay: optionalNumber(z.number().positive()).default(null),
    /** For the policy `quality`: percentage points of accuracy that a day may give up in the mean. */
    allowancePt: numberOr(z.number().min(0).max(100), powerCapDefaults.allowancePt),
    /** For the policy `quality`: what limits the power besides. */
    within: z.enum(['highest', 'linear']).default('highest'),
    /** For the policy `external`: how long a number of watts stands, s. */
    staleAfterS: numberOr(z.number().positive(), powerCapDefaults.staleAfterS),
    /** For the policies `linear` and `two-level`: where clean and dirty come from. */
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
    if (config.policy === 'budget' && config.gramsPerDay === null)
      refuse('gramsPerDay', 'a budget needs its grams per day');
    if (minimumW !== null && maximumW !== null && minimumW > maximumW)
      refuse('minimumW', `the least power (${minimumW} W) is above the most (${maximumW} W)`);
    if ((config.policy === 'linear' || config.policy === 'two-level') && config.bounds === 'manual') {
      if (cleanGPerKwh === null || dirtyGPerKwh === null || !(dirtyGPerKwh > cleanGPerKwh))
        refuse('dirtyGPerKwh', 'bounds by hand need a clean end and a dirty end above it, g/kWh');
    }
  });
export type PowerCapConfig = z.infer<typeof powerCapConfig>;
