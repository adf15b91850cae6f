import assert from 'node:assert/strict';
import { believedPoints, judge } from '../../../src/carbon/plausibility';
import { hourMs, type CarbonPoint } from '../../../src/carbon/provider';

const start = Date.parse('2026-01-05T00:00:00Z');
const hourly = (values: readonly (number | null)[]): CarbonPoint[] =>
  values.map((intensityGPerKwh, index) => ({
    validFromMs: start + index * hourMs,
    validToMs: start + (index + 1) * hourMs,
    intensityGPerKwh,
    quality: 'measured',
  }));
const verdicts = (values: readonly (number | null)[], signal: 'average' | 'marginal' = 'average'): string[] =>
  judge(hourly(values), signal).map(({ verdict }) => verdict);

describe('plausibility', () => {
  it('refuses what no grid can be, and keeps a zero that the provider states', () => {
    assert.deepEqual(verdicts([300, -1, 1501, Number.NaN, null]), [
      'good',
      'impossible',
      'impossible',
      'impossible',
      'missing',
    ]);
    assert.deepEqual(verdicts([0, 10]), ['good', 'good']);
  });

  it('compares with the last good value, so a repeated glitch stays suspect', () => {
    assert.deepEqual(verdicts([300, 45, 45, 45, 44, 310]), [
      'good',
      'suspect',
      'suspect',
      'suspect',
      'suspect',
      'good',
    ]);
  });

  it('believes a new level after six hours', () => {
    const judged = verdicts([300, ...new Array<number>(8).fill(100)]);
    assert.deepEqual(judged, ['good', ...new Array<string>(6).fill('suspect'), 'good', 'good']);
  });

  it('allows larger jumps where the zone is known to jump', () => {
    const restless = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 300 : 360));
    assert.deepEqual(verdicts([...restless, 300 + 290]).at(-1), 'good');
    assert.deepEqual(verdicts([...restless, 360 + 310]).at(-1), 'suspect');
  });

  it('does not compare over a long gap', () => {
    assert.deepEqual(verdicts([300, null, null, null, null, 500]).at(-1), 'good');
    assert.deepEqual(verdicts([300, null, 500]).at(-1), 'suspect');
  });

  it('finds a glitch in the first values, before any good one', () => {
    const judged = verdicts([45, 44, ...new Array<number>(12).fill(300)]);
    assert.deepEqual(judged, ['suspect', 'suspect', ...new Array<string>(12).fill('good')]);
  });

  it('believes a first level that holds for six hours', () => {
    const judged = verdicts([...new Array<number>(7).fill(500), ...new Array<number>(12).fill(300)]);
    assert.ok(judged.includes('good'));
    assert.equal(judged.at(-1), 'good');
  });

  it('lets a marginal signal jump', () => {
    assert.deepEqual(verdicts([420, 40, 430], 'marginal'), ['good', 'good', 'good']);
  });

  it('says what was wrong', () => {
    const [, judged] = judge(hourly([300, 45]), 'average');
    assert.match(judged?.reason ?? '', /45 g\/kWh is an implausible jump from 300 g\/kWh \(more than 120 g\/kWh\)/);
  });

  const believed = (values: readonly (number | null)[]): (number | null)[] =>
    believedPoints(judge(hourly(values), 'average')).map(({ intensityGPerKwh }) => intensityGPerKwh);

  it('learns in hindsight from a level that held, as of a first sunset', () => {
    const day = [290, 165, 118, 97, 98, 101, 103, 104, 113];
    assert.deepEqual(verdicts(day)[1], 'suspect');
    assert.deepEqual(believed(day), day);
  });

  it('learns nothing from a glitch that ended, be it behind a gap, nor from a level that has not held yet', () => {
    assert.deepEqual(believed([300, 45, 45, 45, 45, 310]), [300, 310]);
    assert.deepEqual(believed([300, 45, 45, null, null, null, null, 310]), [300, 310]);
    assert.deepEqual(believed([300, 100, 100, 100]), [300]);
    assert.deepEqual(believed([300, 1600, 310]), [300, 310]);
  });
});
