import { EcomapError } from '../signals/errors';
import type { Plan } from '../signals/plan';
import type { Move } from './change-over';
import { variantNamed } from './deployment';
import type { ServingProcess } from './hosting/serving-process';
import type { TenantService } from './serving/tenant-service';

/**
 * What a plan asks for, checked against what there is. Tenants that this executor does not serve, and those that the plan leaves
 * out, are noted.
 * @param processFor which process of a component would serve the tenant
 * @throws EcomapError INVALID_MESSAGE for an unknown variant, a variant cut into stages, and what `processFor` throws
 */
export function movesOf(
  plan: Plan,
  services: ReadonlyMap<string, TenantService>,
  processFor: (component: string, service: TenantService) => ServingProcess,
): { all: Move<TenantService>[]; notes: string[] } {
  const all: Move<TenantService>[] = [];
  const notes: string[] = [];
  const planned = new Set(plan.tenants.map(({ tenant }) => tenant));
  for (const name of services.keys())
    if (!planned.has(name)) notes.push(`${name} is not in the plan and stays as it is`);
  for (const { tenant, variant, stages } of plan.tenants) {
    const service = services.get(tenant);
    if (service === undefined) {
      notes.push(`${tenant} is not served here`);
      continue;
    }
    const [stage] = stages;
    if (stage === undefined || stages.length > 1) {
      throw new EcomapError(
        'INVALID_MESSAGE',
        `The plan ${plan.planId} cuts "${tenant}" into ${stages.length} stages: this version runs a variant whole, in one.`,
      );
    }
    const process = processFor(stage.component, service);
    all.push({ tenant: service, variant: variantNamed(service.tenant, variant), process });
  }
  return { all, notes };
}
