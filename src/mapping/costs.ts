import type { InferenceDevice, OperatingPoint } from '../signals/device';
import { computingMs } from './estimator/analytic';
import type { StageCost } from './estimator/estimator';
import type { ProfileLookup } from './profiles/table';

/** What running variants costs on the components of one device, from their profiles alone. */
export class VariantCosts {
  private readonly device: Pick<InferenceDevice, 'components' | 'operatingPoints'>;
  private readonly profiles: ProfileLookup;

  constructor(device: Pick<InferenceDevice, 'components' | 'operatingPoints'>, profiles: ProfileLookup) {
    this.device = device;
    this.profiles = profiles;
  }

  /** Cost of the variant as one stage on each component, in their order; null where it was not measured. */
  onEachComponent(tenant: string, variant: string): (StageCost | null)[] {
    return this.device.components.map(({ componentClass }) => {
      const profile = this.profiles.profileOf(tenant, variant, componentClass);
      if (profile === null) return null;
      return { p50Ms: profile.latencyMs.p50, p95Ms: profile.latencyMs.p95, cpuMs: profile.cpuMs };
    });
  }

  /** Energy above idle of one inference, J: computing time times what the component adds while it computes. */
  energyJ(tenant: string, variant: string, stages: readonly number[], point: OperatingPoint): number | null {
    const costs = this.onEachComponent(tenant, variant);
    let energyJ = 0;
    for (const at of stages) {
      const component = this.device.components[at];
      const cost = costs[at] ?? null;
      const activeW = component === undefined ? undefined : point.activeW[component.name];
      if (component === undefined || cost === null || activeW === undefined) return null;
      energyJ += (computingMs(component, cost) * activeW) / 1000;
    }
    return energyJ;
  }

  /** The same on the component that is fastest for it, at the highest operating point. */
  fullSpeedEnergyJ(tenant: string, variant: string): number | null {
    const top = this.device.operatingPoints[0];
    if (top === undefined) return null;
    let fastest = -1;
    let fastestMs = Infinity;
    this.onEachComponent(tenant, variant).forEach((cost, at) => {
      if (cost !== null && cost.p50Ms < fastestMs) [fastest, fastestMs] = [at, cost.p50Ms];
    });
    return fastest < 0 ? null : this.energyJ(tenant, variant, [fastest], top);
  }
}
