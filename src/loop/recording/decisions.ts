import { z } from 'zod';
import type { Cap } from '../../signals/cap';
import type { Plan } from '../../signals/plan';
import { intervalSchema } from '../../signals/quantities';
import type { Variants } from '../../signals/variants';

/** What of a decision is recorded and compared: what it does and why, without what only tells how long it took. */

const capDecisionSchema = z.object({
  kind: z.literal('cap'),
  atMs: z.number(),
  capW: z.number(),
  policy: z.string(),
  reason: z.string(),
  operatingPoint: z.string(),
  enforced: z.string(),
  capUnreachable: z.boolean(),
});

const planDecisionSchema = z.object({
  kind: z.literal('plan'),
  atMs: z.number(),
  planId: z.string(),
  operatingPoint: z.string(),
  capW: z.number().nullable(),
  /** By tenant; `places`: component of each stage. */
  tenants: z.record(
    z.string(),
    z.object({
      variant: z.string(),
      places: z.array(z.string()),
      firstNodes: z.array(z.number()),
      meetsLimit: z.boolean(),
      latencyMs: intervalSchema.nullable(),
    }),
  ),
  powerW: intervalSchema,
  feasible: z.boolean(),
  estimator: z.string(),
  evaluated: z.number(),
  why: z.array(z.string()),
});

const variantsDecisionSchema = z.object({
  kind: z.literal('variants'),
  atMs: z.number(),
  /** By tenant. */
  chosen: z.record(z.string(), z.string()),
  reason: z.string(),
  why: z.record(z.string(), z.array(z.string())),
});

export const decisionSchemas = [capDecisionSchema, planDecisionSchema, variantsDecisionSchema] as const;

export type Decision =
  z.infer<typeof capDecisionSchema> | z.infer<typeof planDecisionSchema> | z.infer<typeof variantsDecisionSchema>;

export function decisionOfCap(cap: Cap, atMs: number): Decision {
  const { capW, policy, reason, operatingPoint, enforced, capUnreachable } = cap;
  return { kind: 'cap', atMs, capW, policy, reason, operatingPoint: operatingPoint.name, enforced, capUnreachable };
}

export function decisionOfPlan(plan: Plan, atMs: number): Decision {
  const { planId, operatingPoint, capW, tenants, powerW, feasible, why, search } = plan;
  return {
    kind: 'plan',
    atMs,
    planId,
    operatingPoint: operatingPoint.name,
    capW,
    tenants: Object.fromEntries(
      tenants.map(({ tenant, variant, stages, meetsLimit, latencyMs }) => [
        tenant,
        {
          variant,
          places: stages.map(({ component }) => component),
          firstNodes: stages.map(({ firstNode }) => firstNode),
          meetsLimit,
          latencyMs,
        },
      ]),
    ),
    powerW,
    feasible,
    estimator: search.estimator,
    evaluated: search.evaluated,
    why,
  };
}

export function decisionOfVariants({ choices, reason }: Variants, atMs: number): Decision {
  return {
    kind: 'variants',
    atMs,
    chosen: Object.fromEntries(choices.map(({ tenant, chosen }) => [tenant, chosen])),
    reason,
    why: Object.fromEntries(choices.map(({ tenant, why }) => [tenant, [...why]])),
  };
}

/** A decision in a few words. */
export function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case 'cap':
      return `cap ${decision.capW.toFixed(1)} W (${decision.operatingPoint})`;
    case 'plan': {
      const tenants = Object.entries(decision.tenants).map(
        ([tenant, { variant, places }]) => `${tenant} ${variant} on ${[...new Set(places)].join('+')}`,
      );
      return `plan ${tenants.join(', ')}${decision.feasible ? '' : ' (not all limits hold)'}`;
    }
    case 'variants':
      return `variants: ${decision.reason}`;
  }
}

/** Why it was decided so, for people. */
export function reasonOf(decision: Decision): string {
  return decision.kind === 'plan' ? decision.why.join('; ') : decision.reason;
}
