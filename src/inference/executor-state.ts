import type { Plan } from '../signals/plan';
import type { ServingComponent, ServingProcessState } from './hosting/serving-component';
import type { Places } from './hosting/change-over';
import type { TenantService } from './serving/tenant-service';

/** `loading` and `warming-up`: nothing serves the tenant yet. `broken`: see its problem. */
export type TenantActivity = 'loading' | 'warming-up' | 'serving' | 'broken';

export interface ExecutorState {
  readonly phase: 'starting' | 'serving' | 'closing' | 'closed';
  readonly planId: string | null;
  /** Models that are being loaded for a start, a plan or a new process: how many there are, and how many are done. */
  readonly progress: { readonly loaded: number; readonly toLoad: number };
  readonly tenants: readonly {
    readonly tenant: string;
    readonly variant: string | null;
    readonly component: string | null;
    readonly queued: number;
    readonly activity: TenantActivity;
    readonly problem: { readonly code: string; readonly message: string } | null;
  }[];
  /** The processes that serve: usually one per component. */
  readonly hosts: readonly ServingProcessState[];
  /** Components that are not used, and why. */
  readonly unused: readonly { readonly component: string; readonly why: string }[];
}

export interface StateSources {
  readonly phase: ExecutorState['phase'];
  readonly plan: Plan | null;
  readonly services: Iterable<TenantService>;
  readonly components: readonly ServingComponent[];
  readonly places: Places;
  readonly unused: ExecutorState['unused'];
}

/** Puts the state of an executor together; reads only, and may be called at any time. */
export function stateOf({ phase, plan, services, components, places, unused }: StateSources): ExecutorState {
  const progress = components
    .flatMap(({ processes }) => processes)
    .reduce(
      (sum, process) => ({
        loaded: sum.loaded + process.progress.loaded,
        toLoad: sum.toLoad + process.progress.toLoad,
      }),
      { loaded: 0, toLoad: 0 },
    );
  const tenants = Array.from(services, (service) => ({
    tenant: service.tenant.name,
    variant: service.deployment?.variant.name ?? null,
    component: service.deployment?.component ?? null,
    queued: service.queued,
    activity: activityOf(service, places),
    problem: service.problem === null ? null : { code: service.problem.code, message: service.problem.message },
  }));
  const hosts = components.flatMap((component) => component.states());
  return { phase, planId: plan?.planId ?? null, progress, tenants, hosts, unused };
}

function activityOf(service: TenantService, places: Places): TenantActivity {
  if (service.problem !== null) return 'broken';
  if (service.deployment !== null) return 'serving';
  return places.get(service)?.preparing(service) ?? 'loading';
}
