import type { Cap } from '../signals/cap';
import type { CoLocationSample } from '../signals/co-location';
import { fullLoadW, type InferenceDevice, type OperatingPoint } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { Plan, PlanChange } from '../signals/plan';
import type { Telemetry } from '../signals/telemetry';
import type { Tenant, Variant } from '../signals/tenant';
import type { VariantChoice, Variants } from '../signals/variants';
import type { Violated } from '../signals/violated';
import { admit, type Candidacy } from './admission';
import { VariantCosts } from './costs';
import { changeOf, type Circumstances } from './plan-change';
import type { ProfileLookup } from './profiles/table';
import { ArrivalRates } from './rates';
import type { PlanningAnswer, RoundSolver } from './rounds/answer';
import { placesOf } from './rounds/places';
import { AnalyticOnly } from './rounds/estimators';
import type { PlanningQuestion, QuestionTenant } from './rounds/question';
import { solveRound } from './rounds/solve';
import { SteadyRounds } from './rounds/steady-rounds';
import type { MeasuredPlan } from './trials/measured-plan';
import { sampleOf } from './trials/sample-of';

/** One answer of the planner: the plan, and what it could not hold with what each single swap would change. */
export interface PlanningRound {
  readonly plan: Plan;
  readonly violated: Violated;
  /** Other plans that keep all limits and may turn out better when they are tried; none where nobody moves. */
  readonly rivals?: readonly Plan[];
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
   * Says that a plan was put in force although it breaks limits, or although it is a rival. Not saying so is fine: a plan that
   * breaks limits counts as replaced when {@link onVariants} follows, and as in force when anything else follows.
   */
  keep(plan: Plan): void;
  /** Says that the plan of the last round was not put in force: something newer came while it was made. */
  drop(plan: Plan): void;
}

export interface MappingPlannerOptions {
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPoints' | 'operatingPointInForce'>;
  readonly tenants: readonly Tenant[];
  readonly profiles: ProfileLookup;
  /** Where rounds are worked out; by default here, with the analytic estimator. */
  readonly solver?: RoundSolver;
  /** Answers a question that was answered just now the same, without working it out; by default every round is worked out. */
  readonly recallsSteady?: boolean;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Answers of the selector that are remembered for the words of a change. */
const mostSaid = 64;

interface Choice {
  readonly variant: Variant;
  readonly why: readonly string[];
}

/** A plan, and under what the last plan was made that changed something. */
interface Planned {
  readonly plan: Plan;
  readonly at: Circumstances;
}

/**
 * Plans the mapping of all tenants under the cap and operating point in force, for the variants chosen so far (each tenant's
 * most accurate one until {@link onVariants} says otherwise). Always answers with a plan: when nothing fits it is the best effort
 * in order of priority, with `feasible: false`. It keeps what was said and what is in force; a round itself is worked out by the
 * solver. Whoever asks waits for the answer before the next question.
 */
export class MappingPlanner implements Planner {
  private readonly options: MappingPlannerOptions;
  private readonly solver: RoundSolver;
  private readonly candidacies: readonly Candidacy[];
  private readonly remarks: readonly string[];
  private readonly rates: ArrivalRates;
  private readonly costs: VariantCosts;
  private readonly choices = new Map<string, Choice>();
  private readonly steady: SteadyRounds | null;
  private readonly idPrefix: string;
  private rounds = 0;
  private cap: Cap | null = null;
  private inForce: Planned | null = null;
  /** A plan that breaks limits: in force unless other variants are answered instead. */
  private tentative: Planned | null = null;
  /** The last plan, and what was in force and had been said before it. */
  private last: { readonly planned: Planned; readonly before: Planned | null; readonly said: Variants[] } | null = null;
  /** What the selector has answered since the plan in force. */
  private said: Variants[] = [];
  private plannedRates: ReadonlyMap<string, number>;

  constructor(options: MappingPlannerOptions) {
    if (options.device.components.length === 0) {
      throw new EcomapError('INVALID_CONFIG', 'The device has no component to run anything on: add one.');
    }
    this.options = options;
    this.solver = options.solver ?? inProcess();
    this.steady = options.recallsSteady === true ? new SteadyRounds() : null;
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
    this.said = [...this.said, variants].slice(-mostSaid);
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
    this.inForce = { plan, at: this.last?.planned.at ?? { cap: this.cap, ratePerS: this.plannedRates } };
    this.tentative = null;
    this.said = [];
  }

  drop(plan: Plan): void {
    if (this.tentative?.plan.planId === plan.planId) this.tentative = null;
    if (this.last?.planned.plan.planId === plan.planId) {
      this.inForce = this.last.before;
      this.said = this.last.said;
    }
    this.last = null;
  }

  /** What a plan of this planner did, for the learned estimator; null where something of it is unknown. */
  sampleOf(plan: Plan, measured: MeasuredPlan): CoLocationSample | null {
    return sampleOf(plan, measured, {
      components: this.options.device.components,
      workOf: (tenant, variant) => this.costs.workToPlan(tenant, variant, plan.operatingPoint),
    });
  }

