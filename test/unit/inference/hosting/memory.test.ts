import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultRecycleRules, MemoryGuard, type ProcessReading } from '../../../../src/inference/hosting/memory-guard';
import { availableMemoryBytes, modelFileBytes } from '../../../../src/inference/hosting/memory-limit';
import { ResidentModels } from '../../../../src/inference/hosting/resident-models';
import { doublingModel, writeModel } from '../../../support/onnx-builder';
import { codeOf, planOf, temporaryDirectory, tenantOf, until, type TestVariant } from '../support';
import { hostEntryWith } from './misbehaving-host';
import { outcomes, Served } from './served';

const mb = 1024 * 1024;

describe('memory guard', () => {
  const guard = () => new MemoryGuard(1000 * mb, { afterHours: 24, growthMb: 200 });
  const reading = (rssMb: number, more: Partial<ProcessReading> = {}): ProcessReading => ({
    pid: 1,
    rssBytes: rssMb * mb,
    modelChanges: 1,
    modelBytes: 300 * mb,
    hasIdleModels: false,
    isIdle: true,
    nowMs: 0,
    ...more,
  });

  it('leaves a process alone that is as it was', () => {
    const watched = guard();
    for (const rssMb of [500, 520, 500]) assert.equal(watched.judge(reading(rssMb)).kind, 'none');
  });

  it('ends one that is beyond its limit, naming the limit', () => {
    const measure = guard().judge(reading(1100));
    assert.equal(measure.kind, 'kill');
    assert.match(measure.kind === 'kill' ? measure.why : '', /1100 MB, beyond its memory limit of 1000 MB/);
  });

  it('near the limit frees idle models first, then replaces the process, unless that is full of models', () => {
    const watched = guard();
    watched.judge(reading(500));
    const evict = watched.judge(reading(900, { hasIdleModels: true }));
    assert.deepEqual(evict, { kind: 'evict', modelBudgetBytes: 100 * mb });
    assert.equal(watched.judge(reading(900)).kind, 'recycle');
    const full = guard();
    full.judge(reading(890));
    assert.equal(full.judge(reading(900)).kind, 'none');
  });

  it('replaces one that has grown since its models changed, when nothing waits', () => {
    const watched = guard();
    watched.judge(reading(300));
    assert.equal(watched.judge(reading(600, { modelChanges: 2 })).kind, 'none', 'models are no growth');
    assert.equal(watched.judge(reading(801, { modelChanges: 2, isIdle: false })).kind, 'none');
    assert.equal(watched.judge(reading(801, { modelChanges: 2 })).kind, 'recycle');
  });

  it('replaces one that is old, when idle or after a while', () => {
    const watched = guard();
    watched.judge(reading(300));
    const later = (hours: number, isIdle: boolean) =>
      watched.judge(reading(300, { nowMs: hours * 3_600_000, isIdle })).kind;
    assert.deepEqual([later(23.9, true), later(24.1, false), later(24.2, true)], ['none', 'none', 'recycle']);
    assert.equal(later(24.5, false), 'recycle');
    assert.equal(watched.judge(reading(300, { pid: 2, nowMs: 25 * 3_600_000 })).kind, 'none', 'a new one is young');
    assert.ok(defaultRecycleRules.afterHours >= 1);
  });
});

describe('models in memory', () => {
  const model = (key: string) => ({ key, path: key, sha256: null });

  it('go in the order of their last use, and never while somebody needs them', () => {
    const residents = new ResidentModels(250);
    const [a, b, c] = ['a', 'b', 'c'].map((key) => {
      const residence = residents.add(model(key));
      residents.loaded(residence, 100);
      return residence;
    });
    assert.ok(a && b && c);
    assert.deepEqual(residents.overBudget(), []);
    for (const residence of [a, b, c]) residents.leave(residence);
    residents.use(a);
    residents.leave(a);
    assert.deepEqual(
      residents.overBudget().map(({ model: { key } }) => key),
      ['b'],
    );
    residents.use(b);
    assert.deepEqual(
      residents.overBudget(0).map(({ model: { key } }) => key),
      ['c', 'a'],
    );
  });
});

