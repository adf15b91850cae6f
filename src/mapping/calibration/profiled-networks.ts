import type { InferenceDevice, OperatingPoint } from '../../signals/device';
import { eligibleVariants, type Tenant } from '../../signals/tenant';
import { VariantCosts } from '../costs';
import type { ProfileLookup } from '../profiles/table';
import type { CalibrationNetwork, WayToRun } from './networks';

export interface ProfiledTenants {
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPoints'>;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  /** Profiles at the clocks of this point are preferred. */
  readonly point?: OperatingPoint;
}

/**
 * The variants that can be measured together: those a tenant may use, of which it is known what they cost alone on at least one
 * component and what they compute. Each as a whole, and in its stages where it has any.
 */
export function networksToCalibrate({ device, tenants, profiles, point }: ProfiledTenants): CalibrationNetwork[] {
  const costs = new VariantCosts(device, profiles);
  return tenants.flatMap((tenant) =>
    eligibleVariants(tenant).flatMap((variant): CalibrationNetwork[] => {
      if (profiles.exclusionOf(tenant.name, variant.name) !== null) return [];
      const work = costs.workOf(tenant.name, variant.name, point);
      const { whole, sensitivity } = work;
      const sha256 = device.components
        .map(({ componentClass }) => profiles.profileOf(tenant.name, variant.name, componentClass)?.modelSha256)
        .find((hash) => hash !== undefined);
      if (whole?.operations === undefined || sha256 === undefined) return [];
      const known = sensitivity === undefined ? {} : { sensitivity };
      const ways: WayToRun[] = [
        { firstNodes: [0], work: { costs: [whole.costs], operations: [whole.operations], ...known } },
      ];
      const isStaged = work.costs.length > 1 && work.operations?.length === work.costs.length;
      if (isStaged && work.costs.every((stage) => stage.some((cost) => cost !== null))) {
        ways.push({ firstNodes: work.firstNodes ?? [0], work });
      }
      const { path } = variant;
      const { dims } = tenant.input;
      return [{ name: `${tenant.name} ${variant.name}`, tenant: tenant.name, path, sha256, dims, ways }];
    }),
  );
}
