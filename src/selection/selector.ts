import type { Tenant, Variant } from '../signals/tenant';
import type { Telemetry } from '../signals/telemetry';
import type { Rejected } from '../signals/rejected';
import type { AccuracyPriceNow, VariantChoice, Variants } from '../signals/variants';
import type { Alternative, Violated } from '../signals/violated';
import { accuracyOf, candidatesOf, hasSlack, roomOf, swapOf, variantOf, type Candidate, type Swap } from './candidate';
import { StepChain } from './chain';
import { ObservedViolations } from './observed';
import type { AccountState } from './price/account';
import { AccuracyPrice, type PriceInForce } from './price/accuracy-price';
import { PriceChoice } from './price/choice';
import { rejectedBy } from './rejected';
import { chooseLighter, relieve } from './relief';
import { describePriced, describeRoom, describeViolations, points } from './words';

export interface VariantSelectorSettings {
  /** A heavier variant must be predicted to fit for this long before it is chosen, s. */
  readonly upAfterS: number;
  /** Least time between a swap of a tenant and its next step up, s. Steps down never wait. */
  readonly dwellS: number;
}

export const defaultSelectorSettings: VariantSelectorSettings = { upAfterS: 20, dwellS: 10 };

type Cause = NonNullable<Variants['cause']>;

export interface VariantSelectorOptions {
  readonly tenants: readonly Tenant[];
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number;
  readonly settings?: Partial<VariantSelectorSettings>;
}

/**
 * Decides which tenant gives up how much accuracy. One swap per answer, so that the planner can say what it led to:
 * - down at once, on a predicted violation: of the single swaps to a lighter variant the one that makes everything fit at the
 *   least accuracy lost (weighted by priority), or, while none does, the one that relieves most per point of accuracy; when
 *   everything fits at last, steps of the same chain that turned out to be needless are taken back at once;
 * - down after two bad windows in a row, on an observed violation: that tenant, or one of lower priority when it is the lightest
 *   already;
 * - up only when a heavier variant has been predicted to fit for a while, with a growing wait after steps that were taken back, and
 *   no third time within an hour's worth of waits unless the cap has risen or there is clearly more room;
 * - where the cap's policy allows accuracy to vary: down when the grams saved are worth more than the accuracy, and up only when
 *   they are not.
 * A tenant that is pinned or switched off has one eligible variant and is never touched. A chain of answers ends: each step down
 * makes one tenant lighter, each tenant gets a needless step back at most once in a chain, and nobody steps up otherwise; for the
 * price each tenant is swapped once and then left alone for a while.
 */
export class VariantSelector {
  private readonly clock: () => number;
  private readonly candidates: readonly Candidate[];
  private readonly observed = new ObservedViolations();
  private readonly accuracyPrice: AccuracyPrice;
  private readonly priceChoice = new PriceChoice();
  private chain: StepChain | null = null;
  private latest: { readonly violated: Violated; readonly price: PriceInForce | null } | null = null;

  constructor(options: VariantSelectorOptions) {
    this.clock = options.clock;
    this.candidates = candidatesOf(options.tenants, { ...defaultSelectorSettings, ...options.settings });
    this.accuracyPrice = new AccuracyPrice(this.candidates);
  }

  /** The variant each tenant runs, as far as the selector knows. */
  get current(): ReadonlyMap<string, string> {
    return new Map(this.candidates.map(({ tenant, current }) => [tenant.name, current]));
  }

  /** Tenants that run a lighter variant than their most accurate one. */
  get degraded(): readonly { tenant: string; variant: string }[] {
    return this.candidates
      .filter((candidate) => candidate.current !== candidate.eligible[0]?.name)
      .map(({ tenant, current }) => ({ tenant: tenant.name, variant: current }));
  }

  /** What accuracy is worth at the moment; null where the cap's policy does not let it vary. */
  get price(): AccuracyPriceNow | null {
    return this.latest?.price?.told ?? null;
  }

  /** What the day's answers have given up in accuracy so far, to be kept; null where the cap's policy does not let it vary. */
  get accuracyAccount(): AccountState | null {
    return this.accuracyPrice.accountState;
  }

