import { clockSpeed, mostBusy, type Component, type InferenceDevice, type OperatingPoint } from '../signals/device';
import { clockSpeedOf, type Profile, type StageSpan } from '../signals/profile';
import type { StageCost, VariantWork } from './estimator/estimator';
import { stageEnergyJ } from './estimator/stage-energy';
import { operationsOf } from './profiles/operations';
import type { ProfileLookup } from './profiles/table';

/** Spread of the run time that is assumed where it could not be measured undisturbed. */
const assumedSpread = 1.2;

/**
 * A profile as the cost of one stage at full speed. Where something else competed for the cores the wall times are too high, and
 * the CPU time stands for them: it does not count what the run had to wait. What was measured at slower clocks is derived by
 * their speed; energy does not follow from it.
 */
export function stageCostOf(profile: Profile, component: Component): StageCost {
  const speed = clockSpeedOf(profile);
  const measured = profile.energy && { measured: { energyJ: profile.energy.perInferenceJ, clockSpeed: speed } };
  const { p50, p95 } = profile.latencyMs;
  const cpuMs = profile.cpuMs * speed;
  const undisturbedMs = cpuMs / component.threads;
  const isUsable = undisturbedMs > 0 && undisturbedMs < p50 * speed;
  if (!profile.contended || component.kind !== 'cpu' || !isUsable) {
    return { p50Ms: p50 * speed, p95Ms: p95 * speed, cpuMs, ...measured };
  }
  return { p50Ms: undisturbedMs, p95Ms: Math.min(p95 * speed, undisturbedMs * assumedSpread), cpuMs, ...measured };
}

/** What running variants costs on the components of one device, from their profiles alone. */
export class VariantCosts {
  private readonly device: Pick<InferenceDevice, 'components' | 'operatingPoints'>;
  private readonly profiles: ProfileLookup;

  constructor(device: Pick<InferenceDevice, 'components' | 'operatingPoints'>, profiles: ProfileLookup) {
    this.device = device;
    this.profiles = profiles;
  }

  /**
   * What a variant costs and computes, in the stages that it was measured in; as one stage where there are none.
   * @param point where costs were measured at several clock speeds, those nearest to this point's are taken
   */
  workOf(
    tenant: string,
    variant: string,
    point?: OperatingPoint,
    mayBeCut: 'as measured' | 'never' = 'as measured',
  ): VariantWork {
    const { profiles, device } = this;
    const clock = point === undefined ? 1 : clockSpeed(point);
    const stages = profiles.stagesOf(tenant, variant);
    const counts = profiles.countsOf(tenant, variant);
    const wholeCosts = this.onEachComponent(tenant, variant, clock);
    const [wholeOperations] = (counts && operationsOf(counts, [0])) ?? [];
    const sensitivity = device.components.map(({ componentClass }) =>
      profiles.sensitivityOf(tenant, variant, componentClass),
    );
    const known = sensitivity.some((one) => one !== null) ? { sensitivity } : {};
    const whole = { costs: wholeCosts, ...(wholeOperations && { operations: wholeOperations }) };
    const uncut = {
      costs: [wholeCosts],
      firstNodes: [0],
      whole,
      ...(wholeOperations && { operations: [wholeOperations] }),
      ...known,
    };
    if (stages.length < 2 || mayBeCut === 'never') return uncut;
    const firstNodes = stages.map(({ firstNode }) => firstNode);
    const operations = counts && operationsOf(counts, firstNodes);
    return {
      costs: stages.map((stage) => this.stageOnEachComponent(tenant, variant, stage, clock)),
      firstNodes,
      whole,
      ...(operations && { operations }),
      ...known,
    };
  }

  /**
   * The same for a plan at this point. Under a quota variants stay whole: what is cut waits at each of its components for the next
   * period, and to load stages beside what serves takes long there. (In the demo, plans with cuts at quotas of 30 to 50 % brought half of
   * a day's late answers.)
   */
  workToPlan(tenant: string, variant: string, point: OperatingPoint): VariantWork {
    return this.workOf(tenant, variant, point, mostBusy(point) < 1 ? 'never' : 'as measured');
  }

  /** Cost of the variant as one stage on each component, in their order; null where it was not measured. */
  onEachComponent(tenant: string, variant: string, clock = 1): (StageCost | null)[] {
    return this.device.components.map((component) => {
      const profile = this.profiles.profileOf(tenant, variant, component.componentClass, clock);
      return profile === null ? null : stageCostOf(profile, component);
    });
  }

  private stageOnEachComponent(tenant: string, variant: string, stage: StageSpan, clock: number): (StageCost | null)[] {
    return this.device.components.map((component) => {
      const profile = this.profiles.stageProfileOf(tenant, variant, stage, component.componentClass, clock);
      return profile === null ? null : stageCostOf(profile, component);
    });
  }

  /**
   * Energy above idle of one inference, J: as measured, else computing time times what the component adds while it computes.
   * @param stages component of each stage; the variant runs uncut where they are all the same
   */
  energyJ(tenant: string, variant: string, stages: readonly number[], point: OperatingPoint): number | null {
    const clock = clockSpeed(point);
    const [first] = stages;
    const isUncut = stages.every((at) => at === first);
    const spans = this.profiles.stagesOf(tenant, variant);
    if (!isUncut && spans.length !== stages.length) return null;
    let energyJ = 0;
    for (const [index, at] of (isUncut ? stages.slice(0, 1) : stages).entries()) {
      const component = this.device.components[at];
      const span = spans[index];
      const costs =
        isUncut || span === undefined
          ? this.onEachComponent(tenant, variant, clock)
          : this.stageOnEachComponent(tenant, variant, span, clock);
      const cost = costs[at] ?? null;
      const stageJ = component === undefined || cost === null ? null : stageEnergyJ(component, cost, point);
      if (stageJ === null) return null;
      energyJ += stageJ;
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
