import { eligibleVariants, type Tenant, type Variant } from '../signals/tenant';
import { explainLeastAccuracy, explainLeftOut } from './explain';
import type { ProfileLookup } from './profiles/table';

/** A tenant that can run, with the variants the loop may choose (most accurate first). */
export interface Candidacy {
  readonly tenant: Tenant;
  readonly eligible: readonly [Variant, ...Variant[]];
  readonly mostAccurate: Variant;
}

/**
 * Which tenants can be planned, and in words why others (or single variants) cannot. A tenant keeps what of its variants can
 * run here; of two tenants with the same name the first is taken.
 */
export function admit(
  tenants: readonly Tenant[],
  profiles: ProfileLookup,
): { candidacies: Candidacy[]; remarks: string[] } {
  const candidacies: Candidacy[] = [];
  const remarks: string[] = [];
  const names = new Set<string>();
  for (const tenant of tenants) {
    if (names.has(tenant.name)) {
      remarks.push(`a second tenant named ${tenant.name} is left out: give it a name of its own`);
      continue;
    }
    names.add(tenant.name);
    const exclusions = tenant.variants.flatMap(({ name }) => profiles.exclusionOf(tenant.name, name) ?? []);
    const reasons = exclusions.map(({ variant, code, reason }) => `${variant}: ${code} ${reason}`);
    const usable = tenant.variants.filter(({ name }) => profiles.exclusionOf(tenant.name, name) === null);
    const [first, ...rest] = eligibleVariants({ ...tenant, variants: usable });
    const has = tenant.variants.filter(({ name }) => {
      const exclusion = profiles.exclusionOf(tenant.name, name);
      return exclusion === null || exclusion.pending === true;
    });
    const mostAccurate = [...has].sort((a, b) => b.accuracy - a.accuracy)[0];
    if (first === undefined || mostAccurate === undefined) {
      const pin =
        tenant.override.mode === 'pin' ? [`the pinned variant ${tenant.override.variant} is not among them`] : [];
      remarks.push(explainLeftOut(tenant.name, reasons.length > 0 ? reasons : pin));
      continue;
    }
    if (tenant.override.mode === 'auto' && first.accuracy < tenant.leastAccuracy)
      remarks.push(explainLeastAccuracy(tenant.name, tenant.leastAccuracy, first));
    for (const { variant, reason } of exclusions) remarks.push(`${tenant.name} ${variant} is not used: ${reason}`);
    const files = new Set(tenant.variants.flatMap(({ name }) => profiles.importedFrom?.(tenant.name, name) ?? []));
    for (const file of files) remarks.push(`the costs of ${tenant.name} are imported from ${file}, not measured here`);
    candidacies.push({ tenant, eligible: [first, ...rest], mostAccurate });
  }
  return { candidacies, remarks };
}
