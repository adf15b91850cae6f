import type { Profile } from '../../signals/profile';

/** Why a variant cannot be used on this device. */
export interface Exclusion {
  readonly tenant: string;
  readonly variant: string;
  /** An error code: MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, HOST_CRASHED, ... */
  readonly code: string;
  readonly reason: string;
  /** True when it will be known soon: the variant still counts as one the tenant has. */
  readonly pending?: boolean;
}

/** What the planner knows of the costs of each tenant's variants. */
export interface ProfileLookup {
  /** The profile of a variant alone on a class of components; null when it was not measured. */
  profileOf(tenant: string, variant: string, componentClass: string): Profile | null;
  /** Why a variant must not be used; null when nothing speaks against it. */
  exclusionOf(tenant: string, variant: string): Exclusion | null;
}

// Looked up for every swap of every round, so kept cheap; no name holds a line break.
const keyOf = (...parts: readonly string[]): string => parts.join('\n');

/** Profiles by tenant, variant and component class. Tenants that share a file share the profile. */
export class ProfileTable implements ProfileLookup {
  private readonly profiles = new Map<string, Profile>();
  private readonly excluded = new Map<string, Exclusion>();

  set(tenant: string, variant: string, profile: Profile): void {
    this.profiles.set(keyOf(tenant, variant, profile.componentClass), profile);
  }

  exclude(exclusion: Exclusion): void {
    this.excluded.set(keyOf(exclusion.tenant, exclusion.variant), exclusion);
  }

  profileOf(tenant: string, variant: string, componentClass: string): Profile | null {
    return this.profiles.get(keyOf(tenant, variant, componentClass)) ?? null;
  }

  exclusionOf(tenant: string, variant: string): Exclusion | null {
    return this.excluded.get(keyOf(tenant, variant)) ?? null;
  }

  get exclusions(): readonly Exclusion[] {
    return [...this.excluded.values()];
  }
}
