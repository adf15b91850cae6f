import { MappingPlanner, type MappingPlannerOptions } from '../../src/mapping/planner';
import type { PlanningQuestion } from '../../src/mapping/rounds/question';
import type { Cap } from '../../src/signals/cap';
import type { Tenant } from '../../src/signals/tenant';
import { cap, components, device, operatingPoint, profiles } from './planning-fixtures';

class Caught extends Error {
  constructor(readonly question: PlanningQuestion) {
    super('caught');
  }
}

/** What the planner would ask a solver about these tenants. */
export async function questionOf(
  tenants: readonly Tenant[],
  more: Partial<MappingPlannerOptions> & { readonly at?: Cap } = {},
): Promise<PlanningQuestion> {
  const parts = components(2);
  const { at = cap(20, operatingPoint(parts)), ...options } = more;
  const solver = { solve: (question: PlanningQuestion) => Promise.reject(new Caught(question)) };
  const planner = new MappingPlanner({
    device: device(parts),
    tenants,
    profiles: profiles(tenants),
    clock: () => Date.parse('2026-11-02T10:00:00Z'),
    solver,
    ...options,
  });
  try {
    await planner.onCap(at);
  } catch (error) {
    if (error instanceof Caught) return error.question;
    throw error;
  }
  throw new Error('the planner asked nothing');
}

/** The same with counted operations, which the learned estimator needs. */
export function counted(question: PlanningQuestion): PlanningQuestion {
  return {
    ...question,
    tenants: question.tenants.map((tenant) => ({
      ...tenant,
      variants: tenant.variants.map((variant) => ({
        ...variant,
        work: {
          ...variant.work,
          operations: variant.work.costs.map(() => ({ gigaflop: 0.5, gigabytes: 0.02, transferS: 0.0005 })),
        },
      })),
    })),
  };
}
