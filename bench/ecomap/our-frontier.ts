import { average, byZone, changePct } from './figures';
import type { PolicyPoint } from './picture';
import * as mixRuns from './run-mix';
import type { PreparedMix, PreparedWeek } from './run-mix';

/** Allowances besides the one that everything else is told of, percentage points. */
const allowances = [0, 0.25, 0.5, 1, 1.5, 2, 3];

/** Our policy at several allowances, over the first week of each zone. */
export function ourFrontier(mixes: readonly PreparedMix[], weeks: readonly PreparedWeek[]): PolicyPoint[] {
  const firsts = [...byZone(weeks, ({ week }) => week.zone).values()].flatMap((some) => some.slice(0, 1));
  const baselines = new Map(mixes.map((mix) => [mix, mix.baselines.throughputOptimal()]));
  return allowances.map((allowancePt) => {
    const scores = [...baselines].flatMap(([mix, plan]) =>
      firsts.map((week) => {
        const { carbonG, accuracyLostPt } = mixRuns.ourScore(mix, week, allowancePt);
        return { accuracyLostPt, carbonPct: changePct(carbonG, mixRuns.constantScore(mix, week, plan).carbonG) };
      }),
    );
    return {
      policy: `ours, ${allowancePt} pt allowed`,
      carbonPct: average(scores.map(({ carbonPct }) => carbonPct)),
      accuracyLostPt: average(scores.map(({ accuracyLostPt }) => accuracyLostPt)),
    };
  });
}
