import { servingUnits, type ServingUnit } from '../../src/simulation/devices/workloads/families';
import { expectedLatency, tenantLoss, type BenchPlan, type Choice, type MixPlans } from './plans';

/** A plan in the making, by sums over the tenants alone: what the others do to it comes later. */
interface Partial {
  readonly choices: readonly Choice[];
  readonly loss: number;
  readonly dynamicW: number;
  readonly busy: Readonly<Record<ServingUnit, number>>;
}

/** Units busier than this leave no room for chance. */
const mostBusy = 0.95;
/** Plans whose latency is expected to be this far over a limit are not worth a closer look. */
const mostTailRatio = 1.25;
/** Plans that need this much more than the best of the same accuracy are not either: no error of a prediction is as large. */
const mostExcess = 1.12;
const mostPerPoint = 160;
const lossStep = 0.0025;
const busyStep = 0.15;

/**
 * The plans of a mix that could be worth running: per operating point, variants and units are combined tenant by tenant, and of
 * combinations that lose as much accuracy and keep the units as busy only the one that needs least power goes on.
 */
export function poolOf(plans: MixPlans): BenchPlan[] {
  return plans.points.flatMap((_, point) =>
    near(
      combinations(plans, point),
      (choices) =>
        expectedLatency(plans.mix, choices, (at, choice) => plans.aloneMs(plans.tenant(at), choice, point) ?? Infinity)
          .tailRatio,
    ).map(({ choices }) => plans.get(point, choices)),
  );
}

function combinations(plans: MixPlans, point: number): Partial[] {
  const { model, mix } = plans;
  const clocks = plans.points[point]?.clocks ?? model.mode('MAXN');
  const idleW = model.idleW(clocks);
  let partials: Partial[] = [{ choices: [], loss: 0, dynamicW: 0, busy: { gpu: 0, dla0: 0, cpu: 0 } }];
  for (const tenant of mix.tenants) {
    const options = tenant.family.variants.flatMap((_, variant) =>
      plans.choicesOf(tenant, variant).flatMap((choice) => {
        const aloneMs = plans.aloneMs(tenant, choice, point) ?? Infinity;
        const busy = (tenant.ratePerS * aloneMs) / 1000;
        if (aloneMs > tenant.latencyLimitMs || busy > mostBusy) return [];
        const network = plans.networkOf(tenant, choice);
        const { powerW } = model.run([{ network, stages: [{ unit: choice.unit }], ratePerS: tenant.ratePerS }], clocks);
        return [{ choice, busy, dynamicW: powerW - idleW, loss: tenantLoss(tenant, variant) / mix.tenants.length }];
      }),
    );
    const best = new Map<string, Partial>();
    for (const partial of partials) {
      for (const option of options) {
        const { unit } = option.choice;
        const busy = { ...partial.busy, [unit]: partial.busy[unit] + option.busy };
        if (busy[unit] > mostBusy) continue;
        const loss = partial.loss + option.loss;
        const dynamicW = partial.dynamicW + option.dynamicW;
        const steps = servingUnits.map((name) => Math.round(busy[name] / busyStep));
        const key = `${Math.round(loss / lossStep)} ${steps.join(' ')}`;
        const rival = best.get(key);
        if (rival !== undefined && rival.dynamicW <= dynamicW) continue;
        best.set(key, { choices: [...partial.choices, option.choice], loss, dynamicW, busy });
      }
    }
    partials = [...best.values()];
  }
  return partials.map((partial) => ({ ...partial, dynamicW: partial.dynamicW + idleW }));
}

/** Those that meet the limits, more or less, and need little more than the least for their accuracy. */
function near(partials: readonly Partial[], tailOf: (choices: readonly Choice[]) => number): Partial[] {
  const fitting = partials
    .filter(({ choices }) => tailOf(choices) <= mostTailRatio)
    .sort((a, b) => a.loss - b.loss || a.dynamicW - b.dynamicW);
  let least = Infinity;
  const kept = fitting.filter(({ dynamicW }) => {
    least = Math.min(least, dynamicW);
    return dynamicW <= mostExcess * least;
  });
  if (kept.length <= mostPerPoint) return kept;
  // The thriftiest of each accuracy first; the rest thinned out evenly.
  const every = kept.length / mostPerPoint;
  return kept.filter((_, index) => Math.floor(index / every) !== Math.floor((index - 1) / every));
}
