import type { Plan } from '../../signals/plan';
import type { PlanningAnswer } from './answer';
import type { PlanningQuestion } from './question';

/** Rates that moved by no more than this share, or by a trickle, leave an answer as it was. */
const steadyShare = 0.05;
const trickle = 0.05;
/** After this time the question is worked out again in any case, ms: rates creep. */
const longestMs = 30_000;

interface Answered {
  readonly key: string;
  readonly question: PlanningQuestion;
  readonly answer: PlanningAnswer;
}

/**
 * The last answer, for as long as nothing that it depends on has changed. A loop at rest asks every two seconds, and a search costs up to
 * a quarter of a second of a core: energy that would save nothing.
 */
export class SteadyRounds {
  private last: Answered | null = null;

  /** @param revision of whoever answers: another one might answer otherwise */
  recall(question: PlanningQuestion, revision: number): PlanningAnswer | null {
    const { last } = this;
    if (last === null || last.key !== keyOf(question, revision)) return null;
    const ageMs = Date.parse(question.createdAt) - Date.parse(last.question.createdAt);
    return ageMs >= 0 && ageMs < longestMs && isAlike(last.question, question) ? renamed(last.answer, question) : null;
  }

  keep(question: PlanningQuestion, revision: number, answer: PlanningAnswer): void {
    this.last = { key: keyOf(question, revision), question, answer };
  }
}

/** Everything that an answer depends on but the rates, which always move a little. */
function keyOf(question: PlanningQuestion, revision: number): string {
  const { planId: _planId, createdAt: _createdAt, tenants, ...rest } = question;
  return JSON.stringify([revision, rest, tenants.map(({ ratePerS: _ratePerS, ...tenant }) => tenant)]);
}

function isAlike(before: PlanningQuestion, now: PlanningQuestion): boolean {
  return now.tenants.every(({ ratePerS }, tenant) => {
    const then = before.tenants[tenant]?.ratePerS ?? 0;
    return Math.abs(ratePerS - then) <= Math.max(trickle, steadyShare * Math.max(ratePerS, then));
  });
}

/** The same under the names of another round. */
function renamed({ plan, violated, rivals }: PlanningAnswer, question: PlanningQuestion): PlanningAnswer {
  const { planId, createdAt, tenants } = question;
  const as = (known: Plan, name: string): Plan => ({ ...known, planId: name, createdAt });
  return {
    plan: as(plan, planId),
    violated: {
      ...violated,
      planId,
      ratePerS: Object.fromEntries(tenants.map(({ name, ratePerS }) => [name, ratePerS])),
    },
    rivals: rivals.map((rival, index) => as(rival, `${planId}.${index + 2}`)),
  };
}
