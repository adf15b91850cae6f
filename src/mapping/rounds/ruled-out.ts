import type { Rejected } from '../../signals/rejected';
import type { Alternative } from '../../signals/violated';
import { explainRuledOut } from '../explain';
import { chosenVariant } from './problem';
import type { PlanningQuestion } from './question';

/** More than a handful nobody reads. */
const mostRuledOut = 6;

/** The next better variant of each tenant that runs less than its best, where a limit rules it out; high priorities first. */
export function ruledOut({ tenants, cap }: PlanningQuestion, alternatives: readonly Alternative[]): Rejected[] {
  return [...tenants]
    .sort((a, b) => a.priority - b.priority)
    .flatMap((tenant): Rejected[] => {
      const { accuracy } = chosenVariant(tenant);
      const better = [...tenant.variants].reverse().find((variant) => variant.accuracy > accuracy);
      const broken = alternatives.find((one) => one.tenant === tenant.name && one.variant === better?.name)?.broken;
      if (better === undefined || broken === undefined) return [];
      const { constraint, value, limit } = broken;
      const text = explainRuledOut(tenant.name, better.name, broken, cap?.capW ?? limit);
      return [{ tenant: tenant.name, variant: better.name, constraint, value, limit, text }];
    })
    .slice(0, mostRuledOut);
}
