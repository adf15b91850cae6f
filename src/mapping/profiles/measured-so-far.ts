import type { Component } from '../../signals/device';
import type { Profile } from '../../signals/profile';
import type { Exclusion, ProfileLookup, ProfileTable } from './table';

/**
 * What can be planned while profiles are still being measured: a variant without a profile waits its turn instead of being
 * chosen blindly. Reads through to the table, so it is never out of date.
 */
export class MeasuredSoFar implements ProfileLookup {
  constructor(
    private readonly table: ProfileTable,
    private readonly components: readonly Component[],
  ) {}

  profileOf(tenant: string, variant: string, componentClass: string): Profile | null {
    return this.table.profileOf(tenant, variant, componentClass);
  }

  exclusionOf(tenant: string, variant: string): Exclusion | null {
    const excluded = this.table.exclusionOf(tenant, variant);
    if (excluded !== null) return excluded;
    const known = this.components.some(
      ({ componentClass }) => this.table.profileOf(tenant, variant, componentClass) !== null,
    );
    return known
      ? null
      : { tenant, variant, code: 'NOT_MEASURED', reason: 'it is still being measured', pending: true };
  }
}
