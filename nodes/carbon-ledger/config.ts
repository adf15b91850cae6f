import { z } from 'zod';
import { defaultRetentionDays } from '../../src/carbon/accounting/ledger';
import { numberOr, optionalNumber } from '../shared/optional-number';

/** Config of a `carbon-ledger` node as it stands in a flow. */
export const carbonLedgerConfig = z
  .object({
    /** Goes on with the account after a restart. */
    persist: z.preprocess((value) => value === true || value === 'true', z.boolean()),
    /** Name of the account's file; empty takes the node's id. */
    file: z.preprocess((value) => value ?? '', z.string().trim().max(64)),
    /** Days of hours kept for reports. */
    retentionDays: numberOr(z.number().min(1).max(400), defaultRetentionDays),
    /** What making the device emitted, kg CO2eq; empty: not set, never guessed. */
    embodiedKg: optionalNumber(z.number().min(0).max(1e6)),
    /** Expected life of the device, years. */
    lifetimeYears: optionalNumber(z.number().positive().max(100)),
    /** Share of the device that is reserved for this work, percent; empty: all of it. */
    reservedPct: numberOr(z.number().positive().max(100), 100),
    /** Seconds between two lines in the log; 0 or empty writes none. */
    logEveryS: numberOr(z.number().min(0).max(86_400), 0),
  })
  .superRefine(({ embodiedKg, lifetimeYears }, context) => {
    if ((embodiedKg === null) === (lifetimeYears === null)) return;
    context.addIssue({
      code: 'custom',
      path: [embodiedKg === null ? 'embodiedKg' : 'lifetimeYears'],
      message: 'embodied carbon needs both the kilograms and the years of life, or neither',
    });
  })
  .transform(({ embodiedKg, lifetimeYears, reservedPct, ...rest }) => ({
    ...rest,
    embodied:
      embodiedKg === null || lifetimeYears === null
        ? null
        : { totalKg: embodiedKg, lifetimeYears, reservedShare: reservedPct / 100 },
  }));