describe('the memory of hosts', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let served: Served;
  let model: TestVariant;

  before(async () => {
    models = await temporaryDirectory();
    model = { name: 'v', accuracy: 1, ...(await writeModel(models.path, 'v.onnx', doublingModel([1, 3]))) };
  });
  after(() => models.remove());
  const infer = (...payload: number[]) => served.executor.infer({ tenant: 'one', payload });

  it('a container limit counts when it is below the memory of the machine', async () => {
    const file = join(models.path, 'memory.max');
    await writeFile(file, '1048576\n');
    assert.equal(await availableMemoryBytes([file]), 1048576);
    await writeFile(file, 'max\n');
    const whole = await availableMemoryBytes([file]);
    assert.ok(whole > 1048576);
    await writeFile(file, '9223372036854771712\n');
    assert.equal(await availableMemoryBytes([file]), whole);
  });

  it('a model that is larger than the limit is not even loaded', async () => {
    const path = join(models.path, 'huge.onnx');
    await writeFile(path, 'x');
    await truncate(path, 300 * mb);
    await assert.rejects(modelFileBytes(path, 200 * mb), {
      code: 'MEMORY_EXCEEDED',
      message: /huge\.onnx has 300 MB, but an inference host may have 200 MB/,
    });
    const huge = { name: 'huge', accuracy: 0.5, path };
    served = await Served.start([tenantOf('one', [model, huge])], { hostMemoryLimitMb: 250 });
    try {
      assert.equal(await codeOf(served.executor.applyPlan(planOf({ one: ['huge', 'cpu0'] }))), 'MEMORY_EXCEEDED');
      assert.deepEqual(await outcomes([infer(1, 2, 3)]), { answered: 1 });
    } finally {
      await served.executor.close();
    }
  });

  it('a host that leaks is replaced by a fresh one before it reaches the limit, and nobody notices', async () => {
    const hostEntry = await hostEntryWith(
      models.path,
      // Between two looks at its memory it grows by less than lies between being near the limit and beyond it.
      'leaking',
      `const kept = [];
       onCommand(({ kind }) => { if (kind === 'run') kept.push(Buffer.alloc(512 * 1024, 1)); });`,
    );
    served = await Served.start([tenantOf('one', [model])], { hostEntry, hostMemoryLimitMb: 400 });
    try {
      const [first] = served.pids();
      let offered = 0;
      let answered = 0;
      await until(() => {
        const [host] = served.executor.state().hosts;
        // Near the limit it goes no further, so that also a busy machine has the time to replace it. One at a time: a queue full
        // of requests would carry it beyond the limit all the same.
        if (answered === offered && (host?.rssBytes ?? 0) < 0.87 * 400 * mb) {
          offered += 1;
          void infer(1, 2, 3).then(() => (answered += 1));
        }
        return host?.recycles === 1;
      });
      const [host] = served.executor.state().hosts;
      assert.notEqual(host?.pid, first);
      assert.match(host?.recycledBecause ?? '', /near its limit of 400 MB/);
      await until(() => served.executor.state().tenants[0]?.queued === 0);
      await infer(1, 2, 3);
      const { failed, served: count } = served.totals();
      assert.deepEqual([failed, host?.restarts], [0, 0]);
      assert.ok(answered > 0 && count >= answered);
    } finally {
      await served.executor.close();
    }
  });

  it('a host that grows beyond the limit at once is ended, and what it worked on is told why', async () => {
    const hostEntry = await hostEntryWith(
      models.path,
      'greedy',
      `let kept;
       onCommand(({ kind, requests }) => {
         if (kind !== 'run' || requests[0][0].data[0] !== 666) return;
         kept = Buffer.alloc(500 * 1024 * 1024, 1);
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       });`,
    );
    served = await Served.start([tenantOf('one', [model])], { hostEntry, hostMemoryLimitMb: 300 });
    try {
      await assert.rejects(infer(666, 0, 0), { code: 'HOST_CRASHED', message: /beyond its memory limit of 300 MB/ });
      await until(() => served.executor.state().hosts[0]?.state === 'ready');
      assert.deepEqual(await outcomes([infer(1, 2, 3)]), { answered: 1 });
      assert.equal(served.executor.state().hosts[0]?.restarts, 1);
    } finally {
      await served.executor.close();
    }
  });

  it('a host that goes on growing while it should give idle models back is ended all the same', async () => {
    const hostEntry = await hostEntryWith(
      models.path,
      'insatiable',
      `const kept = [];
       const grow = (share) => kept.push(Buffer.alloc(Math.max(0, share * 300 * 1024 * 1024 - process.memoryUsage.rss()), 1));
       onCommand(({ kind, requests }) => {
         if (kind !== 'run' || requests[0][0].data[0] !== 666) return;
         grow(0.92);
         const never = new Int32Array(new SharedArrayBuffer(4));
         Atomics.wait(never, 0, 0, 2000);
         grow(1.3);
         Atomics.wait(never, 0, 0);
       });`,
    );
    const other = { name: 'w', accuracy: 0.9, ...(await writeModel(models.path, 'w.onnx', doublingModel([1, 3]))) };
    served = await Served.start([tenantOf('one', [model, other])], { hostEntry, hostMemoryLimitMb: 300 });
    try {
      await served.executor.applyPlan(planOf({ one: ['w', 'cpu0'] }));
      assert.equal(served.executor.state().hosts[0]?.models, 2);
      await assert.rejects(infer(666, 0, 0), { code: 'HOST_CRASHED', message: /beyond its memory limit of 300 MB/ });
    } finally {
      await served.executor.close();
    }
  });

  it('a host that has grown old is replaced while it serves', async () => {
    served = await Served.start([tenantOf('one', [model])], { recycle: { afterHours: 1e-5 } });
    try {
      const [first] = served.pids();
      await until(() => served.executor.state().hosts[0]?.recycles === 1);
      assert.notEqual(served.pids()[0], first);
      assert.deepEqual(await outcomes([infer(1, 2, 3)]), { answered: 1 });
      assert.match(served.executor.state().hosts[0]?.recycledBecause ?? '', /has run for/);
      const counts = () =>
        served.executor.takeTelemetry().components.map(({ recycled, restarts }) => [recycled, restarts]);
      assert.deepEqual([counts(), counts()], [[[1, 0]], [[0, 0]]]);
    } finally {
      await served.executor.close();
    }
  });
});
