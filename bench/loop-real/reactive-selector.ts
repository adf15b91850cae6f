import type { LoopBoxes } from '../../src/loop/loop';
import type { SelectorSurroundings } from '../../src/loop/day-policy';
import { ObservedViolations } from '../../src/selection/observed';
import type { Telemetry } from '../../src/signals/telemetry';
import { eligibleVariants, type Variant } from '../../src/signals/tenant';
import type { VariantChoice, Variants } from '../../src/signals/variants';
import type { Violated } from '../../src/signals/violated';

/** A cap that is higher by this share leaves room again. */
const capHigher = 1.02;
/** One window alone may be an accident. */
const leastQuietWindows = 2;

interface Tenant {
  readonly name: string;
  /** Most accurate first. */
  readonly variants: readonly Variant[];
  at: number;
  /** The cap when it last went down, W. */
  swappedAtW: number;
}

/**
 * Variants as in our reading of Ecomap as published (arXiv 2503.04148, abstract): a tenant whose latency limit is seen to be broken
 * goes to its next lighter variant; nothing is predicted. Of the way back the abstract says nothing: here a tenant goes back up,
 * one at a time, when the cap is higher again and all was well for an hour of the grid.
 */
export class ReactiveSelector implements Pick<LoopBoxes['selector'], 'onViolated' | 'onTelemetry'> {
  private readonly observed = new ObservedViolations();
  private readonly tenants: readonly Tenant[];
  private readonly quietWindows: number;
  private capW = Infinity;
  private quiet = 0;

  constructor({ tenants, windowsPerHour }: SelectorSurroundings) {
    this.tenants = tenants.map((tenant) => ({
      name: tenant.name,
      variants: eligibleVariants(tenant),
      at: 0,
      swappedAtW: 0,
    }));
    this.quietWindows = Math.max(leastQuietWindows, Math.round(windowsPerHour));
  }

  onViolated({ capW }: Violated): null {
    this.capW = capW ?? Infinity;
    return null;
  }

  onTelemetry({ tenants: windows }: Telemetry): Variants | null {
    const reasons: string[] = [];
    let isCalm = true;
    for (const window of windows) {
      const tenant = this.tenants.find(({ name }) => name === window.tenant);
      const seen = this.observed.observe(window);
      if (tenant === undefined || seen === null) continue;
      isCalm = false;
      if (!seen.acute || tenant.at + 1 >= tenant.variants.length) continue;
      tenant.swappedAtW = this.capW;
      this.swap(tenant, tenant.at + 1);
      reasons.push(`${tenant.name} goes lighter: ${seen.violation}`);
    }
    this.quiet = isCalm ? this.quiet + 1 : 0;
    if (this.quiet >= this.quietWindows) reasons.push(...this.stepBack());
    return reasons.length === 0 ? null : { choices: this.choices, reason: reasons.join('; ') };
  }

  private stepBack(): string[] {
    const tenant = this.tenants.find(({ at, swappedAtW }) => at > 0 && this.capW > capHigher * swappedAtW);
    if (tenant === undefined) return [];
    this.swap(tenant, tenant.at - 1);
    this.quiet = 0;
    return [`${tenant.name} back up: the cap is higher again and all was well for an hour`];
  }

  private swap(tenant: Tenant, to: number): void {
    tenant.at = to;
    this.observed.swapped(tenant.name);
  }

  private get choices(): VariantChoice[] {
    return this.tenants.flatMap(({ name, variants, at }): VariantChoice[] => {
      const [best, chosen] = [variants[0], variants[at]];
      if (best === undefined || chosen === undefined) return [];
      return [
        {
          tenant: name,
          allowed: variants.map((variant) => variant.name),
          chosen: chosen.name,
          accuracyCost: best.accuracy - chosen.accuracy,
          why: at === 0 ? [] : ['its latency limit was seen to be broken'],
        },
      ];
    });
  }
}
