import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecording, type Recording } from '../../../../src/loop/recording/read-recording';
import { replay, type ComparedDecision, type ReplayOutcome } from '../../../../src/loop/recording/replay';
import { decisionLine, outcomeLines, recordingLines } from '../../../../src/loop/recording/replay-report';
import { recordDay, type DayToRecord } from '../../../support/recorded-day';

describe('the replay of a recorded day', function () {
  this.timeout(60_000);
  let directory: string;
  let path: string;
  let days = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-replay-'));
  });
  beforeEach(() => {
    path = join(directory, `day-${(days += 1)}.jsonl`);
  });
  after(() => rm(directory, { recursive: true }));

  const recorded = async (day: Omit<DayToRecord, 'path'>): Promise<Recording> => {
    await recordDay({ path, ...day });
    return readRecording(path);
  };

  /** Replays the file with its lines changed. */
  const replayChanged = async (change: (line: string, index: number) => string): Promise<ReplayOutcome> => {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const changed = join(directory, `changed-${days}.jsonl`);
    await writeFile(changed, `${lines.map(change).join('\n')}\n`);
    return replay(await readRecording(changed));
  };

  const kinds = (decisions: readonly ComparedDecision[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { recorded: decision } of decisions)
      if (decision !== null) counts[decision.kind] = (counts[decision.kind] ?? 0) + 1;
    return counts;
  };

  it('comes to the same decisions under the linear cap, through cap changes, swaps and a surge', async () => {
    const recording = await recorded({ policy: { kind: 'linear' } });
    assert.deepEqual(recording.warnings, []);
    const decisions: ComparedDecision[] = [];
    const outcome = await replay(recording, { onDecision: (decision) => decisions.push(decision) });
    assert.equal(outcome.first, null, outcomeLines(outcome).join('\n'));
    assert.deepEqual([outcome.identical, outcome.reworded, outcome.steps], [outcome.decisions, 0, 192]);
    // A day in which nothing happens would prove nothing.
    const { cap = 0, plan = 0, variants = 0 } = kinds(decisions);
    assert.ok(cap === 96 && plan > 100 && variants > 5, JSON.stringify({ cap, plan, variants }));
    const caps = decisions.flatMap(({ recorded: one }) => (one?.kind === 'cap' ? [one.operatingPoint] : []));
    assert.ok(new Set(caps).size >= 3, 'the cap moves between operating points');
    assert.ok(decisions.every((decision) => decisionLine(decision).includes('identical')));
  });

  it('comes to the same decisions where accuracy varies with the forecast and the cap follows the plan', async () => {
    const recording = await recorded({ policy: { kind: 'quality', allowancePt: 2 } });
    const outcome = await replay(recording);
    assert.equal(outcome.first, null, outcomeLines(outcome).join('\n'));
    const caps = recording.steps.flatMap(({ events }) => events.filter(({ kind }) => kind === 'cap'));
    assert.ok(caps.length > 96, 'plans were answered by caps of their own');
  });

  it('comes to the same decisions here as in the process that planned then', async () => {
    const recording = await recorded({ policy: { kind: 'linear' }, hours: 3, inProcess: true });
    assert.equal((await replay(recording)).first, null);
  });

  it('comes to the same decisions under a budget, which counts the power that was recorded', async () => {
    await recorded({ policy: { kind: 'budget', gramsPerDay: 150 }, hours: 12 });
    assert.equal((await replayChanged((line) => line)).first, null);
    // The policy's own reader is the second one.
    const outcome = await replayChanged((line) =>
      line.includes('"kind":"power"') && line.includes('"reader":1')
        ? line.replace(/"powerW":[\d.]+/, '"powerW":29')
        : line,
    );
    assert.equal(outcome.first?.recorded?.kind, 'cap');
  });

  it('plans without the process that plans where it was not there', async () => {
    const outcome = await replay(await recorded({ policy: { kind: 'linear' }, hours: 3, fallbackAt: 5 }));
    assert.deepEqual([outcome.first, outcome.reworded], [null, 0]);
    const without = await replayChanged((line) =>
      line.includes('"kind":"fallback"') ? '{"kind":"comment","atMs":0}' : line,
    );
    assert.equal(without.reworded, 1, 'the plan says who predicted');
  });

  it('fails again where the source of the grid had failed', async () => {
    const outcome = await replay(await recorded({ policy: { kind: 'linear' }, hours: 6, sourceFailsAtH: 3 }));
    assert.equal(outcome.first, null, outcomeLines(outcome).join('\n'));
    assert.equal(outcome.decisions, outcome.identical);
  });

  describe('of which something was changed', () => {
    /** Index of the n-th line of a kind. */
    const lineOf = async (kind: string, nth: number): Promise<number> => {
      const lines = (await readFile(path, 'utf8')).split('\n');
      const found = lines.flatMap((line, index) => (line.includes(`"kind":"${kind}"`) ? [index] : []));
      assert.ok(found[nth] !== undefined, `there is a line ${nth} of ${kind}`);
      return found[nth];
    };

    beforeEach(() => recordDay({ path, policy: { kind: 'linear' }, hours: 16 }));

    it('names the cap that a changed reading leads to, with both reasons', async () => {
      const at = await lineOf('carbon', 20);
      const outcome = await replayChanged((line, index) =>
        index === at ? line.replace(/"intensityGPerKwh":[\d.]+/, '"intensityGPerKwh":419') : line,
      );
      assert.deepEqual([outcome.first?.recorded?.kind, outcome.first?.step.atMs], ['cap', 20 * 900_000]);
      assert.equal(outcome.first?.difference?.field, 'capW');
      assert.ok(outcome.identical > 0 && outcome.identical < outcome.decisions);
      const text = outcomeLines(outcome).join('\n');
      assert.match(text, /first difference at 18000\.00 s .*control\): cap capW was [\d.]+, now [\d.]+/);
      assert.match(text, /then: cap .*because(.|\n)*now: {2}cap .*419 g\/kWh/);
    });

    it('names the plan or the variants that other requests lead to', async () => {
      const at = await lineOf('telemetry', 5);
      const outcome = await replayChanged((line, index) =>
        index === at ? line.replace(/"offered":\d+/, '"offered":4000') : line,
      );
      assert.ok(['plan', 'variants'].includes(outcome.first?.replayed?.kind ?? ''), JSON.stringify(outcome.first));
      assert.equal(outcome.first?.step.atMs, 5 * 900_000);
    });

    it('names a decision that was recorded otherwise, to the field', async () => {
      const at = await lineOf('plan', 3);
      const outcome = await replayChanged((line, index) =>
        index === at ? line.replace(/"variant":"\w+"/, '"variant":"enormous"') : line,
      );
      assert.deepEqual(
        [outcome.decisions - outcome.identical, outcome.first?.difference?.field, outcome.first?.difference?.recorded],
        [1, 'tenants.inspect.variant', 'enormous'],
      );
    });

    it('takes other words for the same decision, and counts them', async () => {
      const at = await lineOf('cap', 3);
      const outcome = await replayChanged((line, index) =>
        index === at ? line.replace(/"reason":"/, '"reason":"as we used to say: ') : line,
      );
      assert.deepEqual([outcome.first, outcome.reworded], [null, 1]);
      assert.match(outcomeLines(outcome).join('\n'), /identical \(1 of them explained in other words\)/);
    });

    it('notices a decision that is missing', async () => {
      const at = await lineOf('cap', 2);
      const outcome = await replayChanged((line, index) => (index === at ? '{"kind":"comment","atMs":0}' : line));
      assert.ok(outcome.first !== null);
      assert.match(outcomeLines(outcome).join('\n'), /cap was "plan", now "cap"|plan was "plan", now "cap"/);
    });

    it('takes nothing for a difference that only the last digits of a processor can tell', async () => {
      const at = await lineOf('cap', 0);
      const outcome = await replayChanged((line, index) =>
        index === at
          ? line.replace(/"capW":([\d.]+)/, (_, watts: string) => `"capW":${Number(watts) * (1 + 1e-12)}`)
          : line,
      );
      assert.equal(outcome.first, null);
    });
  });

  it('says what was recorded, and of what', async () => {
    const recording = await recorded({ policy: { kind: 'linear' }, hours: 1 });
    assert.match(
      recordingLines(recording).join('\n'),
      /Test CPU.*inspect, gauge; cap policy linear; planned by the queueing/,
    );
    const text = await readFile(path, 'utf8');
    assert.ok(!text.includes('/models/'), 'folders of the machine are not recorded');
    assert.ok(
      !text.includes('horizonH') && text.includes('"forecast":[]'),
      'what the policy does not look at is left out',
    );
  });
});
