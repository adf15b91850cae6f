import type { InferenceDevice, OperatingPoint } from '../../signals/device';
import type { Tenant } from '../../signals/tenant';
import { VariantCosts } from '../costs';
import type { ProfileLookup } from '../profiles/table';
import type { CalibrationNetwork, WayToRun } from './networks';

export interface KnownNetworks {
  readonly networks: readonly CalibrationNetwork[];
  /** Variants that cannot be learned from, and why, in words. */
  readonly leftOut: readonly string[];
}

/**
 * The tenants' variants of which enough is known to learn from them: measured alone on some component, and counted what they
 * compute. Each runs as a whole; where it was measured in stages, also in these.
 */
export function knownNetworks(
  device: Pick<InferenceDevice, 'components' | 'operatingPoints' | 'operatingPointInForce'>,
  tenants: readonly Tenant[],
  profiles: ProfileLookup,
): KnownNetworks {
  const costs = new VariantCosts(device, profiles);
  const point = device.operatingPointInForce();
  const networks: CalibrationNetwork[] = [];
  const leftOut: string[] = [];
  for (const tenant of tenants) {
    for (const variant of tenant.variants) {
      const exclusion = profiles.exclusionOf(tenant.name, variant.name);
      const name = `${tenant.name} ${variant.name}`;
      if (exclusion !== null) {
        leftOut.push(`${name}: ${exclusion.reason}`);
        continue;
      }
      const sha256 = measuredHash(device, profiles, tenant.name, variant.name);
      const waysAt = (at: OperatingPoint): WayToRun[] => waysOf(costs.workOf(tenant.name, variant.name, at));
      const ways = waysAt(point);
      if (sha256 === null) leftOut.push(`${name}: it was not measured alone`);
      else if (ways.length === 0) leftOut.push(`${name}: what it computes is not known`);
      else {
        networks.push({
          ...{ name, tenant: tenant.name, path: variant.path, sha256, dims: tenant.input.dims, ways, waysAt },
        });
      }
    }
  }
  return { networks, leftOut };
}

/** Of the file that was measured, whatever stands in its place by now. */
function measuredHash(
  { components }: Pick<InferenceDevice, 'components'>,
  profiles: ProfileLookup,
  tenant: string,
  variant: string,
): string | null {
  for (const { componentClass } of components) {
    const profile = profiles.profileOf(tenant, variant, componentClass);
    if (profile !== null) return profile.modelSha256;
  }
  return null;
}

/** The whole first; none where it is not known what the whole computes. */
function waysOf(work: ReturnType<VariantCosts['workOf']>): WayToRun[] {
  const { whole, costs, operations, firstNodes, sensitivity } = work;
  if (whole?.operations === undefined) return [];
  const known = sensitivity && { sensitivity };
  const uncut = { firstNodes: [0], work: { costs: [whole.costs], operations: [whole.operations], ...known } };
  if (firstNodes === undefined || firstNodes.length < 2 || operations === undefined) return [uncut];
  return [uncut, { firstNodes, work: { costs, operations, ...known } }];
}