  /** Goes on with an account that was kept: before the first planning round. */
  restoreAccuracyAccount(kept: AccountState): void {
    this.accuracyPrice.restoreAccount(kept);
  }

  /** Why tenants do not run what somebody might expect, as of the last planning round. */
  get rejected(): readonly Rejected[] {
    return this.latest === null ? [] : rejectedBy(this.latest.violated, this.candidates, this.price, this.clock());
  }

  /** Answers a planning round; null when nothing should change. */
  onViolated(violated: Violated): Variants | null {
    const nowMs = this.clock();
    if (this.chain?.isOver(violated, nowMs) === true) this.endChain();
    this.follow(violated);
    this.noteFits(violated, nowMs);
    const price = this.accuracyPrice.update(violated);
    this.latest = { violated, price };
    const breaks = violated.violations.length > 0;
    const answer = breaks ? this.relax(violated, nowMs) : this.restore(violated, nowMs);
    if (answer !== null) return answer;
    if (this.chain !== null) {
      this.endChain();
      return null;
    }
    if (breaks) return null;
    return price === null ? this.stepUp(violated, nowMs) : this.followPrice(violated, price, nowMs);
  }

  /** Looks for limits that are broken whatever was predicted; null when nothing should change. */
  onTelemetry(telemetry: Telemetry): Variants | null {
    this.accuracyPrice.observe(telemetry);
    // What waited while a host was being replaced came late whatever the variant was.
    if (telemetry.components.some(({ restarts }) => restarts > 0)) return null;
    const nowMs = this.clock();
    let urgent: { swap: Swap; priority: number; because: string } | null = null;
    for (const window of telemetry.tenants) {
      const candidate = this.candidates.find(({ tenant }) => tenant.name === window.tenant);
      if (candidate === undefined) continue;
      const underWay =
        window.variant !== candidate.current && candidate.eligible.some(({ name }) => name === window.variant);
      // A swap that the executor has not made yet: what is observed belongs to the old variant.
      const seen = underWay ? null : this.observed.observe(window);
      if (seen === null) continue;
      candidate.history.noteTrouble(nowMs);
      if (!seen.acute) continue;
      const swap = relieve(candidate, this.candidates);
      // One swap per window, for the most important tenant in trouble: the others may be helped by it too.
      const { priority } = candidate.tenant;
      if (swap !== null && (urgent === null || priority < urgent.priority)) {
        urgent = { swap, priority, because: `${window.tenant}: ${seen.violation}` };
      }
    }
    if (urgent === null) return null;
    urgent.swap.candidate.history.steppedDownAgainstPrediction(nowMs, this.latest?.violated.capW ?? null);
    return this.stepDown(urgent.swap, urgent.because, 'observed');
  }

  /** The planner's word on what runs counts: it may have refused a choice, or restarted. */
  private follow(violated: Violated): void {
    for (const candidate of this.candidates) {
      const planned = violated.current[candidate.tenant.name];
      if (planned !== undefined && candidate.eligible.some(({ name }) => name === planned)) candidate.current = planned;
    }
  }

  private noteFits(violated: Violated, nowMs: number): void {
    for (const candidate of this.candidates) {
      if (violated.violations.length === 0) candidate.history.noteHolds(nowMs, violated.capW);
      const heavier = violated.alternatives.filter(
        ({ tenant, accuracy, feasible }) =>
          feasible &&
          violated.violations.length === 0 &&
          tenant === candidate.tenant.name &&
          accuracy > accuracyOf(candidate),
      );
      const withSlack = heavier.filter((alternative) => hasSlack(alternative, candidate.tenant));
      const namesOf = (alternatives: readonly Alternative[]) => new Set(alternatives.map(({ variant }) => variant));
      candidate.history.noteFits(namesOf(heavier), namesOf(withSlack), nowMs);
    }
  }

  private endChain(): void {
    this.chain?.end();
    this.chain = null;
  }

