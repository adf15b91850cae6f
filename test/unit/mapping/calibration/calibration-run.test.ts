import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  calibrationDirectory,
  loadCalibrated,
  type Calibrated,
} from '../../../../src/mapping/calibration/calibrated-store';
import { CalibrationRun, type CalibrationRunOptions } from '../../../../src/mapping/calibration/calibration-run';
import type { CalibrationNetwork } from '../../../../src/mapping/calibration/networks';
import type { calibrateInProcess } from '../../../../src/mapping/training/training-process';
import { calibrationStatusSchema, type CalibrationStatus } from '../../../../src/signals/calibration';
import { EcomapError } from '../../../../src/signals/errors';
import { FakeRunner, networksOf } from '../../../support/calibration-fixtures';
import { fewSamples } from '../../../support/co-location-fixtures';
import { device } from '../../../support/planning-fixtures';

type Train = typeof calibrateInProcess;
const shipped = Buffer.from('the shipped estimator');
const tuned = Buffer.from('the tuned estimator');
const runMs = [20, 8, 3];

/** Keeps what it was given. */
function fakeTrainer(kept = true) {
  const jobs: Parameters<Train>[0][] = [];
  const train: Train = async (job, { signal, onProgress } = {}) => {
    jobs.push(job);
    onProgress?.({ done: 1, total: 2, secondsLeft: 3 });
    signal?.throwIfAborted();
    await Promise.resolve();
    return {
      estimator: kept ? tuned : null,
      report: {
        kept,
        reason: kept ? null : 'no better',
        samples: job.samples.count,
        workloads: new Set(job.samples.workload).size,
        epochs: kept ? 9 : 0,
        before: { latencyMapePct: 20, powerMapePct: 4 },
        after: { latencyMapePct: 9, powerMapePct: 2 },
        additiveMapePct: 50,
        intervals: {
          latency: { alpha: 0.1, cuts: [0.5], halfWidths: [0.1, 0.3], counts: [40, 30] },
          lnPowerMargin: 0.05,
          tail: { alpha: 0.1, cuts: [], halfWidths: [0.4], counts: [70] },
        },
        points: Array.from({ length: 700 }, (_, index) => ({ measuredS: index, beforeS: 0.2, predictedS: 0.1 })),
      },
    };
  };
  return { train, jobs };
}

