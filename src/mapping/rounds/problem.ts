import type { EstimationContext, Work } from '../estimator/estimator';
import type { Limits } from '../search/objective';
import type { PlanningQuestion, QuestionTenant } from './question';

/** The variant of a tenant that a question asks about; the last resort is the heaviest. */
export function chosenVariant({ variants, chosen }: QuestionTenant): QuestionTenant['variants'][number] {
  const variant = variants[chosen] ?? variants[0];
  if (variant === undefined) throw new RangeError('a tenant needs at least one variant');
  return variant;
}

export function workOf(tenant: QuestionTenant, variant: QuestionTenant['variants'][number]): Work {
  const { name, ratePerS, priority } = tenant;
  return { tenant: name, variant: variant.name, ratePerS, priority, ...variant.work };
}

/** What the estimators are asked, with the variants as chosen. */
export function contextOf({ components, operatingPoint, tenants }: PlanningQuestion): EstimationContext {
  return { components, operatingPoint, work: tenants.map((tenant) => workOf(tenant, chosenVariant(tenant))) };
}

export function limitsOf({ cap, tenants }: PlanningQuestion): Limits {
  return {
    // Where the power cap follows the plan, its present cap only stands for the present operating point.
    capW: cap?.quality?.outerW ?? cap?.capW ?? null,
    demands: tenants.map(({ latencyLimitMs, priority, ratePerS }) => ({ latencyLimitMs, priority, ratePerS })),
  };
}