  private relax(violated: Violated, nowMs: number): Variants | null {
    const swap = chooseLighter(violated, this.candidates);
    const from = swap === null ? undefined : variantOf(swap.candidate);
    if (swap === null || from === undefined) return null;
    this.chain ??= new StepChain(violated.capW, nowMs);
    this.chain.stepped(swap.candidate, from, nowMs);
    return this.stepDown(swap, describeViolations(violated), 'limit');
  }

  /** Gives back what a step of this chain took and later steps made needless. */
  private restore(violated: Violated, nowMs: number): Variants | null {
    const swap = this.chain?.restore(violated, this.candidates, nowMs) ?? null;
    if (swap === null) return null;
    const { candidate, to } = swap;
    this.change(candidate, to.name === candidate.eligible[0]?.name ? [] : candidate.why, to);
    return this.answer(`${candidate.tenant.name} keeps ${to.name}: other swaps made the step down needless`, 'limit');
  }

  private stepUp(violated: Violated, nowMs: number): Variants | null {
    const { capW } = violated;
    let best: { swap: Swap; gain: number; room: number } | null = null;
    for (const alternative of violated.alternatives) {
      const swap = swapOf(alternative, this.candidates);
      if (swap === null || !alternative.feasible) continue;
      const { candidate, to } = swap;
      const room = roomOf(alternative, candidate.tenant);
      if (to.accuracy <= accuracyOf(candidate)) continue;
      if (!candidate.history.mayStepUpTo(to.name, nowMs, { capW, room })) continue;
      const gain = (to.accuracy - accuracyOf(candidate)) * candidate.weight;
      if (best === null || gain > best.gain) best = { swap, gain, room };
    }
    if (best === null) return null;
    best.swap.candidate.history.steppedUp(best.swap.to.name, nowMs, { capW, room: best.room });
    return this.goUp(best.swap, describeRoom(best.room), 'there was room for it again', 'room');
  }

  private followPrice(violated: Violated, price: PriceInForce, nowMs: number): Variants | null {
    const priced = this.priceChoice.choose(violated, this.candidates, price, nowMs);
    if (priced === null) return null;
    const { candidate } = priced.swap;
    const because = describePriced(priced, price.told, violated.ratePerS?.[candidate.tenant.name] ?? 0);
    this.priceChoice.swapped(candidate, price);
    if (priced.points < 0) {
      candidate.history.steppedUp(priced.swap.to.name, nowMs, { capW: violated.capW, room: priced.room });
      return this.goUp(priced.swap, because, because, 'price');
    }
    candidate.history.steppedDownByChoice(nowMs);
    return this.stepDown(priced.swap, because, 'price');
  }

  private goUp(swap: Swap, because: string, why: string, cause: Cause): Variants {
    const { candidate, to } = swap;
    const from = candidate.current;
    this.change(candidate, to.name === candidate.eligible[0]?.name ? [] : [why], to);
    return this.answer(`${candidate.tenant.name} back up from ${from} to ${to.name}: ${because}`, cause);
  }

  private stepDown({ candidate, to }: Swap, because: string, cause: Cause): Variants {
    const from = candidate.current;
    const lost = accuracyOf(candidate) - to.accuracy;
    this.change(candidate, [because], to);
    return this.answer(`${candidate.tenant.name} from ${from} to ${to.name} (${points(lost)}): ${because}`, cause);
  }

  private change(candidate: Candidate, why: string[], to: Variant): void {
    candidate.current = to.name;
    candidate.why = why;
    this.observed.swapped(candidate.tenant.name);
  }

  private answer(reason: string, cause: Cause): Variants {
    const choices = this.candidates.map((candidate): VariantChoice => {
      const best = candidate.eligible[0]?.accuracy ?? 0;
      return {
        tenant: candidate.tenant.name,
        allowed: candidate.eligible.map(({ name }) => name),
        chosen: candidate.current,
        accuracyCost: Math.max(0, best - accuracyOf(candidate)),
        why: candidate.why,
      };
    });
    const { price, rejected } = this;
    return { choices, reason, cause, rejected: [...rejected], ...(price === null ? {} : { price }) };
  }
}
