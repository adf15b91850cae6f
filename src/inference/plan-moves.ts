import { EcomapError } from '../signals/errors';
import type { Plan } from '../signals/plan';
import type { Variant } from '../signals/tenant';
import { variantNamed } from './deployment';
import type { HostProcess } from './hosting/host-process';
import type { TenantService } from './serving/tenant-service';

/** Where a plan wants one tenant. */
export interface Move {
  readonly service: TenantService;
  readonly variant: Variant;
  readonly host: HostProcess;
}

/**
 * What a plan asks for, checked against what there is. Tenants that this executor does not serve, and those that the plan leaves
 * out, are noted.
 * @throws EcomapError INVALID_MESSAGE for an unknown variant or component, or a variant cut into stages
 */
export function movesOf(
  plan: Plan,
  services: ReadonlyMap<string, TenantService>,
  hostOf: (component: string) => HostProcess | null,
): { all: Move[]; notes: string[] } {
  const all: Move[] = [];
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
    const host = hostOf(stage.component);
    if (host === null) {
      throw new EcomapError(
        'INVALID_MESSAGE',
        `The plan ${plan.planId} puts "${tenant}" on the component "${stage.component}", which has no inference host here.`,
      );
    }
    all.push({ service, variant: variantNamed(service.tenant, variant), host });
  }
  return { all, notes };
}