  private choose(choice: VariantChoice): string | null {
    const candidacy = this.candidacies.find(({ tenant }) => tenant.name === choice.tenant);
    if (candidacy === undefined) return `variant choice ignored: there is no tenant ${choice.tenant} here`;
    const variant = candidacy.eligible.find(({ name }) => name === choice.chosen);
    if (variant === undefined) return `variant choice ignored: ${choice.tenant} may not run ${choice.chosen}`;
    this.choices.set(choice.tenant, { variant, why: choice.why });
    return null;
  }

  private async plan(remarks: readonly string[] = []): Promise<PlanningRound> {
    if (this.tentative !== null) {
      this.inForce = this.tentative;
      this.said = [];
    }
    const rates = this.rates.snapshot();
    const question = this.question(remarks);
    const now = { cap: this.cap, ratePerS: rates };
    const solved = await this.answer(question, rates);
    const before = this.inForce;
    const change = changeOf(before, { plan: solved.plan, at: now }, this.said);
    const plan = change === null ? solved.plan : withChange(solved.plan, change);
    const planned = { plan, at: change === null && before !== null ? before.at : now };
    const holds = solved.violated.violations.length === 0;
    this.last = { planned, before, said: this.said };
    if (holds) {
      this.inForce = planned;
      this.said = [];
    }
    this.tentative = holds ? null : planned;
    return { ...solved, plan };
  }

  /** Worked out, unless it was just now and nothing has changed since. */
  private async answer(question: PlanningQuestion, rates: ReadonlyMap<string, number>): Promise<PlanningAnswer> {
    const { revision = 0 } = this.solver;
    const steady = this.steady?.recall(question, revision) ?? null;
    if (steady !== null) return steady;
    this.plannedRates = rates;
    const round = await this.solver.solve(question);
    // What came late from another one than it would be now is not its answer.
    if ((this.solver.revision ?? 0) === revision) this.steady?.keep(question, revision, round);
    return round;
  }

  private question(remarks: readonly string[]): PlanningQuestion {
    this.rounds += 1;
    const operatingPoint = this.cap?.operatingPoint ?? this.options.device.operatingPointInForce();
    const tenants = this.candidacies.map((candidacy) => this.questionTenant(candidacy, operatingPoint));
    return {
      planId: `${this.idPrefix}-${this.rounds}`,
      createdAt: new Date(this.options.clock()).toISOString(),
      components: [...this.options.device.components],
      operatingPoint,
      otherPoints: this.otherPoints(),
      cap: this.cap,
      tenants,
      inForce: this.mappingInForce(tenants),
      remarks: [...this.remarks, ...remarks],
    };
  }

  /** Where the power cap follows plans: the points that it could put in force. */
  private otherPoints(): OperatingPoint[] {
    const outerW = this.cap?.quality?.outerW;
    if (outerW === undefined) return [];
    return this.options.device.operatingPoints.filter(
      (point) => point.name !== this.cap?.operatingPoint.name && fullLoadW(point) <= outerW,
    );
  }

  private questionTenant({ tenant, eligible, mostAccurate }: Candidacy, point: OperatingPoint): QuestionTenant {
    const choice = this.choices.get(tenant.name);
    return {
      name: tenant.name,
      latencyLimitMs: tenant.latencyLimitMs,
      priority: tenant.priority,
      ratePerS: this.rates.of(tenant.name),
      variants: eligible.map(({ name, accuracy }) => ({
        name,
        accuracy,
        work: this.costs.workToPlan(tenant.name, name, point),
      })),
      chosen: Math.max(0, eligible.indexOf(choice?.variant ?? eligible[0])),
      because: [...(choice?.why ?? [])],
      mostAccurate: {
        name: mostAccurate.name,
        accuracy: mostAccurate.accuracy,
        energyJ: this.costs.fullSpeedEnergyJ(tenant.name, mostAccurate.name),
      },
    };
  }

  /**
   * The mapping in force as indices, for the stages that the chosen variants have; null when it does not cover these tenants and
   * components.
   */
  private mappingInForce(tenants: readonly QuestionTenant[]): number[][] | null {
    const candidate: number[][] = [];
    for (const { name, variants, chosen } of tenants) {
      const work = variants[chosen]?.work ?? null;
      const stages = this.inForce?.plan.tenants.find(({ tenant }) => tenant === name)?.stages ?? [];
      const places = work === null ? null : placesOf(stages, work, this.options.device.components);
      if (places === null) return null;
      candidate.push(places);
    }
    return candidate.length > 0 ? candidate : null;
  }
}

/** Says the change after the cap. */
function withChange(plan: Plan, change: PlanChange): Plan {
  const [first, ...others] = plan.why;
  const why = [
    ...(first === undefined ? [] : [first]),
    ...(others.includes(change.text) ? [] : [change.text]),
    ...others,
  ];
  return { ...plan, why, change };
}

function inProcess(): RoundSolver {
  const estimators = new AnalyticOnly();
  return { solve: (question) => solveRound(question, estimators) };
}
