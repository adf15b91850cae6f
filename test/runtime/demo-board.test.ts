import assert from 'node:assert/strict';
import { z } from 'zod';
import { jaxOrSkip } from '../support/jax';
import { runDemo } from '../support/run-demo';

const day = z.object({
  policy: z.string(),
  energyJ: z.number().positive(),
  energySource: z.literal('simulated'),
  energyPerAnswerJ: z.number().positive(),
  attainmentPct: z.number().min(0).max(100),
  leastAttainmentPct: z.number().min(0).max(100),
  effectiveAccuracyPct: z.number().min(0).max(100),
  requests: z.record(z.string(), z.number().int().positive()),
});
const change = z.object({ pairs: z.literal(1), mean: z.number() });
const answer = z.object({
  demo: z.object({
    source: z.literal('simulated'),
    board: z.literal('agx-xavier'),
    mixes: z
      .array(
        z.object({
          seed: z.literal(501),
          policies: z.array(day),
          calibration: z.object({ samples: z.number().int().positive(), powerSource: z.literal('simulated') }),
        }),
      )
      .length(1),
    changes: z.record(z.string(), z.object({ attainmentPt: change, accuracyPt: change, energyPerAnswerPct: change })),
  }),
});

describe('the demo on a simulated board', function () {
  this.timeout(300_000);

  it('plays the same day per policy, calibrates, and plays the planned ones again', async function () {
    await jaxOrSkip(this);
    const options = ['--board', 'agx-xavier', '--seed', '501', '--calibrate', '40', '--json'];
    const { code, output, progress } = await runDemo(options);
    assert.equal(code, 0, progress);
    const { demo } = answer.parse(JSON.parse(output));
    const [mix] = demo.mixes;
    assert.ok(mix);
    assert.deepEqual(
      mix.policies.map(({ policy }) => policy),
      ['always-max', 'ecomap', 'quality', 'calibrated', 'quality, calibrated'],
    );
    const [most, ...others] = mix.policies;
    assert.ok(most);
    for (const other of others) {
      assert.deepEqual(other.requests, most.requests, other.policy);
      assert.ok(other.energyPerAnswerJ < 0.95 * most.energyPerAnswerJ, other.policy);
      assert.ok(other.effectiveAccuracyPct <= most.effectiveAccuracyPct, other.policy);
      // Latency limits are held for nineteen of twenty answers.
      assert.ok(other.leastAttainmentPct >= 95, `${other.policy} ${other.leastAttainmentPct}`);
    }
    assert.deepEqual(Object.keys(demo.changes), ['ecomap', 'quality']);
  });

  it('says which boards there are, and what does not go together', async () => {
    const refused = async (args: readonly string[], why: RegExp): Promise<void> => {
      const { code, output, progress } = await runDemo(args);
      assert.deepEqual([code, output], [1, '']);
      assert.match(progress, why);
    };
    await refused(['--board', 'toaster'], /a day can be played on agx-xavier, not on "toaster"/);
    await refused(['--board', 'agx-xavier', '--seconds', '60'], /simulated time/);
    await refused(['--arrivals', 'bursty'], /--arrivals is for days on a --board/);
    await refused(['--board', 'agx-xavier', '--arrivals', 'daily'], /--arrivals must be poisson or bursty/);
  });
});
