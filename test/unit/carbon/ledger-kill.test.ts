import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

/** More of them: `ECOMAP_TEST_KILLS=200 npx mocha test/unit/carbon/ledger-kill.test.ts`. */
const kills = Number(process.env['ECOMAP_TEST_KILLS'] ?? 12);

describe('a ledger whose process is killed', () => {
  let directory: string;
  let program: string;
  before(async function () {
    this.timeout(60_000);
    directory = await mkdtemp(join(tmpdir(), 'ecomap-killed-'));
    program = join(directory, 'writer.js');
    await build({
      entryPoints: [join(__dirname, 'ledger-writer.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      logLevel: 'silent',
    });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** Everything it said until it was killed, `afterMs` after it began to account. */
  function runUntilKilled(afterMs: number): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, directory, '4000'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      let timer: NodeJS.Timeout | undefined;
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (timer === undefined && said.includes('loaded')) timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
      });
      child.on('error', reject);
      // A line that was cut off by the kill says nothing.
      child.on('close', () => resolve(said.split('\n').slice(0, -1)));
    });
  }

  it(`loses and repeats no receipt beyond the one under way, in ${kills} kills at random moments`, async function () {
    this.timeout(30_000 + kills * 2000);
    let receipts = 0;
    let random = 12_345;
    for (let kill = 0; kill < kills; kill += 1) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
      const said = await runUntilKilled((random / 2 ** 32) * 60);
      const words = said.map((line) => line.split(' '));
      const loaded = words.find(([what]) => what === 'loaded');
      assert.ok(loaded, said.join('\n'));
      const [served = NaN, durationS, energyJ, carbonG] = loaded.slice(1).map(Number);
      assert.ok(
        served === receipts || served === receipts + 1,
        `kill ${kill}: ${receipts} receipts were handed out, ${served} are in the file`,
      );
      assert.equal(durationS, served, 'a window is in the account whole or not at all');
      assert.equal(energyJ, 3 * served);
      assert.ok(served === 0 || (carbonG ?? 0) > 0);
      assert.ok(!said.some((line) => line.startsWith('trouble')), said.join('\n'));
      assert.ok(!said.some((line) => line.includes('cannot be read')), said.join('\n'));
      receipts = Math.max(served, ...words.filter(([what]) => what === 'served').map(([, count]) => Number(count)));
    }
    assert.ok(receipts > kills, `only ${receipts} receipts in ${kills} runs`);
    const left = (await readdir(join(directory, 'ecomap'))).filter((name) => !/\.jsonl(\.new)?$/.test(name));
    assert.deepEqual(left, [], 'no file was ever damaged');
    console.log(`      ${receipts} receipts over ${kills} kills`);
  });
});
