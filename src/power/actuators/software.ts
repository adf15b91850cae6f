import type { Component, OperatingPoint, ThrottleTarget } from '../../signals/device';
import { EcomapError, messageOf } from '../../signals/errors';
import { shareTolerance, type Actuator, type Targets } from './actuator';
import type { QuotaGroup, QuotaGroups } from './cgroup';
import { Pacing } from './pacing';

/** Limits the inference hosts themselves: by CPU quotas where this process may set them, else by pacing their work. */
export class SoftwareActuator implements Actuator {
  readonly kind = 'software';
  readonly enforced = 'software';
  private readonly pacing: Pacing;
  private readonly groups = new Map<string, QuotaGroup>();
  private quotasLost: string | null = null;
  private point: OperatingPoint | null = null;
  /** True as soon as a host may have been slowed down, even when the cap as a whole then failed. */
  private touched = false;

  /** @param quotaGroups what probing found; null means pacing */
  constructor(
    private readonly components: readonly Component[],
    private readonly targets: Targets,
    private readonly quotaGroups: QuotaGroups | null,
    pacing?: Pacing,
  ) {
    this.pacing = pacing ?? new Pacing(targets);
  }

  how(): string {
    if (this.quotaGroups === null) return 'hosts paced';
    return this.quotasLost === null ? this.quotaGroups.how() : `hosts paced, because ${this.quotasLost}`;
  }

  async apply(point: OperatingPoint): Promise<OperatingPoint> {
    this.touched = true;
    if (this.quotas() === null) await this.pacing.applyToAll(point.speed);
    else await this.orElsePace(point, (quotas) => this.applyQuotas(quotas, point));
    this.point = point;
    return point;
  }

  async readBack(): Promise<OperatingPoint | null> {
    if (this.point === null || this.quotas() === null) return this.point;
    for (const component of this.components) {
      const share = await this.shareInForce(component);
      if (share === null || Math.abs(share - this.point.speed) > shareTolerance)
        throw quotaGone(component, this.point, share);
    }
    return this.point;
  }

  async admit(target: ThrottleTarget): Promise<void> {
    const point = this.point;
    if (point === null) return;
    if (this.quotas() === null) await this.pacing.applyTo(target, point.speed);
    else await this.orElsePace(point, () => this.moveIn(target));
  }

  async release(): Promise<void> {
    this.point = null;
    if (!this.touched) return;
    if (this.quotas() === null) await this.pacing.applyToAll(1);
    await this.removeGroups();
    this.touched = false;
  }

  /** null when the group is gone. */
  private async shareInForce(component: Component): Promise<number | null> {
    try {
      const group = this.groups.get(component.name);
      return group === undefined ? null : shareOf(await group.coresAllowed(), component);
    } catch {
      return null;
    }
  }

  private quotas(): QuotaGroups | null {
    return this.quotasLost === null ? this.quotaGroups : null;
  }

  /** A quota that fails is said so (see `how`) and made up for by pacing all hosts. */
  private async orElsePace(point: OperatingPoint, act: (quotas: QuotaGroups) => Promise<void>): Promise<void> {
    const quotas = this.quotas();
    if (quotas === null) return;
    try {
      await act(quotas);
    } catch (error) {
      this.quotasLost = `a CPU quota failed (${messageOf(error)})`;
      await this.removeGroups();
      await this.pacing.applyToAll(point.speed);
    }
  }

  private async applyQuotas(quotas: QuotaGroups, point: OperatingPoint): Promise<void> {
    for (const component of this.components) {
      const group = this.groups.get(component.name) ?? (await quotas.create(component.name));
      this.groups.set(component.name, group);
      const share = shareOf(await group.limit(point.speed < 1 ? point.speed * component.threads : null), component);
      if (Math.abs(share - point.speed) > shareTolerance) throw quotaGone(component, point, share);
    }
    for (const target of this.targets) await this.moveIn(target);
  }

  private async moveIn(target: ThrottleTarget): Promise<void> {
    const group = this.groups.get(target.component);
    if (group === undefined) throw new Error(`the device has no component "${target.component}"`);
    if (!(await group.admit(target.pid))) return; // the process is gone
    if (!(await group.members()).includes(target.pid) && this.targets.has(target))
      throw new Error(`process ${target.pid} did not stay in ${group.folder}`);
  }

  private async removeGroups(): Promise<void> {
    const groups = [...this.groups.values()];
    this.groups.clear();
    for (const group of groups) {
      try {
        await group.remove();
      } catch (error) {
        // Whatever blocks the removal must not leave the hosts slow.
        await group.limit(null).catch(() => undefined);
        this.quotasLost ??= `a control group could not be removed (${messageOf(error)})`;
      }
    }
  }
}

/** Share of the component's full speed that so many cores are; no limit is all of it. */
function shareOf(cores: number | null, component: Component): number {
  return cores === null ? 1 : Math.min(1, cores / component.threads);
}

function quotaGone(component: Component, point: OperatingPoint, share: number | null): EcomapError {
  const found = share === null ? 'nothing' : `${(share * 100).toFixed(0)} %`;
  return new EcomapError(
    'CAP_NOT_ENFORCEABLE',
    `${component.name} should run at ${(point.speed * 100).toFixed(0)} % but its CPU quota reads ${found}: ` +
      'another program seems to manage the control groups; stop it, or limit the device by its own means',
  );
}
