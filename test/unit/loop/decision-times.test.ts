import assert from 'node:assert/strict';
import { DecisionTimes } from '../../../src/loop/decision-times';
import type { LoopBoxes } from '../../../src/loop/loop';
import type { PlanningAnswer } from '../../../src/mapping/rounds/answer';
import type { PlanningQuestion } from '../../../src/mapping/rounds/question';
import type { Violated } from '../../../src/signals/violated';

const answer = { rivals: [] as unknown[] } as PlanningAnswer;
const question = { planId: 'q' } as PlanningQuestion;
const violated = { planId: 'q' } as Violated;

function busyFor(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

describe('what deciding takes', () => {
  it('tells waiting for plans from work in this thread, and passes everything on', async () => {
    const times = new DecisionTimes();
    const solver = times.solver({
      solve: async (asked) => {
        assert.equal(asked, question);
        await new Promise((resolve) => setTimeout(resolve, 30));
        return answer;
      },
    });
    const selector = times.selector({
      onViolated: (got) => {
        assert.equal(got, violated);
        busyFor(5);
        return null;
      },
      onTelemetry: () => null,
    } satisfies LoopBoxes['selector']);
    assert.equal(await solver.solve(question), answer);
    selector.onViolated(violated);
    times.decided();
    const { decisions, elapsedMs, mainThreadMs } = times.figures;
    assert.equal(decisions, 1);
    assert.ok(elapsedMs && mainThreadMs);
    assert.ok(elapsedMs.p50 >= 25);
    assert.ok(mainThreadMs.p50 >= 5);
  });

  it('counts a round that fails, and nothing from before the day', async () => {
    const times = new DecisionTimes();
    assert.deepEqual(times.figures, { decisions: 0, elapsedMs: null, mainThreadMs: null });
    const solver = times.solver({ solve: () => Promise.reject(new Error('gone')) });
    await assert.rejects(solver.solve(question), /gone/);
    times.decided();
    assert.equal(times.figures.decisions, 1);
    times.restart();
    assert.equal(times.figures.decisions, 0);
  });
});
