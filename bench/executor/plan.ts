import type { OperatingPoint } from '../../src/signals/device';
import type { Plan } from '../../src/signals/plan';

/** Variant and component of each tenant; several stages where the variant is cut at these nodes. */
export type Placement = Readonly<
  Record<
    string,
    { readonly variant: string; readonly stages: readonly { readonly component: string; readonly firstNode: number }[] }
  >
>;

let plans = 0;

/** A plan that puts the tenants there, with nothing predicted. */
export function planOf(placement: Placement, operatingPoint: OperatingPoint): Plan {
  plans += 1;
  return {
    planId: `bench-${plans}`,
    createdAt: new Date().toISOString(),
    tenants: Object.entries(placement).map(([tenant, { variant, stages }]) => ({
      tenant,
      variant,
      accuracy: 0.9,
      stages: stages.map(({ component, firstNode }, stage) => ({ stage, component, firstNode })),
      latencyMs: null,
      latencyLimitMs: 60_000,
      meetsLimit: true,
      energyJ: null,
      alwaysMax: { variant, accuracy: 0.9, energyJ: null },
    })),
    operatingPoint,
    capW: null,
    powerW: { expected: 0, lower: 0, upper: 0 },
    powerSource: 'modelled',
    feasible: true,
    why: [],
    search: { estimator: 'bench', candidates: 1, evaluated: 1, elapsedMs: 0 },
  };
}
