import { EcomapError } from '../../signals/errors';
import type { Plan, PlanTenant } from '../../signals/plan';
import type { Move } from '../hosting/change-over';
import { variantNamed } from '../hosting/deployment';
import type { ServingProcess } from '../hosting/serving-process';
import type { TenantService } from '../serving/tenant-service';
import type { StagedMove } from '../stages/staged-tenant';

/** What a plan asks for. */
export interface PlannedMoves {
  /** Tenants whose variant runs whole. */
  readonly all: Move<TenantService>[];
  /** Tenants whose variant runs in stages. */
  readonly staged: StagedMove[];
  readonly notes: string[];
}

/**
 * What a plan asks for, checked against what there is. Tenants that this executor does not serve, and those that the plan leaves
 * out, are noted. Whether a variant can be cut where the plan says is found out when its stages are loaded.
 * @param processFor which process of a component would serve the tenant
 * @throws EcomapError INVALID_MESSAGE for an unknown variant, stages out of order, and what `processFor` throws
 */
export function movesOf(
  plan: Plan,
  services: ReadonlyMap<string, TenantService>,
  processFor: (component: string, service: TenantService) => ServingProcess,
): PlannedMoves {
  const moves: PlannedMoves = { all: [], staged: [], notes: [] };
  const planned = new Set(plan.tenants.map(({ tenant }) => tenant));
  for (const name of services.keys())
    if (!planned.has(name)) moves.notes.push(`${name} is not in the plan and stays as it is`);
  for (const planTenant of plan.tenants) {
    const service = services.get(planTenant.tenant);
    if (service === undefined) {
      moves.notes.push(`${planTenant.tenant} is not served here`);
      continue;
    }
    checkStages(plan, planTenant);
    const variant = variantNamed(service.tenant, planTenant.variant);
    const stages = planTenant.stages.map(({ component, firstNode }) => ({
      process: processFor(component, service),
      firstNode,
    }));
    const [first, ...later] = stages;
    if (first === undefined) continue;
    if (later.length === 0) moves.all.push({ tenant: service, variant, process: first.process });
    else moves.staged.push({ tenant: service, variant, stages });
    const { whenFull, whenLate } = service.tenant.serving;
    if (later.length > 0 && (whenFull === 'downgrade' || whenLate === 'downgrade')) {
      moves.notes.push(`${planTenant.tenant} runs in stages: nothing lighter is loaded beside it to downgrade to`);
    }
  }
  return moves;
}

function checkStages({ planId }: Plan, { tenant, stages }: PlanTenant): void {
  const starts = stages.map(({ firstNode }) => firstNode);
  const inOrder = starts.every((start, index) => (index === 0 ? start === 0 : start > (starts[index - 1] ?? 0)));
  if (inOrder) return;
  throw new EcomapError(
    'INVALID_MESSAGE',
    `The plan ${planId} lets the stages of "${tenant}" begin with the nodes ${starts.join(', ')}: the first has to begin ` +
      'with node 0, and each further one behind the one before it.',
  );
}
