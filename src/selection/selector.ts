import { eligibleVariants, type Tenant, type Variant } from '../signals/tenant';
import type { Telemetry } from '../signals/telemetry';
import type { VariantChoice, Variants } from '../signals/variants';
import type { Alternative, Violated, Violation } from '../signals/violated';
import { ObservedViolations } from './observed';
import { SwapHistory } from './swap-history';

export interface VariantSelectorSettings {
  /** A heavier variant must be predicted to fit for this long before it is chosen, s. */
  readonly upAfterS: number;
  /** Least time between a swap of a tenant and its next step up, s. Steps down never wait. */
  readonly dwellS: number;
}

export const defaultSelectorSettings: VariantSelectorSettings = { upAfterS: 20, dwellS: 10 };

export interface VariantSelectorOptions {
  readonly tenants: readonly Tenant[];
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number;
  readonly settings?: Partial<VariantSelectorSettings>;
}

/** Each higher level of priority in use makes a point of accuracy this much dearer, so that low priorities give up first. */
const priorityFactor = 4;
/** A swap that removes less than this share of the excess is not worth any accuracy. */
const leastRelief = 0.01;
/** A heavier variant must leave this share of the latency limit free: stepping up and down at one threshold would flap. */
const upSlack = 0.1;

/** A round this long after the last answer is not about that answer any more. */
const chainMs = 500;

/** What the selector knows of one tenant. */
interface Candidate {
  readonly tenant: Tenant;
  /** Most accurate first. */
  readonly eligible: readonly Variant[];
  /** What a point of its accuracy is worth against the least important tenant's. */
  readonly weight: number;
  readonly history: SwapHistory;
  current: string;
  why: string[];
}

interface Swap {
  readonly candidate: Candidate;
  readonly to: Variant;
}

/** What a tenant ran when a chain of answers began, and whether a step was given back since. */
interface ChainStep {
  readonly from: Variant;
  restored: boolean;
}

/**
 * Decides which tenant gives up how much accuracy. One swap per answer, so that the planner can say what it led to:
 * - down at once, on a predicted violation: of the single swaps to a lighter variant the one that makes everything fit at the
 *   least accuracy lost (weighted by priority), or, while none does, the one that relieves most per point of accuracy; when
 *   everything fits at last, steps of the same chain that turned out to be needless are taken back at once;
 * - down after two bad windows in a row, on an observed violation: that tenant, or one of lower priority when it is the lightest
 *   already;
 * - up only when a heavier variant has been predicted to fit for a while, with a growing wait after steps that were taken back.
 * A tenant that is pinned or switched off has one eligible variant and is never touched. A chain of answers ends: each step down
 * makes one tenant lighter, each tenant gets a needless step back at most once in a chain, and nobody steps up otherwise.
 */
export class VariantSelector {
  private readonly clock: () => number;
  private readonly candidates: readonly Candidate[];
  private readonly observed = new ObservedViolations();
  /** The steps down that answer the same trouble: they follow each other at once, under the same cap. */
  private chain: { readonly capW: number | null; lastMs: number; readonly steps: Map<Candidate, ChainStep> } | null =
    null;

