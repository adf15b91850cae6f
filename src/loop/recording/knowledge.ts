import type { ModelCounts } from '../../mapping/profiles/operations';
import { ProfileTable, type ProfileLookup } from '../../mapping/profiles/table';
import { clockSpeed, type Component, type OperatingPoint } from '../../signals/device';
import { clockSpeedOf, type Profile, type StageSpan } from '../../signals/profile';
import type { Tenant } from '../../signals/tenant';
import type { VariantKnowledge } from './header';

interface KnownDevice {
  readonly components: readonly Component[];
  readonly operatingPoints: readonly OperatingPoint[];
}

/** What the planner can ask of the costs of these tenants on this device, at any of its clock speeds. */
export function knowledgeOf(
  tenants: readonly Tenant[],
  { components, operatingPoints }: KnownDevice,
  lookup: ProfileLookup,
): VariantKnowledge[] {
  const classes = [...new Set(components.map(({ componentClass }) => componentClass))];
  const clocks = [...new Set([1, ...operatingPoints.map(clockSpeed)])];
  return tenants.flatMap(({ name: tenant, variants }) =>
    variants.map(({ name: variant }): VariantKnowledge => {
      const stages = lookup.stagesOf(tenant, variant);
      const exclusion = lookup.exclusionOf(tenant, variant);
      const counts = lookup.countsOf(tenant, variant);
      const asked = classes.flatMap((componentClass) => [
        ...profilesAt(clocks, (clock) => lookup.profileOf(tenant, variant, componentClass, clock)),
        ...stages.flatMap((stage: StageSpan) =>
          profilesAt(clocks, (clock) => lookup.stageProfileOf(tenant, variant, stage, componentClass, clock)),
        ),
      ]);
      return {
        tenant,
        variant,
        exclusion:
          exclusion === null
            ? null
            : { code: exclusion.code, reason: exclusion.reason, ...(exclusion.pending && { pending: true }) },
        profiles: asked,
        stages: [...stages],
        counts: counts === null ? null : countsFor(stages, counts),
        sensitivities: classes.flatMap((componentClass) => {
          const sensitivity = lookup.sensitivityOf(tenant, variant, componentClass);
          return sensitivity === null ? [] : [{ componentClass, sensitivity: { ...sensitivity } }];
        }),
      };
    }),
  );
}

/** What planning looks at: the whole model, and the cuts between its stages. */
function countsFor(stages: readonly StageSpan[], { gigaflop, gigabytes, inputBytes, cuts }: ModelCounts): ModelCounts {
  const isUsed = (firstNode: number): boolean => stages.some((stage) => stage.firstNode === firstNode);
  return {
    ...{ gigaflop, gigabytes, inputBytes },
    cuts: cuts
      .filter(({ firstNode }) => isUsed(firstNode))
      .map(({ firstNode, gigaflopBefore, gigabytesBefore, crossingBytes }) => ({
        ...{ firstNode, gigaflopBefore, gigabytesBefore, crossingBytes },
      })),
  };
}

/** The distinct profiles that answer for these clock speeds. */
function profilesAt(clocks: readonly number[], profileAt: (clock: number) => Profile | null): Profile[] {
  const found = new Map<number, Profile>();
  for (const clock of clocks) {
    const profile = profileAt(clock);
    if (profile !== null) found.set(clockSpeedOf(profile), profile);
  }
  return [...found.values()];
}

/** A table that answers the planner as the recorded one did. */
export function tableOf(knowledge: readonly VariantKnowledge[]): ProfileTable {
  const table = new ProfileTable();
  for (const { tenant, variant, exclusion, profiles, stages, counts, sensitivities } of knowledge) {
    if (exclusion !== null) table.exclude({ tenant, variant, ...exclusion });
    for (const profile of profiles) table.set(tenant, variant, profile);
    table.setStages(tenant, variant, stages);
    if (counts !== null) table.setCounts(tenant, variant, counts);
    for (const { componentClass, sensitivity } of sensitivities)
      table.setSensitivity(tenant, variant, componentClass, sensitivity);
  }
  return table;
}
