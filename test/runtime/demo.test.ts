import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { runDemo } from '../support/run-demo';

const figures = z.object({
  policy: z.enum(['always-max', 'ecomap']),
  energyJ: z.number().positive(),
  energySource: z.enum(['measured', 'modelled', 'simulated']),
  carbonG: z.number().positive(),
  opCdpGs: z.number().positive(),
  attainmentPct: z.number().min(0).max(100),
  effectiveAccuracyPct: z.number().min(0).max(100),
  swaps: z.number().int().min(0),
  cameBackUp: z.number().int().min(0),
  capRangeW: z.object({ lowest: z.number(), highest: z.number() }),
  intensityRangeGPerKwh: z.object({ lowest: z.number(), highest: z.number() }),
});
const answer = z.object({
  demo: z.object({ policies: z.array(figures).length(2), requests: z.record(z.string(), z.number().int()) }),
});

describe('the demo', function () {
  this.timeout(150_000);
  let directory: string;
  let recorded: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-demo-test-'));
    recorded = join(directory, 'day.jsonl');
  });
  after(() => rm(directory, { recursive: true }));

  it('plays a grid day per policy on real inference and ends with one JSON object', async () => {
    const { code, output, progress } = await runDemo(['--seconds', '80', '--json', '--record', recorded]);
    assert.equal(code, 0, progress);
    const { demo } = answer.parse(JSON.parse(output));
    assert.deepEqual(
      demo.policies.map(({ policy }) => policy),
      ['always-max', 'ecomap'],
    );
    assert.deepEqual(Object.keys(demo.requests).sort(), ['gauge', 'inspect', 'vibration']);
    for (const count of Object.values(demo.requests)) assert.ok(count > 20);
    const [max, ecomap] = demo.policies;
    assert.ok(max && ecomap);
    assert.equal(max.swaps, 0);
    assert.equal(max.capRangeW.lowest, max.capRangeW.highest);
    // The cap followed the grid, a variant went down with it and came back up, and that cost less.
    assert.ok(ecomap.intensityRangeGPerKwh.highest > 1.2 * ecomap.intensityRangeGPerKwh.lowest);
    assert.ok(ecomap.capRangeW.highest > 1.2 * ecomap.capRangeW.lowest);
    assert.ok(ecomap.swaps >= 2, `${ecomap.swaps} swaps: ${progress}`);
    assert.ok(ecomap.cameBackUp >= 1, `nobody came back up: ${progress}`);
    assert.ok(ecomap.energyJ < max.energyJ, `${ecomap.energyJ} J, always-max ${max.energyJ} J`);
    assert.ok(ecomap.carbonG < max.carbonG, `${ecomap.carbonG} g, always-max ${max.carbonG} g`);
  });

  it('replays the day that it has recorded to the same decisions, and fails where one comes out differently', async () => {
    const same = await runDemo(['--replay', recorded]);
    assert.equal(same.code, 0, same.output);
    const [, decisions, identical] = /(\d+) decisions in \d+ steps, (\d+) identical/.exec(same.output) ?? [];
    assert.ok(Number(decisions) > 50 && decisions === identical, same.output);

    // In the morning, when this grid is clean and the cap high.
    const lines = (await readFile(recorded, 'utf8')).split('\n');
    const at = lines.findIndex((line, index) => index > 0.8 * lines.length && line.includes('"kind":"carbon"'));
    lines[at] = lines[at]?.replace(/"intensityGPerKwh":[\d.]+/, '"intensityGPerKwh":1499') ?? '';
    const changed = join(directory, 'changed.jsonl');
    await writeFile(changed, lines.join('\n'));
    const other = await runDemo(['--replay', changed]);
    assert.equal(other.code, 1);
    assert.match(other.output, /first difference at .*: cap capW was [\d.]+, now [\d.]+/);
    assert.equal((await runDemo(['--replay', join(directory, 'none.jsonl')])).code, 1);
  });

  it('says what is wrong with an option, and that it is the option', async () => {
    const { code, output, progress } = await runDemo(['--seconds', 'soon']);
    assert.equal(code, 1);
    assert.equal(output, '');
    assert.match(progress, /--seconds must be 20 to 86400; usage/);
  });
});
