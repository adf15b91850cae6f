import type { Cap } from '../signals/cap';
import type { InferenceDevice, OperatingPoint } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { Plan, PlanTenant } from '../signals/plan';
import { weakestSource, type Source } from '../signals/quantities';
import type { Telemetry } from '../signals/telemetry';
import type { Tenant, Variant } from '../signals/tenant';
import type { VariantChoice, Variants } from '../signals/variants';
import type { Alternative, Violated, Violation } from '../signals/violated';
import { admit, type Candidacy } from './admission';
import { VariantCosts } from './costs';
import { AnalyticEstimator } from './estimator/analytic';
import type { BatchEstimator, Candidate, EstimationContext, Work } from './estimator/estimator';
import { inBatches } from './estimator/in-batches';
import {
  explainCap,
  explainInfeasible,
  explainMove,
  explainUnmeasured,
  explainVariant,
  explainViolation,
} from './explain';
import type { ProfileLookup } from './profiles/table';
import { ArrivalRates } from './rates';
import { isWorthMoving, type Evaluated, type Limits } from './search/objective';
import { evaluate, searchMapping, type SearchProblem } from './search/search';
import { alignTo, interchangeableGroups } from './search/symmetry';
import { excessOf, violationsOf } from './violations';

/** One answer of the planner: the plan, and what it could not hold with what each single swap would change. */
export interface PlanningRound {
  readonly plan: Plan;
  readonly violated: Violated;
}

/** Answers what is new with a plan, one round at a time. */
export interface Planner {
  /** Plans for a new cap and the operating point it put in force, and for other variants that came with it. */
  onCap(cap: Cap, variants?: Variants): Promise<PlanningRound>;
  /** Plans with other variants. Tenants and variants that are unknown or not allowed stay as they are, and `why` says so. */
  onVariants(variants: Variants): Promise<PlanningRound>;
  /** Learns the arrival rates; true when they moved so far since the last plan that a new one is due. */
  setRates(telemetry: Telemetry): boolean;
  /** Plans again with what is known now. */
  replan(): Promise<PlanningRound>;
  /**
   * Says that a plan which breaks limits was put in force all the same. Not saying so is fine: such a plan counts as replaced
   * when {@link onVariants} follows, and as in force when anything else follows.
   */
  keep(plan: Plan): void;
  /** Says that the plan of the last round was not put in force: something newer came while it was made. */
  drop(plan: Plan): void;
}

export interface MappingPlannerOptions {
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPoints' | 'operatingPointInForce'>;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  readonly estimator?: BatchEstimator;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * Evaluations of one round: for the plan itself and for all its alternatives together. They bound a round to a few milliseconds
 * on the thread it runs on, whatever the number of tenants.
 */
const planBudget = 500;
const alternativesBudget = 500;

interface Choice {
  readonly variant: Variant;
  readonly why: readonly string[];
}

type Mapping = ReadonlyMap<string, readonly string[]>;

/**
 * Searches the mapping of all tenants under the cap and operating point in force, for the variants chosen so far (each
 * tenant's most accurate one until {@link onVariants} says otherwise). Always answers with a plan: when nothing fits it is the
 * best effort in order of priority, with `feasible: false`. A round is bounded in evaluations; whoever asks waits for it before
 * the next.
 */
export class MappingPlanner implements Planner {
  private readonly options: MappingPlannerOptions;
  private readonly estimator: BatchEstimator;
  private readonly candidacies: readonly Candidacy[];
  private readonly remarks: readonly string[];
  private readonly rates: ArrivalRates;
  private readonly costs: VariantCosts;
  private readonly choices = new Map<string, Choice>();
  private readonly idPrefix: string;
  private rounds = 0;
  private cap: Cap | null = null;
  private inForce: Mapping = new Map();
  /** Mapping of a plan that breaks limits: in force unless other variants are answered instead. */
  private tentative: { readonly planId: string; readonly mapping: Mapping } | null = null;
  /** What was in force before the last plan. */
  private replaced: { readonly planId: string; readonly mapping: Mapping } | null = null;
  private plannedRates: ReadonlyMap<string, number>;