  constructor(options: VariantSelectorOptions) {
    this.clock = options.clock;
    const settings = { ...defaultSelectorSettings, ...options.settings };
    const levels = [...new Set(options.tenants.map(({ priority }) => priority))].sort((a, b) => b - a);
    const seen = new Set<string>();
    this.candidates = options.tenants.flatMap((tenant): Candidate[] => {
      const eligible = eligibleVariants(tenant);
      const [first] = eligible;
      if (first === undefined || seen.has(tenant.name)) return [];
      seen.add(tenant.name);
      return [
        {
          tenant,
          eligible,
          weight: priorityFactor ** levels.indexOf(tenant.priority),
          history: new SwapHistory({ upAfterMs: settings.upAfterS * 1000, dwellMs: settings.dwellS * 1000 }),
          current: first.name,
          why: [],
        },
      ];
    });
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

  /** Answers a planning round; null when nothing should change. */
  onViolated(violated: Violated): Variants | null {
    const nowMs = this.clock();
    if (this.chain !== null && (nowMs - this.chain.lastMs > chainMs || violated.capW !== this.chain.capW))
      this.endChain();
    this.follow(violated);
    this.noteFits(violated, nowMs);
    const answer = violated.violations.length > 0 ? this.relax(violated, nowMs) : this.restore(violated, nowMs);
    if (answer !== null) return answer;
    if (this.chain === null) return violated.violations.length > 0 ? null : this.stepUp(violated, nowMs);
    this.endChain();
    return null;
  }

  /** Looks for limits that are broken whatever was predicted; null when nothing should change. */
  onTelemetry(telemetry: Telemetry): Variants | null {
    // What waited while a host was being replaced came late whatever the variant was.
    if (telemetry.components.some(({ restarts }) => restarts > 0)) return null;
    const nowMs = this.clock();
    let urgent: { swap: Swap; priority: number; because: string } | null = null;
    for (const window of telemetry.tenants) {
      const candidate = this.find(window.tenant);
      if (candidate === undefined) continue;
      const underWay =
        window.variant !== candidate.current && candidate.eligible.some(({ name }) => name === window.variant);
      // A swap that the executor has not made yet: what is observed belongs to the old variant.
      const seen = underWay ? null : this.observed.observe(window);
      if (seen === null) continue;
      candidate.history.noteTrouble(nowMs);
      if (!seen.acute) continue;
      const swap = this.relieve(candidate);
      // One swap per window, for the most important tenant in trouble: the others may be helped by it too.
      const { priority } = candidate.tenant;
      if (swap !== null && (urgent === null || priority < urgent.priority)) {
        urgent = { swap, priority, because: `${window.tenant}: ${seen.violation}` };
      }
    }
    if (urgent === null) return null;
    urgent.swap.candidate.history.steppedDownAgainstPrediction(nowMs);
    return this.stepDown(urgent.swap, urgent.because);
  }

  private find(tenant: string): Candidate | undefined {
    return this.candidates.find((candidate) => candidate.tenant.name === tenant);
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
      const fitting = violated.alternatives.filter(
        (alternative) =>
          violated.violations.length === 0 &&
          alternative.tenant === candidate.tenant.name &&
          alternative.accuracy > accuracyOf(candidate) &&
          hasSlack(alternative, candidate.tenant),
      );
      candidate.history.noteFits(new Set(fitting.map(({ variant }) => variant)), nowMs);
    }
  }

  /** Only now is it known which steps of the chain stay. */
  private endChain(): void {
    for (const [candidate, { from }] of this.chain?.steps ?? []) {
      if (accuracyOf(candidate) < from.accuracy) {
        candidate.history.steppedDown(this.chain?.lastMs ?? 0, this.chain?.capW ?? null);
      }
    }
    this.chain = null;
  }

  private relax(violated: Violated, nowMs: number): Variants | null {
    const swap = this.chooseLighter(violated);
    const from = swap === null ? undefined : variantOf(swap.candidate);
    if (swap === null || from === undefined) return null;
    this.chain ??= { capW: violated.capW, lastMs: nowMs, steps: new Map() };
    this.chain.lastMs = nowMs;
    if (!this.chain.steps.has(swap.candidate)) this.chain.steps.set(swap.candidate, { from, restored: false });
    const because = violated.violations
      .slice(0, 2)
      .map((violation) => describe(violation, violated))
      .join('; ');
    return this.stepDown(swap, because);
  }

  /** Gives back what a step of this chain took and later steps made needless: the largest weighted gain. */
  private restore(violated: Violated, nowMs: number): Variants | null {
    const { chain } = this;
    if (chain === null) return null;
    let best: { swap: Swap; gain: number; step: ChainStep } | null = null;
    for (const alternative of violated.alternatives) {
      const candidate = this.find(alternative.tenant);
      const step = candidate === undefined ? undefined : chain.steps.get(candidate);
      const to = candidate?.eligible.find(({ name }) => name === alternative.variant);
      if (candidate === undefined || step === undefined || to === undefined || step.restored) continue;
      if (!alternative.feasible || to.accuracy > step.from.accuracy) continue;
      const gain = (to.accuracy - accuracyOf(candidate)) * candidate.weight;
      if (gain > 0 && (best === null || gain > best.gain)) best = { swap: { candidate, to }, gain, step };
    }
    if (best === null) return null;
    const { swap, step } = best;
    step.restored = true;
    chain.lastMs = nowMs;
    const why = swap.to.name === swap.candidate.eligible[0]?.name ? [] : swap.candidate.why;
    this.change(swap.candidate, why, swap.to);
    return this.answer(`${swap.candidate.tenant.name} keeps ${swap.to.name}: other swaps made the step down needless`);
  }

