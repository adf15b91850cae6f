import { clockSpeed, type Component, type InferenceDevice, type OperatingPoint } from '../signals/device';
import type { Profile } from '../signals/profile';
import { computingMs } from './estimator/analytic';
import type { StageCost } from './estimator/estimator';
import type { ProfileLookup } from './profiles/table';

/** Spread of the run time that is assumed where it could not be measured undisturbed. */
const assumedSpread = 1.2;

/**
 * A profile as the cost of one stage. Where something else competed for the cores the wall times are too high, and the CPU time
 * stands for them: it does not count what the run had to wait.
 */
function stageCostOf(profile: Profile, component: Component): StageCost {
  const { latencyMs, cpuMs } = profile;
  const undisturbedMs = cpuMs / component.threads;
  if (!profile.contended || component.kind !== 'cpu' || undisturbedMs <= 0 || undisturbedMs >= latencyMs.p50) {
    return { p50Ms: latencyMs.p50, p95Ms: latencyMs.p95, cpuMs };
  }
  return { p50Ms: undisturbedMs, p95Ms: Math.min(latencyMs.p95, undisturbedMs * assumedSpread), cpuMs };
}

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
    return this.device.components.map((component) => {
      const profile = this.profiles.profileOf(tenant, variant, component.componentClass);
      return profile === null ? null : stageCostOf(profile, component);
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
      energyJ += (computingMs(component, cost) * activeW) / clockSpeed(point) / 1000;
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