  constructor(options: MappingPlannerOptions) {
    if (options.device.components.length === 0) {
      throw new EcomapError('INVALID_CONFIG', 'The device has no component to run anything on: add one.');
    }
    this.options = options;
    this.estimator = options.estimator ?? inBatches(new AnalyticEstimator());
    const { candidacies, remarks } = admit(options.tenants, options.profiles);
    this.candidacies = candidacies;
    this.remarks = remarks;
    this.rates = new ArrivalRates(options.tenants);
    this.costs = new VariantCosts(options.device, options.profiles);
    this.plannedRates = this.rates.snapshot();
    this.idPrefix = Math.floor(options.clock()).toString(36);
  }

  onCap(cap: Cap, variants?: Variants): Promise<PlanningRound> {
    this.cap = cap;
    return variants === undefined ? this.plan() : this.onVariants(variants);
  }

  onVariants(variants: Variants): Promise<PlanningRound> {
    this.tentative = null;
    const ignored: string[] = [];
    for (const choice of variants.choices) {
      const problem = this.choose(choice);
      if (problem !== null) ignored.push(problem);
    }
    return this.plan(ignored);
  }

  setRates(telemetry: Telemetry): boolean {
    this.rates.learn(telemetry);
    return this.rates.movedSince(this.plannedRates);
  }

  replan(): Promise<PlanningRound> {
    return this.plan();
  }

  keep(plan: Plan): void {
    if (this.tentative?.planId !== plan.planId) return;
    this.inForce = this.tentative.mapping;
    this.tentative = null;
  }

  drop(plan: Plan): void {
    if (this.tentative?.planId === plan.planId) this.tentative = null;
    if (this.replaced?.planId === plan.planId) this.inForce = this.replaced.mapping;
    this.replaced = null;
  }

  private choose(choice: VariantChoice): string | null {
    const candidacy = this.candidacies.find(({ tenant }) => tenant.name === choice.tenant);
    if (candidacy === undefined) return `variant choice ignored: there is no tenant ${choice.tenant} here`;
    const variant = candidacy.eligible.find(({ name }) => name === choice.chosen);
    if (variant === undefined) return `variant choice ignored: ${choice.tenant} may not run ${choice.chosen}`;
    this.choices.set(choice.tenant, { variant, why: choice.why });
    return null;
  }

  private chosen(candidacy: Candidacy): Variant {
    return this.choices.get(candidacy.tenant.name)?.variant ?? candidacy.eligible[0];
  }

  private async plan(remarks: readonly string[] = []): Promise<PlanningRound> {
    const startedMs = performance.now();
    this.plannedRates = this.rates.snapshot();
    if (this.tentative !== null) this.inForce = this.tentative.mapping;
    const point = this.cap?.operatingPoint ?? this.options.device.operatingPointInForce();
    const selection = this.candidacies.map((candidacy) => this.chosen(candidacy));
    const problem = this.problemOf(selection, point);
    const before = this.mappingInForce();
    const outcome = await searchMapping(problem, { budget: planBudget, starts: before ? [before] : [], seed: 1 });
    const moved = await settleMapping(problem, outcome.best, before);
    const found = moved.found;
    const violations = violationsOf(found, problem.context, problem.limits);
    const excess = excessOf(violations);
    const alternatives = await this.alternatives(selection, problem, found, excess);
    const unmeasured = found.prediction.latencyMs.some((latency) => latency === null);

    this.rounds += 1;
    const planId = `${this.idPrefix}-${this.rounds}`;
    const capW = this.cap?.capW ?? null;
    const broken = violations.map((violation) => this.describe(violation, found, problem));
    const plan: Plan = {
      planId,
      createdAt: new Date(this.options.clock()).toISOString(),
      tenants: this.candidacies.map((candidacy, item) => this.planTenant(candidacy, item, found, problem)),
      operatingPoint: point,
      capW,
      powerW: found.prediction.powerW,
      powerSource: this.powerSource(),
      feasible: violations.length === 0 && !unmeasured,
      why: [
        explainCap(this.cap, point),
        ...(moved.before === null ? [] : [this.explainMoves(problem, moved.before, found)]),
        ...this.explainVariants(),
        ...this.candidacies.flatMap(({ tenant }, item) =>
          found.prediction.latencyMs[item] === null
            ? [explainUnmeasured(tenant.name, problem.context.work[item]?.variant ?? '')]
            : [],
        ),
        ...(broken.length > 0 ? [explainInfeasible(broken)] : []),
        ...this.remarks,
        ...remarks,
      ],
      search: {
        estimator: this.estimator.name,
        candidates: outcome.candidates,
        evaluated: outcome.evaluated + moved.evaluated + alternatives.evaluated,
        elapsedMs: performance.now() - startedMs,
      },
    };
    const violated: Violated = {
      planId,
      capW,
      violations,
      excess,
      current: Object.fromEntries(problem.context.work.map(({ tenant, variant }) => [tenant, variant])),
      alternatives: alternatives.list,
    };
    const mapping = new Map(
      plan.tenants.map(({ tenant, stages }) => [tenant, stages.map(({ component }) => component)]),
    );
    this.replaced = { planId, mapping: this.inForce };
    if (violations.length === 0) this.inForce = mapping;
    this.tentative = violations.length === 0 ? null : { planId, mapping };
    return { plan, violated };
  }

