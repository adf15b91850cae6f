import { EcomapError } from '../../signals/errors';
import { BudgetPolicy } from './budget';
import type { CarbonBounds } from './carbon-bounds';
import { ExternalPolicy } from './external';
import { FixedPolicy } from './fixed';
import { LinearPolicy } from './linear';
import type { CapPolicy } from './policy';
import { QualityPolicy } from './quality';
import { TwoLevelPolicy } from './two-level';

export const policyKinds = ['linear', 'two-level', 'budget', 'quality', 'external', 'fixed'] as const;

export type PolicyConfig =
  | {
      readonly kind: 'linear' | 'two-level';
      /** Clean and dirty; null finds out what they are on this grid. */
      readonly bounds?: CarbonBounds | null;
      /** How long the last cap stands when the intensity is unknown, s. */
      readonly holdUnknownS?: number;
    }
  | { readonly kind: 'budget'; readonly gramsPerDay: number }
  | {
      readonly kind: 'quality';
      /** Percentage points that a day's mean accuracy may lie below the best. */
      readonly allowancePt?: number;
      /** What limits the power besides: only the highest cap, or the linear policy. */
      readonly within?: 'highest' | 'linear';
      readonly holdUnknownS?: number;
    }
  | {
      readonly kind: 'external';
      /** After so long without a new number the safe middle applies, s. */
      readonly staleAfterS?: number;
    }
  | { readonly kind: 'fixed'; readonly capW: number };

export const policyDefaults = { holdUnknownS: 900, staleAfterS: 900, allowancePt: 1 } as const;

/** @throws EcomapError INVALID_CONFIG for watts, grams or bounds that cannot be */
export function makePolicy(config: PolicyConfig): CapPolicy {
  switch (config.kind) {
    case 'fixed':
      return new FixedPolicy(positive(config.capW, 'a fixed cap must be a positive number of watts'));
    case 'external':
      return new ExternalPolicy({ staleAfterS: config.staleAfterS ?? policyDefaults.staleAfterS });
    case 'budget':
      return new BudgetPolicy({
        gramsPerDay: positive(config.gramsPerDay, 'a budget must be a positive number of grams per day'),
      });
    case 'quality': {
      const allowancePt = config.allowancePt ?? policyDefaults.allowancePt;
      if (!(allowancePt >= 0 && allowancePt <= 100)) {
        const what = 'the accuracy that may be given up must be 0 to 100 percentage points';
        throw new EcomapError('INVALID_CONFIG', `${what}, not ${allowancePt}`);
      }
      const holdUnknownS = config.holdUnknownS ?? policyDefaults.holdUnknownS;
      return new QualityPolicy({ allowancePt, within: config.within ?? 'highest', holdUnknownS });
    }
    case 'linear':
    case 'two-level': {
      const bounds = checkedBounds(config.bounds ?? null);
      const holdUnknownS = config.holdUnknownS ?? policyDefaults.holdUnknownS;
      return config.kind === 'linear'
        ? new LinearPolicy({ bounds, holdUnknownS })
        : new TwoLevelPolicy({ thresholds: bounds, holdUnknownS });
    }
  }
}

function positive(value: number, what: string): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new EcomapError('INVALID_CONFIG', `${what}, not ${value}`);
}

function checkedBounds(bounds: CarbonBounds | null): CarbonBounds | null {
  if (bounds === null || bounds.highGPerKwh > bounds.lowGPerKwh) return bounds;
  throw new EcomapError(
    'INVALID_CONFIG',
    `the dirty end of the grid (${bounds.highGPerKwh} g/kWh) must be above the clean end (${bounds.lowGPerKwh} g/kWh)`,
  );
}