describe('calibration of a device', () => {
  let stateDirectory: string;
  let warnings: string[];
  let runs: CalibrationRun[];
  let runner: FakeRunner;
  let trainer: ReturnType<typeof fakeTrainer>;
  const networks = networksOf(3, runMs);
  const aloneMs = (name: string): number => runMs[Number(name.at(-1))] ?? 0;

  const newRun = (more: Partial<CalibrationRunOptions> = {}, of: readonly CalibrationNetwork[] = networks) => {
    const run = new CalibrationRun({
      device: device(),
      stateDirectory,
      profile: ({ onProgress }) => {
        onProgress({ done: 3, total: 9, what: 'v0' });
        onProgress({ done: 9, total: 9, what: 'v2' });
        return Promise.resolve(of);
      },
      openRunner: () => runner,
      shippedEstimator: () => Promise.resolve(shipped),
      warn: (text) => warnings.push(text),
      samples: 48,
      train: trainer.train,
      checkTrainer: () => undefined,
      ...more,
    });
    runs.push(run);
    return run;
  };
  const ended = (run: CalibrationRun): Promise<CalibrationStatus> =>
    new Promise((resolve) => {
      const stop = run.onChange((status) => {
        calibrationStatusSchema.parse(status);
        if (!['done', 'cancelled', 'failed', 'interrupted'].includes(status.phase)) return;
        stop();
        resolve(status);
      });
    });
  const calibrated = async (run: CalibrationRun, samples?: number): Promise<CalibrationStatus> => {
    await run.ready;
    const end = ended(run);
    run.start(samples);
    return end;
  };
  const logFile = (): string => join(calibrationDirectory(stateDirectory, 'test-device'), 'samples.jsonl');
  const measuredIn = async (): Promise<number> =>
    (await readFile(logFile(), 'utf8')).split('\n').filter((line) => /"kind":"sample".*\}$/.test(line)).length;

  beforeEach(async () => {
    stateDirectory = await mkdtemp(join(tmpdir(), 'ecomap-calibration-'));
    warnings = [];
    runs = [];
    runner = new FakeRunner(aloneMs);
    trainer = fakeTrainer();
  });
  afterEach(async () => {
    await Promise.all(runs.map((run) => run.close()));
    await rm(stateDirectory, { recursive: true, force: true });
  });

  it('profiles, measures, learns, keeps, and tells of each with the time left', async () => {
    const run = newRun();
    await run.ready;
    assert.equal(run.status().phase, 'idle');
    const seen: CalibrationStatus[] = [];
    run.onChange((status) => seen.push(status));
    const end = await calibrated(run);
    assert.equal(end.phase, 'done', end.text);
    assert.deepEqual([...new Set(seen.map(({ phase }) => phase))], ['profiling', 'measuring', 'training', 'done']);
    const measuring = seen.filter(({ phase, text }) => phase === 'measuring' && text.includes('tenant'));
    assert.equal(measuring.length, 48);
    assert.deepEqual([measuring[0]?.done, measuring[0]?.total, measuring.at(-1)?.done], [0, 48, 47]);
    assert.ok(measuring.every(({ secondsLeft }) => (secondsLeft ?? -1) >= 0));
    assert.ok((measuring[0]?.secondsLeft ?? 0) > (measuring.at(-1)?.secondsLeft ?? 0));

    const { summary } = end;
    assert.ok(summary?.kept && summary.samples === 48 && summary.setAside === 0);
    assert.deepEqual([summary.floorPct, summary.powerSource, summary.additiveMapePct], [0, 'modelled', 50]);
    assert.ok(summary.points.length <= 300 && summary.points.length > 200);
    assert.equal(trainer.jobs[0]?.estimator, shipped);
    assert.equal(runner.closed, 1);
    const stored = await loadCalibrated(stateDirectory, 'test-device', { warn: (text) => warnings.push(text) });
    assert.deepEqual(stored?.estimator, tuned);
    assert.deepEqual(stored?.summary, summary);
    assert.equal(stored?.intervals.lnPowerMargin, 0.05);
    assert.deepEqual(stored?.intervals.tail?.halfWidths, [0.4]);
    assert.equal(stored?.intervals.leastBusy, 1);
    assert.deepEqual(warnings, []);
  });

  it('learns ratios to what each network takes alone, with the pauses and places as they were', async () => {
    await calibrated(newRun());
    const [job] = trainer.jobs;
    assert.ok(job);
    const waiting = Array.from(job.samples.lnSharedOverAlone).filter((ln) => ln > 0.1).length;
    assert.ok(waiting > 20, 'those that share a component wait by the analytic model, too');
    assert.ok(Array.from(job.samples.lnLatencyRatio).every((ratio) => Math.abs(ratio) < 3));
  });

  it('says after a restart that it was interrupted, and goes on there', async () => {
    const first = newRun();
    runner.before = (call) => {
      if (call === 31) void first.close();
    };
    first.start();
    while (first.status().phase !== 'interrupted') await new Promise((resolve) => setTimeout(resolve, 2));
    await first.close();
    const before = await measuredIn();
    assert.ok(before >= 25 && before < 31);
    // The process was killed in the middle of a line.
    await appendFile(logFile(), '{"kind":"sample","at":"2026-11');

    runner = new FakeRunner(aloneMs);
    const second = newRun();
    await second.ready;
    assert.deepEqual([second.status().phase, second.status().done, second.status().total], ['interrupted', before, 48]);
    assert.equal((await calibrated(second)).phase, 'done');
    assert.equal(await measuredIn(), 48);
    const anchors = runner.asked.length - (48 - before);
    assert.ok(anchors >= 2 && anchors <= 4);
  });

  it('keeps what was measured when it is cancelled, and goes on there; done, it begins anew', async () => {
    const run = newRun();
    runner.before = (call) => {
      if (call === 12) run.cancel();
    };
    const cancelled = await calibrated(run);
    assert.deepEqual([cancelled.phase, cancelled.code], ['cancelled', null]);
    const kept = await measuredIn();
    assert.ok(kept >= 9);
    runner.before = () => undefined;
    const again = newRun();
    await again.ready;
    assert.equal(again.status().phase, 'idle', 'whoever cancelled is not asked again');
    runner.asked.length = 0;
    assert.equal((await calibrated(again)).phase, 'done');
    assert.ok(runner.asked.length < 48 + 4 - kept + 1);
    runner.asked.length = 0;
    assert.equal((await calibrated(again)).phase, 'done');
    assert.ok(runner.asked.length >= 48 + 3, 'everything was measured once more');
  });

  it('measures anew after one that was done, also when the one between was cancelled before it measured', async () => {
    assert.equal((await calibrated(newRun())).phase, 'done');
    const hasty: CalibrationRun = newRun({
      profile: () => {
        hasty.cancel();
        return Promise.resolve(networks);
      },
    });
    assert.equal((await calibrated(hasty)).phase, 'cancelled');
    assert.doesNotMatch(await readFile(logFile(), 'utf8'), /"cancelled"/);
    runner.asked.length = 0;
    assert.equal((await calibrated(newRun())).phase, 'done');
    assert.ok(runner.asked.length >= 48 + 3, 'nothing of the earlier one passes for measured now');
  });

  it('goes on with what another node of the device has measured since it was opened, and knows how that ended', async () => {
    const other = newRun();
    await other.ready;
    assert.equal(other.status().summary, null);
    const run = newRun();
    runner.before = (call) => {
      if (call === 31) run.cancel();
    };
    assert.equal((await calibrated(run)).phase, 'cancelled');
    runner = new FakeRunner(aloneMs);
    assert.equal((await calibrated(other)).phase, 'done');
    assert.ok(runner.asked.length < 30, 'the first half was known');
    let summary: unknown = null;
    run.onChange((status) => (summary ??= status.phase === 'profiling' ? status.summary : null));
    assert.equal((await calibrated(run)).phase, 'done');
    assert.deepEqual(summary, other.status().summary);
  });

  it('is used at once by another node of the device that is told to catch up, and told once', async () => {
    const heard: Calibrated[] = [];
    const other = newRun({ onCalibrated: (found) => heard.push(found) });
    runner.before = (call) => {
      if (call === 12) other.cancel();
    };
    assert.equal((await calibrated(other)).phase, 'cancelled');
    runner.before = () => undefined;
    const { summary } = await calibrated(newRun());
    assert.deepEqual(heard, []);
    await other.catchUp();
    assert.deepEqual(
      heard.map(({ estimator }) => estimator),
      [tuned],
    );
    assert.deepEqual([other.status().phase, other.status().summary], ['idle', summary]);
    await other.catchUp();
    assert.equal(heard.length, 1, 'what is in use already is not begun with again');
    assert.deepEqual(warnings, []);
  });

  it('does not catch up while it runs itself, nor after it is closed', async () => {
    const heard: Calibrated[] = [];
    const running = newRun({ onCalibrated: (found) => heard.push(found) });
    const closed = newRun({ onCalibrated: (found) => heard.push(found) });
    await closed.close();
    let catching: Promise<void> | null = null;
    runner.before = (call) => {
      if (call === 12) catching = running.catchUp();
    };
    const phases: string[] = [];
    running.onChange(({ phase }) => phases.push(phase));
    assert.equal((await calibrated(running)).phase, 'done');
    await catching;
    await closed.catchUp();
    assert.equal(heard.length, 1);
    // The first is that of the start.
    assert.ok(!phases.slice(1).includes('idle'), phases.join());
  });

  it('ends when its hosts have, and warns where they do not end as they should', async () => {
    let isOpen = true;
    runner.close = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      isOpen = false;
      throw new Error('a host is stuck');
    };
    const run = newRun();
    runner.before = (call) => {
      if (call === 5) run.cancel();
    };
    const { phase } = await calibrated(run);
    assert.deepEqual([phase, isOpen], ['cancelled', false]);
    assert.deepEqual(warnings, ['The hosts of the calibration did not end as they should: a host is stuck']);
  });

  it('keeps of the plans that were tried the latest only, in memory and in the file, beside what was measured', async () => {
    assert.equal((await calibrated(newRun())).phase, 'done');
    const [sample] = fewSamples(1, 1);
    assert.ok(sample);
    const at = '2026-11-21T20:00:00.000Z';
    const lines = Array.from({ length: 740 }, (_, index) =>
      JSON.stringify({ kind: 'tried', at, sample: { ...sample, workload: index }, powerSource: 'modelled' }),
    );
    await appendFile(logFile(), `${lines.join('\n')}\n`);
    const triedIn = async (): Promise<string[]> =>
      (await readFile(logFile(), 'utf8')).split('\n').filter((line) => line.includes('"tried"'));
    const run = newRun();
    await run.ready;
    for (let workload = 740; workload < 755; workload += 1) await run.learnFrom({ ...sample, workload }, 'measured');
    const tried = await triedIn();
    assert.equal(tried.length, 505, 'the 750th made it write the file anew');
    assert.match(tried.at(-1) ?? '', /"workload":754.*"measured"/);
    assert.equal(await measuredIn(), 48);
    await appendFile(logFile(), `${lines.join('\n')}\n`);
    await newRun().ready;
    assert.equal((await triedIn()).length, 500, 'and so does opening it');
    assert.deepEqual(warnings, []);
  });

  it('does nothing when it is started twice, and lets one calibrate at a time', async () => {
    const run = newRun();
    const other = newRun();
    let refused: CalibrationStatus | null = null;
    runner.before = async (call) => {
      if (call === 3) refused = await calibrated(other);
    };
    const end = ended(run);
    run.start();
    run.start();
    assert.equal((await end).phase, 'done');
    assert.deepEqual((refused as CalibrationStatus | null)?.code, 'INVALID_CONFIG');
    assert.match((refused as CalibrationStatus | null)?.text ?? '', /Another calibration .* under way/);
    assert.equal(trainer.jobs.length, 1);
    assert.equal((await calibrated(other)).phase, 'done', 'the device is free again');
  });

  it('takes the device from a process that was killed', async () => {
    const directory = calibrationDirectory(stateDirectory, 'test-device');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, startedAt: 1, token: 'x' }));
    assert.equal((await calibrated(newRun())).phase, 'done');
    await writeFile(join(directory, 'lock'), 'half a lo');
    assert.equal((await calibrated(newRun())).phase, 'done');
  });

  it('sets aside what was measured while the device was slower, and measures it again', async () => {
    runner.before = (call) => {
      // Calls 22 to 43 are the second twenty and their anchor.
      runner.slowness = call > 30 && call <= 43 ? 1.4 : 1;
    };
    const { phase, summary } = await calibrated(newRun());
    assert.equal(phase, 'done');
    assert.ok((await measuredIn()) > 48);
    assert.ok((summary?.setAside ?? 0) > 0, 'more than a quarter was disturbed: the rest stays aside');
    assert.equal(summary?.samples, 48 - (summary?.setAside ?? 0));
  });

  it('says so where the device never keeps its speed, and can be started again', async () => {
    runner.before = (call) => {
      runner.slowness = 1.3 ** (call % 7);
    };
    const run = newRun();
    const { phase, text } = await calibrated(run);
    assert.equal(phase, 'failed');
    assert.match(text, /The device kept changing its speed .*\d+ of 48 co-locations do not count/);
    assert.equal(trainer.jobs.length, 0);
  });

  it('tells before it begins how long it will take, and at a start what the device has learned before', async () => {
    const first = newRun();
    await first.ready;
    assert.ok((first.status().secondsLeft ?? 0) > 48);
    await calibrated(first);
    const told: unknown[] = [];
    const second = newRun({ onCalibrated: ({ summary }) => told.push(summary.kept) });
    await second.ready;
    assert.deepEqual(told, [true]);
  });

  it('leaves out a network that does not run, and says so once', async () => {
    runner.broken.add('tenant1 v0');
    const { phase, summary } = await calibrated(newRun());
    assert.equal(phase, 'done');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /tenant1 v0 is left out of the calibration: it crashed/);
    const asked = runner.asked.filter((set) => set.some(({ name }) => name === 'tenant1 v0'));
    assert.ok(asked.length <= 3);
    assert.ok((summary?.samples ?? 0) > 40);
  });

  it('fails with words where nothing runs, a component has gone, or nothing can be trained', async () => {
    for (const { name } of networks) runner.broken.add(name);
    const nothing = await calibrated(newRun());
    assert.deepEqual([nothing.phase, nothing.code], ['failed', 'HOST_CRASHED']);
    runner = new FakeRunner(aloneMs);
    runner.before = (call) => {
      if (call > 5) throw new EcomapError('INVALID_CONFIG', 'The device has no component "cpu1" (any more).');
    };
    const gone = await calibrated(newRun());
    assert.deepEqual([gone.phase, gone.code], ['failed', 'INVALID_CONFIG']);
    assert.match(gone.text, /no component "cpu1"/);
    runner = new FakeRunner(aloneMs);
    const checkTrainer = (): void => {
      throw new EcomapError('RUNTIME_UNAVAILABLE', 'The package @jax-js/jax is not installed');
    };
    const untrained = await calibrated(newRun({ checkTrainer }));
    assert.deepEqual([untrained.phase, untrained.code], ['failed', 'RUNTIME_UNAVAILABLE']);
    assert.equal(runner.asked.length, 0, 'said before anything was measured');
  });

  it('does not start with too few networks', async () => {
    const { phase, code, text } = await calibrated(newRun({}, networksOf(1, [9])));
    assert.deepEqual([phase, code], ['failed', 'INVALID_CONFIG']);
    assert.match(text, /at least 4 different sets of networks/);
    assert.equal(runner.asked.length, 0);
  });

  it('learns of twelve tenants, and of plans that were tried in service', async () => {
    const run = newRun({}, networksOf(12, runMs));
    await run.ready;
    for (const sample of fewSamples(3, 2)) await run.learnFrom(sample, 'simulated');
    const { phase, summary } = await calibrated(run);
    assert.equal(phase, 'done');
    assert.equal(summary?.samples, 48 + 6);
    assert.equal(summary?.powerSource, 'simulated', 'the weakest of everything that was learned from');
    const [job] = trainer.jobs;
    assert.equal(summary?.workloads, new Set(job?.samples.workload).size);
    assert.ok((await readFile(logFile(), 'utf8')).includes('"tried"'), 'the next calibration learns from them, too');
  });

  it('says that requests disturb it while they are answered', async () => {
    const texts: string[] = [];
    const run = newRun({ isServing: () => true });
    run.onChange(({ phase, text }) => phase === 'measuring' && texts.push(text));
    await calibrated(run);
    assert.ok(texts.length > 40 && texts.every((text) => text.includes('requests are being answered meanwhile')));
  });

  it('stays with the shipped estimator where it is no better, with the intervals measured of it', async () => {
    trainer = fakeTrainer(false);
    const heard: Calibrated[] = [];
    const { summary, text } = await calibrated(newRun({ onCalibrated: (found) => heard.push(found) }));
    assert.deepEqual([summary?.kept, summary?.reason, text], [false, 'no better', 'no better']);
    assert.deepEqual(summary?.after, summary?.before);
    assert.equal(heard[0]?.estimator, null);
    const load = (estimator: Uint8Array) =>
      loadCalibrated(stateDirectory, 'test-device', { warn: (said) => warnings.push(said), shipped: estimator });
    assert.equal((await load(shipped))?.intervals.latency?.halfWidths.length, 2);
    assert.equal(await load(tuned), null);
    assert.match(warnings[0] ?? '', /earlier shipped estimator/);
  });

  describe('intervals that were made anew in service', () => {
    const wider = { latency: { alpha: 0.1, cuts: [], halfWidths: [0.9], counts: [60] }, lnPowerMargin: null };
    const file = (): string => join(calibrationDirectory(stateDirectory, 'test-device'), 'intervals.json');
    /** As after a redeploy: what is told at the start. */
    const restarted = async (more: Partial<CalibrationRunOptions> = {}) => {
      const told: { calibrated: Calibrated[]; refreshed: unknown[] } = { calibrated: [], refreshed: [] };
      const run = newRun({
        onCalibrated: (found) => told.calibrated.push(found),
        onRefreshed: (intervals) => told.refreshed.push(intervals),
        ...more,
      });
      await run.ready;
      return { run, told };
    };
    /** A node that serves until its intervals no longer hold, and is closed at once. */
    const refresh = async (): Promise<void> => {
      const { run } = await restarted();
      run.keepIntervals(wider);
      await run.close();
    };

    it('are used again where nothing was calibrated, as long as the shipped estimator is the same', async () => {
      assert.deepEqual((await restarted()).told, { calibrated: [], refreshed: [] });
      await refresh();
      assert.deepEqual((await restarted()).told, { calibrated: [], refreshed: [wider] });
      const other = await restarted({ shippedEstimator: () => Promise.resolve(tuned) });
      assert.deepEqual(other.told, { calibrated: [], refreshed: [] });
      const gone = await restarted({ shippedEstimator: () => Promise.reject(new Error('gone')) });
      assert.deepEqual(gone.told, { calibrated: [], refreshed: [] });
      assert.deepEqual(warnings, []);
    });

    it('are used with the calibrated estimator that they are of, and dropped by the next calibration', async () => {
      await calibrated(newRun());
      await refresh();
      const { told, run } = await restarted();
      assert.deepEqual(told.refreshed, []);
      assert.deepEqual(
        told.calibrated.map(({ estimator, intervals }) => [estimator, intervals]),
        [[tuned, wider]],
      );
      await calibrated(run);
      assert.equal(told.calibrated.at(-1)?.intervals.lnPowerMargin, 0.05);
      await assert.rejects(readFile(file()), { code: 'ENOENT' });
      assert.equal((await restarted()).told.calibrated[0]?.intervals.lnPowerMargin, 0.05);
    });

    it('are of one calibration only, also where the same estimator stays', async () => {
      trainer = fakeTrainer(false);
      await calibrated(newRun());
      await refresh();
      const before = await readFile(file());
      assert.deepEqual((await restarted()).told.calibrated[0]?.intervals, wider);
      await calibrated(newRun());
      // As if the process had ended before they were dropped.
      await writeFile(file(), before);
      assert.equal((await restarted()).told.calibrated[0]?.intervals.lnPowerMargin, 0.05);
      assert.deepEqual(warnings, []);
    });

    const rewrite = async (change: object): Promise<void> =>
      writeFile(file(), JSON.stringify({ ...JSON.parse(await readFile(file(), 'utf8')), ...change }));
    it('are not used where the features are others', async () => {
      await refresh();
      await rewrite({ featuresVersion: 999 });
      assert.deepEqual((await restarted()).told.refreshed, []);
    });

    for (const [what, spoil] of Object.entries({
      'half-written': () => truncate(file(), 40),
      'of a newer version': () => rewrite({ version: 2 }),
      'with fields that cannot be': () => rewrite({ intervals: { latency: 3 } }),
    })) {
      it(`${what}: are set aside with a warning`, async () => {
        await refresh();
        await spoil();
        assert.deepEqual((await restarted()).told.refreshed, []);
        assert.equal(warnings.length, 1);
        assert.match(warnings[0] ?? '', /intervals\.json cannot be read .*set-aside/);
        assert.deepEqual((await restarted()).told.refreshed, []);
        assert.equal(warnings.length, 1);
      });
    }

    it('are not kept while nobody knows what they are of', async () => {
      const run = newRun();
      run.keepIntervals(wider);
      await run.ready;
      await run.close();
      await assert.rejects(readFile(file()), { code: 'ENOENT' });
    });
  });

  describe('what it keeps', () => {
    const load = (fingerprint = 'test-device') =>
      loadCalibrated(stateDirectory, fingerprint, { warn: (text) => warnings.push(text) });
    let json: string;

    beforeEach(async () => {
      await calibrated(newRun());
      json = join(calibrationDirectory(stateDirectory, 'test-device'), 'calibration.json');
    });

    it('is one estimator and one description, however often', async () => {
      await calibrated(newRun());
      const names = (await readdir(calibrationDirectory(stateDirectory, 'test-device'))).sort();
      assert.equal(names.length, 3);
      assert.deepEqual(
        names.map((name) => name.replace(/-[0-9a-f]{16}/, '-HASH')),
        ['calibration.json', 'estimator-HASH.onnx', 'samples.jsonl'],
      );
    });

    it('is nothing on another device, and no warning', async () => {
      assert.equal(await load('another'), null);
      assert.deepEqual(warnings, []);
    });

    const rewrite = async (change: object): Promise<void> =>
      writeFile(json, JSON.stringify({ ...JSON.parse(await readFile(json, 'utf8')), ...change }));
    const cases: Record<string, [spoil: () => Promise<void>, says: RegExp]> = {
      'half-written': [() => truncate(json, 200), /cannot be read/],
      'of a newer version': [() => rewrite({ version: 2 }), /version 2, this program knows version 1/],
      'of another device': [() => rewrite({ deviceFingerprint: 'other' }), /another device/],
      'of other features': [() => rewrite({ featuresVersion: 999 }), /features of version 999/],
      'without its estimator': [
        () => rewrite({ estimator: { file: 'estimator-0123456789abcdef.onnx', sha256: 'a'.repeat(64) } }),
        /cannot be read/,
      ],
      'with another estimator': [
        async () => {
          const folder = calibrationDirectory(stateDirectory, 'test-device');
          const name = (await readdir(folder)).find((file) => file.endsWith('.onnx')) ?? '';
          await truncate(join(folder, name), 5);
        },
        /is damaged/,
      ],
      'with fields that cannot be': [() => rewrite({ intervals: { latency: 3 } }), /intervals/],
    };
    for (const [what, [spoil, says]] of Object.entries(cases)) {
      it(`${what}: is not used, with a warning`, async () => {
        await spoil();
        assert.equal(await load(), null);
        assert.match(warnings[0] ?? '', says);
        assert.match(warnings[0] ?? '', /The shipped estimator is; calibrate again/);
        const run = newRun();
        await run.ready;
        assert.equal(run.status().summary, null);
      });
    }
  });
});
