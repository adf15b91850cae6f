import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../src/models/package-root';

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

async function runDemo(args: readonly string[]): Promise<{ code: number; output: string; progress: string }> {
  const child = spawn(process.execPath, [join(packageRoot(__dirname), 'dist/demo.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let progress = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (progress += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output, progress };
}

describe('the demo', function () {
  this.timeout(150_000);

  it('plays a grid day per policy on real inference and ends with one JSON object', async () => {
    const { code, output, progress } = await runDemo(['--seconds', '80', '--json']);
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

  it('says what is wrong with an option, and that it is the option', async () => {
    const { code, output, progress } = await runDemo(['--seconds', 'soon']);
    assert.equal(code, 1);
    assert.equal(output, '');
    assert.match(progress, /--seconds must be 20 to 86400; usage/);
  });
});
