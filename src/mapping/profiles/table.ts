import type { Sensitivity } from '../../signals/co-location';
import { clockSpeedOf, type Profile, type StageSpan } from '../../signals/profile';
import type { ModelCounts } from './operations';

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
  /**
   * The profile of a variant alone on a class of components, of those measured the one with the nearest clock speed (default: full
   * speed); null when it was not measured.
   */
  profileOf(tenant: string, variant: string, componentClass: string, clockSpeed?: number): Profile | null;
  /** Why a variant must not be used; null when nothing speaks against it. */
  exclusionOf(tenant: string, variant: string): Exclusion | null;
  /** The file that tells what the variant costs; null or absent: it was measured. */
  importedFrom?(tenant: string, variant: string): string | null;
  /** The stages that a variant was cut into and measured in; empty where it is one stage. */
  stagesOf(tenant: string, variant: string): readonly StageSpan[];
  /** As {@link profileOf}, of one of its stages. */
  stageProfileOf(
    tenant: string,
    variant: string,
    stage: StageSpan,
    componentClass: string,
    clockSpeed?: number,
  ): Profile | null;
  /** What the variant computes and moves; null where that is not known. */
  countsOf(tenant: string, variant: string): ModelCounts | null;
  /** How the variant got on with stressors on a class of components; null where that was not measured. */
  sensitivityOf(tenant: string, variant: string, componentClass: string): Sensitivity | null;
}

// Looked up for every swap of every round, so kept cheap; no name holds a line break.
const keyOf = (...parts: readonly string[]): string => parts.join('\n');
const spanKey = (stage: StageSpan | undefined): string =>
  stage === undefined ? '' : `${stage.firstNode}-${stage.endNode ?? ''}`;

/** What was measured and counted, by tenant, variant and component class. Tenants that share a file share the profile. */
export class ProfileTable implements ProfileLookup {
  /** At different clock speeds. */
  private readonly profiles: Map<string, readonly Profile[]>;
  private readonly excluded: Map<string, Exclusion>;
  private readonly stages: Map<string, readonly StageSpan[]>;
  private readonly counts: Map<string, ModelCounts>;
  private readonly sensitivities: Map<string, Sensitivity>;

  /** @param of what it begins with; absent: empty */
  constructor(of?: ProfileTable) {
    this.profiles = new Map(of?.profiles);
    this.excluded = new Map(of?.excluded);
    this.stages = new Map(of?.stages);
    this.counts = new Map(of?.counts);
    this.sensitivities = new Map(of?.sensitivities);
  }

  /** Of the whole variant or of a stage, whichever the profile says. One of the same clock speed is replaced. */
  set(tenant: string, variant: string, profile: Profile): void {
    const key = keyOf(tenant, variant, profile.componentClass, spanKey(profile.stage));
    const others = (this.profiles.get(key) ?? []).filter((known) => clockSpeedOf(known) !== clockSpeedOf(profile));
    this.profiles.set(key, [...others, profile]);
  }

  exclude(exclusion: Exclusion): void {
    this.excluded.set(keyOf(exclusion.tenant, exclusion.variant), exclusion);
  }

  /** From now on the variant can run in these stages, in this order; fewer than two are none. */
  setStages(tenant: string, variant: string, stages: readonly StageSpan[]): void {
    this.stages.set(keyOf(tenant, variant), stages.length < 2 ? [] : stages);
  }

  setCounts(tenant: string, variant: string, counts: ModelCounts): void {
    this.counts.set(keyOf(tenant, variant), counts);
  }

  setSensitivity(tenant: string, variant: string, componentClass: string, sensitivity: Sensitivity): void {
    this.sensitivities.set(keyOf(tenant, variant, componentClass), sensitivity);
  }

  profileOf(tenant: string, variant: string, componentClass: string, clockSpeed = 1): Profile | null {
    return nearest(this.profiles.get(keyOf(tenant, variant, componentClass, '')), clockSpeed);
  }

  stageProfileOf(
    tenant: string,
    variant: string,
    stage: StageSpan,
    componentClass: string,
    clockSpeed = 1,
  ): Profile | null {
    return nearest(this.profiles.get(keyOf(tenant, variant, componentClass, spanKey(stage))), clockSpeed);
  }

  importedFrom(tenant: string, variant: string): string | null {
    const prefix = `${keyOf(tenant, variant)}\n`;
    for (const [key, [profile]] of this.profiles)
      if (key.startsWith(prefix) && profile?.imported !== undefined) return profile.imported;
    return null;
  }

  exclusionOf(tenant: string, variant: string): Exclusion | null {
    return this.excluded.get(keyOf(tenant, variant)) ?? null;
  }

  stagesOf(tenant: string, variant: string): readonly StageSpan[] {
    return this.stages.get(keyOf(tenant, variant)) ?? [];
  }

  countsOf(tenant: string, variant: string): ModelCounts | null {
    return this.counts.get(keyOf(tenant, variant)) ?? null;
  }

  sensitivityOf(tenant: string, variant: string, componentClass: string): Sensitivity | null {
    return this.sensitivities.get(keyOf(tenant, variant, componentClass)) ?? null;
  }

  get exclusions(): readonly Exclusion[] {
    return [...this.excluded.values()];
  }
}

/** Clocks are compared by ratio. */
export function nearest(profiles: Iterable<Profile> | undefined, clockSpeed: number): Profile | null {
  let found: Profile | null = null;
  let distance = Infinity;
  for (const profile of profiles ?? []) {
    const away = Math.abs(Math.log(clockSpeedOf(profile) / clockSpeed));
    if (away < distance) [found, distance] = [profile, away];
  }
  return found;
}
