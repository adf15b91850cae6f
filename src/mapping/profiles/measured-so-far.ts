import type { Sensitivity } from '../../signals/co-location';
import type { Component } from '../../signals/device';
import type { Profile, StageSpan } from '../../signals/profile';
import type { ModelCounts } from './operations';
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

  profileOf(tenant: string, variant: string, componentClass: string, clockSpeed?: number): Profile | null {
    return this.table.profileOf(tenant, variant, componentClass, clockSpeed);
  }

  stagesOf(tenant: string, variant: string): readonly StageSpan[] {
    return this.table.stagesOf(tenant, variant);
  }

  stageProfileOf(
    tenant: string,
    variant: string,
    stage: StageSpan,
    componentClass: string,
    clockSpeed?: number,
  ): Profile | null {
    return this.table.stageProfileOf(tenant, variant, stage, componentClass, clockSpeed);
  }

  countsOf(tenant: string, variant: string): ModelCounts | null {
    return this.table.countsOf(tenant, variant);
  }

  sensitivityOf(tenant: string, variant: string, componentClass: string): Sensitivity | null {
    return this.table.sensitivityOf(tenant, variant, componentClass);
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
