import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { PlannerProcess, type PlannerProcessOptions } from '../../../../src/mapping/planner/planner-process';
import { RestartDelays } from '../../../../src/mapping/planner/restart-delays';
import type { EcomapError } from '../../../../src/signals/errors';
import { fewSamples } from '../../../support/co-location-fixtures';
import { fourVariants, tenant } from '../../../support/planning-fixtures';
import { counted, questionOf } from '../../../support/planning-questions';

function isRunning(pid: number | null): boolean {
  assert.ok(pid !== null);
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the process that plans', function () {
  this.timeout(120_000);
  let directory: string;
  const open: PlannerProcess[] = [];
  const problems: EcomapError[] = [];

  const started = (more: PlannerProcessOptions = {}): PlannerProcess => {
    const planner = new PlannerProcess({ onProblem: (error) => problems.push(error), ...patient, ...more });
    open.push(planner);
    return planner;
  };
  const patient = { roundLimitMs: 60_000, startPatienceMs: 60_000 };
  const scripted = async (name: string, code: string) => {
    const script = join(directory, name);
    await writeFile(script, code);
    return () => ({ script, execArgv: [] });
  };
  const question = async () => counted(await questionOf([tenant('inspect'), tenant('gauge')]));

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-planner-'));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((planner) => planner.close()));
    problems.length = 0;
  });
  after(() => rm(directory, { recursive: true }));

  it('answers with the shipped estimator, and swaps to another while it works', async () => {
    const names: string[] = [];
    const planner = started({ onEstimator: (name) => names.push(name) });
    const first = await planner.solve(await question());
    assert.equal(first.plan.search.estimator, 'learned (shipped)');
    const { pid } = planner;
    planner.setEstimator({ kind: 'analytic' });
    const second = await planner.solve(await question());
    assert.equal(second.plan.search.estimator, 'analytic');
    assert.equal(planner.pid, pid);
    assert.deepEqual(names, ['learned (shipped)', 'analytic']);
    assert.deepEqual(problems, []);
    await planner.close();
    assert.equal(isRunning(pid), false);
  });

  it('is killed in the middle of a round: the round is answered all the same, and the next one by another process', async () => {
    const planner = started();
    await planner.solve(await question());
    const { pid } = planner;
    const twelve = Array.from({ length: 12 }, (_, index) => tenant(`t${index}`, fourVariants));
    const round = planner.solve(counted(await questionOf(twelve)));
    process.kill(pid ?? 0, 'SIGKILL');
    const { plan } = await round;
    assert.equal(plan.tenants.length, 12);
    assert.equal(plan.search.estimator, 'analytic');
    assert.ok(plan.why.some((why) => /queueing model: the process that plans was ended by SIGKILL/.test(why)));
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['HOST_CRASHED'],
    );
    while (planner.pid === null) await setTimeout(5);
    assert.notEqual(planner.pid, pid);
    const next = await planner.solve(await question());
    assert.equal(next.plan.search.estimator, 'learned (shipped)');
  });

  it('spends the effort that it is told, and answers the same again where only evaluations limit it', async () => {
    const eleven = Array.from({ length: 11 }, (_, index) => tenant(`t${index}`, fourVariants));
    const large = counted(await questionOf(eleven));
    const answerWith = async (evaluations: number) => {
      const { plan } = await started({ effort: { evaluations } }).solve(large);
      return { ...plan, search: { ...plan.search, elapsedMs: 0 } };
    };
    const [little, much, again] = [await answerWith(50), await answerWith(900), await answerWith(900)];
    assert.ok(much.search.evaluated > little.search.evaluated + 500, `${much.search.evaluated} evaluations`);
    assert.deepEqual(again, much);
  });

  it('plans here, and says so once, where no process can be started', async () => {
    const broken = () => {
      throw new Error('no such file');
    };
    const fallbacks: string[] = [];
    const planner = started({ program: broken, onFallback: (planId, why) => fallbacks.push(`${planId}: ${why}`) });
    for (let round = 0; round < 3; round += 1) {
      const { plan } = await planner.solve(await question());
      assert.equal(plan.search.estimator, 'analytic');
      assert.ok(plan.why.some((why) => why.includes('could not be started (no such file)')));
    }
    assert.equal(problems.length, 1);
    assert.equal(fallbacks.length, 3);
    assert.match(fallbacks[0] ?? '', /^\w+-1: the process that plans could not be started \(no such file\)$/);
  });

  it('plans here while a process that ends at once is tried again and again', async () => {
    const planner = started({ program: await scripted('ends.js', 'process.exit(3)') });
    const { plan } = await planner.solve(await question());
    assert.ok(plan.why.some((why) => why.includes('ended with exit code 3')));
    await planner.solve(await question());
    assert.equal(problems.length, 1);
  });

  it('ends a process that hangs or talks nonsense', async () => {
    const hanging = started({ program: await scripted('hangs.js', 'setInterval(() => {}, 1000)'), roundLimitMs: 60 });
    const { plan } = await hanging.solve(await question());
    assert.ok(plan.why.some((why) => why.includes('did not answer within')));
    const nonsense = "process.on('message', () => process.send({ kind: 'answer', id: 1, answer: 'buy' }));";
    const talking = started({ program: await scripted('talks.js', nonsense) });
    const answer = await talking.solve(await question());
    assert.ok(answer.plan.why.some((why) => why.includes('answered what is no answer')));
  });

  it('answers for a round that failed, and says that the same question may get another answer', async () => {
    const failing = `process.on('message', ({ kind, id }) => process.send(kind === 'solve'
      ? { kind: 'failed', id, problem: { code: 'INTERNAL_ERROR', message: 'the test says so' } }
      : { kind: 'estimator', inForce: 'learned (shipped)', problems: [] }));`;
    const planner = started({ program: await scripted('fails.js', failing) });
    await planner.solve(await question());
    const before = planner.revision;
    const { plan } = await planner.solve(await question());
    assert.ok(plan.why.some((why) => why.includes('the test says so')));
    assert.equal(planner.revision, before + 1);
  });

  it('leaves the thread of the asking process free, and so does a round that is worked out there', async () => {
    const twelve = Array.from({ length: 12 }, (_, index) => tenant(`t${index}`, fourVariants));
    const large = counted(await questionOf(twelve));
    const turnsDuring = async (round: Promise<unknown>): Promise<number> => {
      let turns = 0;
      let over = false;
      const end = round.finally(() => (over = true));
      while (!over) {
        await setImmediate();
        turns += 1;
      }
      await end;
      return turns;
    };
    const planner = started();
    await planner.solve(await question());
    // Everything but the handover of question and answer happens elsewhere.
    assert.ok((await turnsDuring(planner.solve(large))) > 20);
    const here = started({
      program: () => {
        throw new Error('none');
      },
    });
    // On a clock that leaps each batch takes too long, whatever this machine can do: others have their turn after every one.
    const { now } = performance;
    let leaps = 0;
    performance.now = () => 1e6 + 10 * (leaps += 1);
    try {
      const round = here.solve(large);
      const turns = await turnsDuring(round);
      const { evaluated } = (await round).plan.search;
      assert.ok(evaluated >= 500, `${evaluated} evaluated`);
      assert.ok(turns >= evaluated / 64, `${turns} turns for ${evaluated} evaluations`);
    } finally {
      performance.now = now;
    }
  });

  it('keeps intervals that were made anew for the process that follows, but only those of the estimator that is wanted', async () => {
    const log = join(directory, 'wanted.log');
    // Notes what it is told, has the shipped estimator in force whatever is wanted, and makes intervals anew of each sample.
    const program = await scripted(
      'refreshes.js',
      `const intervals = { latency: null, lnPowerMargin: 0.5 };
       process.on('disconnect', () => process.exit(0));
       process.on('message', (message) => {
         if (message.kind === 'estimator') {
           require('node:fs').appendFileSync(${JSON.stringify(log)}, JSON.stringify(message.wanted) + '\\n');
           process.send({ kind: 'estimator', inForce: 'learned (shipped)', problems: [] });
         } else process.send({ kind: 'coverage', coverage: { coverage: 0.2, measured: 20, holds: false }, intervals });
       });`,
    );
    const intervals = { latency: null, lnPowerMargin: 0.1 };
    const source = { model: { path: join(directory, 'damaged.onnx') }, intervals };
    for (const [wanted, next] of [
      [
        { kind: 'shipped', intervals },
        { kind: 'shipped', intervals: { latency: null, lnPowerMargin: 0.5 } },
      ],
      [
        { kind: 'calibrated', source },
        { kind: 'calibrated', source },
      ],
    ] as const) {
      await rm(log, { force: true });
      let ready = 0;
      let refreshed = 0;
      const toKeep: unknown[] = [];
      const planner = started({
        program,
        estimator: wanted,
        onEstimator: (name) => (ready += name === 'learned (shipped)' ? 1 : 0),
        onCoverage: () => (refreshed += 1),
        onIntervals: (made) => toKeep.push(made),
      });
      planner.prepare();
      while (ready < 1) await setTimeout(5);
      const [sample] = fewSamples(1, 1);
      assert.ok(sample);
      planner.observe(sample, true);
      while (refreshed < 1) await setTimeout(5);
      process.kill(planner.pid ?? 0, 'SIGKILL');
      while (ready < 2) await setTimeout(5);
      const told = (await readFile(log, 'utf8')).trim().split('\n');
      assert.deepEqual(
        told.map((line) => JSON.parse(line) as unknown),
        [wanted, next],
      );
      assert.deepEqual(toKeep, wanted.kind === 'shipped' ? [{ latency: null, lnPowerMargin: 0.5 }] : []);
    }
  });

  it('does not let the first round wait for a start that takes long', async () => {
    const slow = await scripted('slow.js', 'setInterval(() => {}, 1000)');
    const planner = started({ program: slow, startPatienceMs: 20 });
    const { plan } = await planner.solve(await question());
    assert.equal(plan.search.estimator, 'analytic');
    assert.ok(plan.why.some((why) => why.includes('still starting')));
    assert.deepEqual(problems, []);
  });

  it('leaves nothing behind when it is closed in the middle of a round, and takes no more', async () => {
    const planner = started();
    await planner.solve(await question());
    const { pid } = planner;
    const round = planner.solve(await question());
    await Promise.all([assert.rejects(round, { code: 'NODE_CLOSED' }), planner.close()]);
    assert.equal(isRunning(pid), false);
    await assert.rejects(planner.solve(await question()), { code: 'NODE_CLOSED' });
  });
});

describe('restarts of the process that plans', () => {
  it('come at once, then after growing delays, and at once again after a healthy time', () => {
    const delays = new RestartDelays();
    let nowMs = 0;
    const die = (afterMs: number): number => {
      delays.started(nowMs);
      nowMs += afterMs;
      return delays.died(nowMs);
    };
    assert.deepEqual([die(10), die(10), die(10), die(10)], [0, 250, 500, 1000]);
    for (let more = 0; more < 10; more += 1) die(10);
    assert.equal(die(10), 30_000);
    assert.equal(die(61_000), 0);
  });
});