  /** The single swap to a lighter variant that answers the violations best; null when none helps. */
  private chooseLighter(violated: Violated): Swap | null {
    let best: { swap: Swap; loss: number; feasible: boolean; merit: number } | null = null;
    for (const alternative of violated.alternatives) {
      const candidate = this.find(alternative.tenant);
      const to = candidate?.eligible.find(({ name }) => name === alternative.variant);
      if (candidate === undefined || to === undefined || to.accuracy >= accuracyOf(candidate)) continue;
      const relief = violated.excess - alternative.excess;
      if (!alternative.feasible && relief < leastRelief * violated.excess) continue;
      const loss = (accuracyOf(candidate) - to.accuracy) * candidate.weight;
      const option = {
        swap: { candidate, to },
        loss,
        feasible: alternative.feasible,
        merit: relief / Math.max(loss, 1e-6),
      };
      if (best === null || isBetter(option, best)) best = option;
    }
    return best?.swap ?? null;
  }

  /** The next lighter variant of a tenant in trouble, or of one of lower priority that shares the device with it. */
  private relieve(troubled: Candidate): Swap | null {
    const own = nextLighter(troubled);
    if (own !== null) return own;
    return this.candidates
      .filter(({ tenant }) => tenant.priority > troubled.tenant.priority)
      .flatMap((candidate) => nextLighter(candidate) ?? [])
      .reduce<Swap | null>((best, swap) => (best === null || lossOf(swap) < lossOf(best) ? swap : best), null);
  }

  private stepUp(violated: Violated, nowMs: number): Variants | null {
    let best: { swap: Swap; gain: number } | null = null;
    for (const alternative of violated.alternatives) {
      const candidate = this.find(alternative.tenant);
      const to = candidate?.eligible.find(({ name }) => name === alternative.variant);
      if (candidate === undefined || to === undefined || !alternative.feasible) continue;
      if (to.accuracy <= accuracyOf(candidate) || !candidate.history.mayStepUpTo(to.name, nowMs)) continue;
      const gain = (to.accuracy - accuracyOf(candidate)) * candidate.weight;
      if (best === null || gain > best.gain) best = { swap: { candidate, to }, gain };
    }
    if (best === null) return null;
    const { candidate, to } = best.swap;
    const from = candidate.current;
    candidate.history.steppedUp(nowMs, violated.capW);
    this.change(candidate, to.name === candidate.eligible[0]?.name ? [] : [`there was room for it again`], to);
    return this.answer(`${candidate.tenant.name} back up from ${from} to ${to.name}: it has fitted for a while`);
  }

  private stepDown({ candidate, to }: Swap, because: string): Variants {
    const from = candidate.current;
    const lost = accuracyOf(candidate) - to.accuracy;
    this.change(candidate, [because], to);
    return this.answer(
      `${candidate.tenant.name} from ${from} to ${to.name} (${(lost * 100).toFixed(1)} points of accuracy): ${because}`,
    );
  }

  private change(candidate: Candidate, why: string[], to: Variant): void {
    candidate.current = to.name;
    candidate.why = why;
    this.observed.swapped(candidate.tenant.name);
  }

  private answer(reason: string): Variants {
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
    return { choices, reason };
  }
}

function variantOf(candidate: Candidate): Variant | undefined {
  return candidate.eligible.find(({ name }) => name === candidate.current);
}

function accuracyOf(candidate: Candidate): number {
  return variantOf(candidate)?.accuracy ?? 0;
}

function lossOf({ candidate, to }: Swap): number {
  return (accuracyOf(candidate) - to.accuracy) * candidate.weight;
}

function nextLighter(candidate: Candidate): Swap | null {
  const to = candidate.eligible.find(({ accuracy }) => accuracy < accuracyOf(candidate));
  return to === undefined ? null : { candidate, to };
}

function hasSlack({ feasible, latencyMs }: Alternative, tenant: Tenant): boolean {
  return feasible && latencyMs !== null && latencyMs.upper <= tenant.latencyLimitMs * (1 - upSlack);
}

/** What makes everything fit comes first, at the least loss; else what relieves most per accuracy lost. */
function isBetter(
  a: { loss: number; feasible: boolean; merit: number },
  b: { loss: number; feasible: boolean; merit: number },
): boolean {
  if (a.feasible !== b.feasible) return a.feasible;
  return a.feasible ? a.loss < b.loss : a.merit > b.merit;
}

function describe({ tenant, constraint, value, limit }: Violation, { capW }: Violated): string {
  switch (constraint) {
    case 'power':
      return `the device would draw up to ${value.toFixed(1)} W under a cap of ${(capW ?? limit).toFixed(1)} W`;
    case 'load':
      return `a component would be ${Math.round(value * 100)} % busy, mostly with ${tenant}`;
    case 'latency':
      return `${tenant} would need up to ${Math.round(value)} ms of ${Math.round(limit)} ms`;
  }
}