  private problemOf(selection: readonly Variant[], point: OperatingPoint): SearchProblem {
    const { components } = this.options.device;
    const work = this.candidacies.map(({ tenant }, item) => this.workOf(tenant, selection[item]?.name ?? ''));
    const limits: Limits = {
      capW: this.cap?.capW ?? null,
      demands: this.candidacies.map(({ tenant }) => ({
        latencyLimitMs: tenant.latencyLimitMs,
        priority: tenant.priority,
        ratePerS: this.rates.of(tenant.name),
      })),
    };
    const context: EstimationContext = { components, operatingPoint: point, work };
    return { context, limits, estimator: this.estimator, groups: interchangeableGroups(components, point) };
  }

  private workOf(tenant: Tenant, variant: string): Work {
    return {
      tenant: tenant.name,
      variant,
      ratePerS: this.rates.of(tenant.name),
      priority: tenant.priority,
      costs: [this.costs.onEachComponent(tenant.name, variant)],
    };
  }

  /** The mapping in force as indices; null when it does not cover these tenants and components. */
  private mappingInForce(): Candidate | null {
    const { components } = this.options.device;
    const candidate = this.candidacies.map(({ tenant }) =>
      (this.inForce.get(tenant.name) ?? []).map((name) => components.findIndex((component) => component.name === name)),
    );
    return candidate.length > 0 && candidate.every((stages) => stages.length > 0 && !stages.includes(-1))
      ? candidate
      : null;
  }

  /** What each swap of a single variant would lead to, everything remapped. */
  private async alternatives(
    selection: readonly Variant[],
    base: SearchProblem,
    found: Evaluated,
    excess: number,
  ): Promise<{ list: Alternative[]; evaluated: number }> {
    const swaps = this.candidacies.flatMap((candidacy, item) =>
      candidacy.eligible
        .filter((variant) => variant !== selection[item])
        .map((variant) => ({ item, variant, tenant: candidacy.tenant })),
    );
    const budget = Math.floor(alternativesBudget / Math.max(1, swaps.length));
    let evaluated = 0;
    const list: Alternative[] = [];
    for (const { item, variant, tenant } of swaps) {
      const work = base.context.work.map((kept, index) => (index === item ? this.workOf(tenant, variant.name) : kept));
      const problem = { ...base, context: { ...base.context, work } };
      // Where the swapped tenant could go comes first, then what the budget allows of everybody else.
      const stages = work[item]?.costs ?? [];
      const starts = base.context.components.map((_, at) =>
        found.candidate.map((kept, index) => (index === item ? stages.map(() => at) : kept)),
      );
      const outcome = await searchMapping(problem, { budget, starts, seed: 1, local: true });
      evaluated += outcome.evaluated;
      const { prediction } = outcome.best;
      const violations = violationsOf(outcome.best, problem.context, problem.limits);
      const known = prediction.latencyMs.every((latency) => latency !== null);
      list.push({
        tenant: tenant.name,
        variant: variant.name,
        accuracy: variant.accuracy,
        latencyMs: prediction.latencyMs[item] ?? null,
        powerW: prediction.powerW,
        feasible: violations.length === 0 && known,
        // A swap to something unmeasured promises nothing: it must not look like a way out.
        excess: known ? excessOf(violations) : Math.max(excess, excessOf(violations)),
      });
    }
    return { list, evaluated };
  }

