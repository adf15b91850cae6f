import { EcomapError } from '../../signals/errors';
import type { Plan } from '../../signals/plan';
import type { Variant } from '../../signals/tenant';
import { closedError } from '../closed-error';
import { ChangeOver, type Move, type Places } from '../hosting/change-over';
import type { ServingComponents } from '../hosting/serving-components';
import type { ServingProcess } from '../hosting/serving-process';
import type { TenantService } from '../serving/tenant-service';
import type { LoadedVariant } from '../serving/variant-server';
import type { StagedMove, StagedTenant } from '../stages/staged-tenant';
import type { PreparedStages, StagedTenants } from '../stages/staged-tenants';
import type { FirstVariants } from './first-variants';
import type { PlanOutcome } from './latest-plan';
import { movesOf } from './plan-moves';

export interface PlanApplicationOptions {
  readonly services: ReadonlyMap<string, TenantService>;
  readonly components: ServingComponents;
  readonly places: Places;
  readonly staged: StagedTenants;
  readonly firstVariants: FirstVariants;
  readonly isServing: () => boolean;
  /** The plan is in force; what it has put out of use may still answer. */
  readonly onApplied: (plan: Plan) => void;
}

/** Puts plans into force, one at a time. */
export class PlanApplication {
  constructor(private readonly options: PlanApplicationOptions) {}

  /**
   * A tenant that was broken before may stay so; any other failure undoes the whole plan.
   * @throws EcomapError INVALID_MESSAGE when the plan asks for what does not exist; what `ChangeOver.prepare` and
   * `StagedTenants.prepare` throw; NODE_CLOSED
   */
  async apply(plan: Plan): Promise<PlanOutcome> {
    const { services, places, staged, firstVariants, isServing } = this.options;
    const moves = movesOf(plan, services, (name, service) => this.#processFor(plan, name, service));
    const newlyStaged = moves.staged.filter((move) => !staged.isAs(move) || hasLostStage(move));
    const whole = moves.all.filter((move) => this.#isChange(move));
    const changeOver = await ChangeOver.prepare(whole, places, staged.needsOf(newlyStaged));
    const { prepared, failures } = await this.#prepareStages(newlyStaged, changeOver);
    if (!isServing()) {
      await Promise.all(prepared.map((one) => one.retire()));
      await changeOver.discard();
      throw closedError();
    }
    const why = [
      ...moves.notes,
      ...[...changeOver.failures, ...failures].map(
        ([{ tenant }, error]) => `${tenant.name} stays broken: ${error.message}`,
      ),
    ];
    const changed = changeOver.commit((move) => reasons(plan, move));
    let swaps = 0;
    for (const [{ tenant, variant }, before] of changed) if (noteSwap(tenant, before, variant)) swaps += 1;
    for (const one of prepared) if (this.#commitStages(plan, one)) swaps += 1;
    const changedTenants = [...changed.keys(), ...prepared.map(({ move }) => move)].map(({ tenant }) => tenant);
    const unused = staged.replace(changedTenants, prepared);
    for (const move of moves.staged) {
      if (!newlyStaged.includes(move)) move.tenant.explain(reasons(plan, move));
    }
    for (const move of moves.all) {
      firstVariants.forget(move.tenant);
      if (!changed.has(move) && move.tenant.deployment !== null) move.tenant.explain(reasons(plan, move));
    }
    this.options.onApplied(plan);
    await Promise.all([changeOver.finish(), staged.retire(unused)]);
    return { applied: true, swaps, why };
  }

  async #prepareStages(moves: readonly StagedMove[], changeOver: ChangeOver<TenantService>): Promise<PreparedStages> {
    try {
      return await this.options.staged.prepare(moves, (process) => changeOver.hostFor(process));
    } catch (error) {
      await changeOver.discard();
      throw error;
    }
  }

  /** @returns whether the tenant has got another variant by that */
  #commitStages(plan: Plan, staged: StagedTenant): boolean {
    const { tenant, variant } = staged.move;
    const before = tenant.deployment;
    this.options.firstVariants.forget(tenant);
    if (staged.firstProcess !== undefined) this.options.places.set(tenant, staged.firstProcess);
    staged.commit(reasons(plan, staged.move));
    return noteSwap(tenant, before, variant);
  }

  #processFor(plan: Plan, name: string, service: TenantService): ServingProcess {
    const { components, places } = this.options;
    const component = components.get(name);
    if (component !== undefined) {
      // Who is served apart stays so; whether that is still right, the next look at the run times will tell.
      const { ordinary, express } = component;
      const isWhole = plan.tenants.some(({ tenant, stages }) => tenant === service.tenant.name && stages.length === 1);
      return isWhole && express !== null && places.get(service) === express ? express : ordinary;
    }
    const unused = components.unused.find((one) => one.component === name);
    throw new EcomapError(
      'INVALID_MESSAGE',
      `The plan ${plan.planId} uses the component "${name}", which has no inference host here` +
        `${unused === undefined ? '' : `: ${unused.why}`}.`,
    );
  }

  #isChange({ tenant, variant, process }: Move<TenantService>): boolean {
    const { deployment } = tenant;
    const isElsewhere = this.options.staged.has(tenant) || this.options.places.get(tenant) !== process;
    return deployment === null || deployment.variant.name !== variant.name || isElsewhere;
  }
}

/** Its processes serve, but cannot compute it: a model could not be loaded again. */
function hasLostStage({ tenant, stages }: StagedMove): boolean {
  return tenant.deployment === null && stages.every(({ process }) => process.ready);
}

/** Counts a change of variant of a tenant that was being served. */
function noteSwap({ window }: TenantService, before: LoadedVariant | null, { name }: Variant): boolean {
  if (before === null || before.variant.name === name) return false;
  window.swapped();
  return true;
}

function reasons(plan: Plan, move: Move | StagedMove): string[] {
  const components = 'stages' in move ? move.stages.map(({ process }) => process.component) : [move.process.component];
  return [`plan ${plan.planId}: ${move.variant.name} on ${components.join(', then ')}`, ...plan.why];
}
