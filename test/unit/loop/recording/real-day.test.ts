import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDecision, type DecisionEvent } from '../../../../src/loop/recording/events';
import { readRecording, type Recording } from '../../../../src/loop/recording/read-recording';
import { replay } from '../../../../src/loop/recording/replay';
import { outcomeLines } from '../../../../src/loop/recording/replay-report';

const path = join(__dirname, '../../../fixtures/recordings/demo-day.jsonl');

describe('a day of the demo that was recorded on real inference', function () {
  this.timeout(60_000);
  let recording: Recording;
  let decisions: readonly DecisionEvent[];

  before(async () => {
    recording = await readRecording(path);
    decisions = recording.steps.flatMap(({ events }) => events.filter(isDecision));
  });

  it('is whole, small, of a real machine, and planned by what computes the same everywhere', async () => {
    const { header, warnings } = recording;
    assert.deepEqual(warnings, []);
    assert.ok((await stat(path)).size < 300_000);
    assert.equal(header.device.simulated, false);
    assert.equal(header.planning.estimator.kind, 'analytic');
    const served = recording.steps.flatMap(({ events }) =>
      events.flatMap((event) =>
        event.kind === 'telemetry' ? event.telemetry.tenants.map((tenant) => tenant.served) : [],
      ),
    );
    assert.ok(served.reduce((sum, count) => sum + count, 0) > 300, 'requests were served');
  });

  it('goes through several caps, and through swaps down and back up', () => {
    const points = decisions.flatMap((one) => (one.kind === 'cap' ? [one.operatingPoint] : []));
    assert.ok(new Set(points).size >= 4, [...new Set(points)].join(', '));
    const swaps = decisions.flatMap((one) => (one.kind === 'variants' ? [one.reason] : []));
    const ups = swaps.filter((reason) => reason.includes('back up'));
    assert.ok(ups.length > 0 && ups.length < swaps.length, swaps.join('; '));
  });

  it('comes to the same decisions again, one by one', async () => {
    const outcome = await replay(recording);
    assert.equal(outcome.first, null, outcomeLines(outcome).join('\n'));
    assert.deepEqual([outcome.decisions, outcome.identical], [decisions.length, decisions.length]);
    assert.ok(outcome.decisions >= 80, String(outcome.decisions));
  });

  it('comes to other ones on a grid that is a tenth dirtier at one moment', async () => {
    const at = Math.floor(recording.steps.length / 2);
    const steps = recording.steps.map((step, index) => {
      if (index < at || index > at + 1) return step;
      const events = step.events.map((event) =>
        event.kind === 'carbon'
          ? { ...event, reading: { ...event.reading, intensityGPerKwh: (event.reading.intensityGPerKwh ?? 0) * 1.1 } }
          : event,
      );
      return { ...step, events };
    });
    const { first } = await replay({ ...recording, steps });
    assert.ok(first !== null && first.difference !== null);
    assert.ok(first.step.atMs >= (recording.steps[at]?.begin.atMs ?? Infinity));
    assert.equal(first.recorded?.kind, 'cap');
  });
});