  private planTenant(candidacy: Candidacy, item: number, found: Evaluated, { context }: SearchProblem): PlanTenant {
    const { tenant, mostAccurate } = candidacy;
    const variant = this.chosen(candidacy);
    const stages = found.candidate[item] ?? [];
    const latencyMs = found.prediction.latencyMs[item] ?? null;
    const overloaded = context.work[item]?.ratePerS !== 0 && stages.some((at) => (found.prediction.load[at] ?? 0) >= 1);
    return {
      tenant: tenant.name,
      variant: variant.name,
      accuracy: variant.accuracy,
      stages: stages.map((at, stage) => ({ stage, component: context.components[at]?.name ?? '', firstNode: 0 })),
      latencyMs,
      latencyLimitMs: tenant.latencyLimitMs,
      meetsLimit: latencyMs !== null && latencyMs.upper <= tenant.latencyLimitMs && !overloaded,
      energyJ: this.costs.energyJ(tenant.name, variant.name, stages, context.operatingPoint),
      alwaysMax: {
        variant: mostAccurate.name,
        accuracy: mostAccurate.accuracy,
        energyJ: this.costs.fullSpeedEnergyJ(tenant.name, mostAccurate.name),
      },
    };
  }

  /** The prediction is modelled, and no better than the cap's own source: a simulated device has no real watts. */
  private powerSource(): Source {
    return (
      weakestSource([
        'modelled',
        this.cap?.power.source ?? null,
        this.cap?.enforced === 'simulated' ? 'simulated' : null,
      ]) ?? 'modelled'
    );
  }

  private describe(violation: Violation, found: Evaluated, { context }: SearchProblem): string {
    const item = context.work.findIndex(({ tenant }) => tenant === violation.tenant);
    const at = (found.candidate[item] ?? []).reduce(
      (most, stageAt) => ((found.prediction.load[stageAt] ?? 0) > (found.prediction.load[most] ?? 0) ? stageAt : most),
      found.candidate[item]?.[0] ?? 0,
    );
    return explainViolation(violation, context.components[at]?.name ?? 'a component');
  }

  private explainMoves(problem: SearchProblem, before: Evaluated, after: Evaluated): string {
    const names = (stages: readonly number[] | undefined): string =>
      (stages ?? []).map((at) => problem.context.components[at]?.name ?? '').join('+');
    const moves = problem.context.work.flatMap(({ tenant }, item) => {
      const [from, to] = [names(before.candidate[item]), names(after.candidate[item])];
      return from === to ? [] : [{ tenant, from, to }];
    });
    const brokenBefore = violationsOf(before, problem.context, problem.limits).map((violation) =>
      this.describe(violation, before, problem),
    );
    return explainMove(moves, brokenBefore, before.cost, after.cost);
  }

  private explainVariants(): string[] {
    return this.candidacies.flatMap((candidacy) => {
      const chosen = this.chosen(candidacy);
      if (chosen.accuracy >= candidacy.mostAccurate.accuracy) return [];
      const why = this.choices.get(candidacy.tenant.name)?.why ?? [];
      return [explainVariant(candidacy.tenant.name, chosen, candidacy.mostAccurate, why)];
    });
  }
}

/** Keeps the mapping in force unless the best one found is clearly better; says what it compared with when tenants move. */
async function settleMapping(
  problem: SearchProblem,
  best: Evaluated,
  inForce: Candidate | null,
): Promise<{ found: Evaluated; before: Evaluated | null; evaluated: number }> {
  if (inForce === null) return { found: best, before: null, evaluated: 0 };
  const before = await evaluate(problem, inForce);
  if (!isWorthMoving(before.cost, best.cost)) return { found: before, before: null, evaluated: 1 };
  const aligned = alignTo(best.candidate, inForce, problem.groups);
  return { found: await evaluate(problem, aligned), before, evaluated: 2 };
}
