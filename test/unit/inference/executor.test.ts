import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceExecutor } from '../../../src/inference/executor';
import { isEcomapError, type EcomapError } from '../../../src/signals/errors';
import type { InferenceResult } from '../../../src/signals/inference';
import { telemetrySchema } from '../../../src/signals/telemetry';
import type { Tenant } from '../../../src/signals/tenant';
import { doublingModel, scoringModel, slowModel, writeModel } from '../../support/onnx-builder';
import {
  codeOf,
  component,
  isRunning,
  planOf,
  temporaryDirectory,
  tenantOf,
  TestDevice,
  until,
  type TestVariant,
} from './support';

describe('inference executor', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let executor: InferenceExecutor;
  let device: TestDevice;
  let problems: string[];
  let exact: TestVariant;
  let light: TestVariant;
  let lightest: TestVariant;

  before(async () => {
    models = await temporaryDirectory();
    const file = async (name: string, model: Buffer) => writeModel(models.path, `${name}.onnx`, model);
    exact = { name: 'exact', accuracy: 0.9, ...(await file('exact', slowModel(64, 8))) };
    light = { name: 'light', accuracy: 0.8, ...(await file('light', slowModel(64, 2))) };
    lightest = { name: 'lightest', accuracy: 0.6, ...(await file('lightest', slowModel(64, 1))) };
  });
  after(() => models.remove());
  afterEach(async () => {
    resume();
    await executor.close();
  });

  const serve = async (tenants: readonly Tenant[], more: { cores?: number; queueLength?: number } = {}) => {
    device = new TestDevice(more.cores === 2 ? [component(0), component(1)] : [component(0)]);
    problems = [];
    executor = new InferenceExecutor({ device, tenants, queueLength: more.queueLength });
    executor.on('problem', (error, tenant) => problems.push(`${tenant} ${error.code}`));
    await executor.start();
  };
  const square = { data: new Float32Array(4096).fill(0.1), dims: [64, 64], type: 'float32' };
  const infer = (tenant: string, more: object = {}) => executor.infer({ tenant, payload: square, ...more });
  const codes = async (requests: readonly Promise<InferenceResult>[]) => {
    const outcomes = await Promise.allSettled(requests);
    const counts: Record<string, number> = {};
    for (const outcome of outcomes) {
      const code =
        outcome.status === 'fulfilled' ? 'answered' : isEcomapError(outcome.reason) ? outcome.reason.code : 'wrong';
      counts[code] = (counts[code] ?? 0) + 1;
    }
    return counts;
  };

  /** A stopped host holds what it has been given: so a test decides what waits in the queue. */
  const stopped: number[] = [];
  const stopHosts = () => {
    for (const { pid } of executor.state().hosts) {
      assert.ok(pid !== null);
      process.kill(pid, 'SIGSTOP');
      stopped.push(pid);
    }
  };
  const resume = () => {
    for (const pid of stopped.splice(0)) if (isRunning(pid)) process.kill(pid, 'SIGCONT');
  };
  const blockWith = async (tenant: string) => {
    stopHosts();
    const blocker = infer(tenant);
    await until(() => executor.state().tenants.every(({ queued }) => queued === 0));
    return blocker;
  };

  it('serves alone: the most accurate eligible variants, spread over the components', async () => {
    const free = tenantOf('free', [light, exact]);
    const pinned = tenantOf('pinned', [exact, light], { override: { mode: 'pin', variant: 'light' } });
    const third = tenantOf('third', [lightest]);
    await serve([free, pinned, third], { cores: 2 });
    assert.deepEqual(
      executor.state().tenants.map(({ tenant, variant, component: where }) => [tenant, variant, where]),
      [
        ['free', 'exact', 'cpu0'],
        ['pinned', 'light', 'cpu1'],
        ['third', 'lightest', 'cpu0'],
      ],
    );
    const { payload, account } = await infer('pinned');
    assert.equal(account.variant, 'light');
    assert.deepEqual(account.components, ['cpu1']);
    assert.equal(account.degraded, true);
    assert.equal(account.deadlineMet, true);
    assert.ok(account.latencyMs >= account.runMs);
    assert.ok(account.energyJ !== null && account.energyJ > 0);
    assert.equal(account.carbonG, null);
    assert.ok(typeof payload === 'object' && payload !== null && 'y' in payload);
  });

  it('answers in the declared form, with grams once the grid is known', async () => {
    const scores = await writeModel(models.path, 'scores.onnx', scoringModel(3, 2));
    const value = await writeModel(models.path, 'value.onnx', doublingModel([1, 1]));
    await serve([
      tenantOf('classes', [{ name: 'v', accuracy: 1, ...scores }], {
        output: { kind: 'label', labels: ['bad', 'good'] },
      }),
      tenantOf('gauge', [{ name: 'v', accuracy: 1, ...value }], { output: { kind: 'value', unit: 'bar' } }),
    ]);
    executor.onCarbon({ intensityGPerKwh: 360 });
    const label = await executor.infer({ tenant: 'classes', payload: [1, 2, 3] });
    assert.deepEqual(label.payload, { label: 'good', index: 1, score: 7, scores: [6, 7] });
    const { energyJ, carbonG } = label.account;
    assert.ok(energyJ !== null && carbonG !== null);
    assert.ok(Math.abs(carbonG - energyJ * 1e-4) < 1e-12);
    assert.deepEqual((await executor.infer({ tenant: 'gauge', payload: [2] })).payload, { value: 4, unit: 'bar' });
  });

  it('a queue of 8, offered 10 behind a busy host, refuses exactly 2', async () => {
    await serve([tenantOf('one', [exact])], { queueLength: 8 });
    const blocker = blockWith('one');
    await until(() => executor.state().hosts[0]?.state === 'ready');
    const offered = Array.from({ length: 10 }, () => infer('one'));
    assert.equal(executor.state().tenants[0]?.queued, 8);
    resume();
    assert.deepEqual(await codes([blocker, ...offered]), { answered: 9, QUEUE_FULL: 2 });
    const [counted] = executor.takeTelemetry().tenants;
    assert.deepEqual(
      [counted?.offered, counted?.served, counted?.rejected, counted?.failed, counted?.reasons],
      [11, 9, 2, 0, { QUEUE_FULL: 2 }],
    );
  });

  it('refuses what waits beyond its deadline while it waits, and what comes too late at once', async () => {
    await serve([tenantOf('one', [exact])]);
    const blocker = blockWith('one');
    assert.equal(await codeOf(infer('one', { deadlineMs: Date.now() - 1 })), 'DEADLINE_EXCEEDED');
    const patient = infer('one', { deadlineMs: Date.now() + 60_000 });
    const hurried = [5, 20].map((inMs) => infer('one', { deadlineMs: Date.now() + inMs }));
    // The host is still stopped: they are told although nothing moves.
    assert.deepEqual(await codes(hurried), { DEADLINE_EXCEEDED: 2 });
    resume();
    assert.deepEqual(await codes([blocker, patient]), { answered: 2 });
    assert.deepEqual(executor.takeTelemetry().tenants[0]?.reasons, { DEADLINE_EXCEEDED: 3 });
  });

  it('an answer after its latency limit is served, late, and without merit', async () => {
    await serve([tenantOf('one', [exact], { latencyLimitMs: 1 })]);
    const blocker = blockWith('one');
    await new Promise((resolve) => setTimeout(resolve, 5));
    resume();
    assert.equal((await blocker).account.deadlineMet, false);
    const [counted] = executor.takeTelemetry().tenants;
    assert.deepEqual([counted?.served, counted?.late, counted?.effectiveAccuracy], [1, 1, null]);
  });

  it('answers by priority, then by arrival', async () => {
    await serve([tenantOf('one', [exact], { priority: 2 }), tenantOf('other', [exact], { priority: 1 })]);
    const blocker = blockWith('one');
    const order: string[] = [];
    const note = (name: string, request: Promise<InferenceResult>) => request.then(() => order.push(name));
    const all = [
      note('low first', infer('one')),
      note('low second', infer('one')),
      note('urgent', infer('one', { priority: 1 })),
      note('other', infer('other')),
    ];
    resume();
    await Promise.all([blocker, ...all]);
    assert.deepEqual(order.slice(2), ['low first', 'low second']);
    assert.deepEqual(order.slice(0, 2).sort(), ['other', 'urgent']);
  });

  it('kill -9 under load: what was in flight ends in HOST_CRASHED, what waited is answered by the next process', async () => {
    const slow = { name: 'slow', accuracy: 0.9, ...(await writeModel(models.path, 'slow.onnx', slowModel(256, 200))) };
    await serve([tenantOf('one', [slow])]);
    const request = () =>
      executor.infer({ tenant: 'one', payload: { data: new Float32Array(65536), dims: [256, 256], type: 'float32' } });
    const all = Array.from({ length: 5 }, request);
    await until(() => executor.state().tenants[0]?.queued === 4);
    const pid = executor.state().hosts[0]?.pid;
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    assert.deepEqual(await codes(all), { HOST_CRASHED: 1, answered: 4 });
    assert.deepEqual(await codes([request()]), { answered: 1 });
    const telemetry = executor.takeTelemetry();
    assert.deepEqual([telemetry.tenants[0]?.failed, telemetry.tenants[0]?.served], [1, 5]);
    assert.equal(telemetry.components[0]?.restarts, 1);
  });

  it('32 swaps and moves under 16 concurrent clients lose nothing', async () => {
    await serve([tenantOf('one', [exact, light, lightest]), tenantOf('two', [exact, light])], { cores: 2 });
    let running = true;
    const seen = new Set<string>();
    let answered = 0;
    const client = async (tenant: string) => {
      while (running) {
        const { account } = await infer(tenant);
        seen.add(`${tenant} ${account.variant} ${account.components.join()}`);
        answered += 1;
      }
    };
    const clients = Array.from({ length: 16 }, (_, index) => client(index % 2 === 0 ? 'one' : 'two'));
    let swaps = 0;
    for (let round = 0; round < 32; round += 1) {
      const before = answered;
      const variant = ['light', 'lightest', 'exact'][round % 3] ?? 'exact';
      const outcome = await executor.applyPlan(
        planOf({ one: [variant, `cpu${round % 2}`], two: [round % 2 === 0 ? 'light' : 'exact', 'cpu1'] }),
      );
      assert.equal(outcome.applied, true);
      swaps += outcome.swaps;
      await until(() => answered > before);
    }
    running = false;
    await Promise.all(clients);
    const telemetry = executor.takeTelemetry();
    const sum = (what: 'offered' | 'served' | 'rejected' | 'failed' | 'swaps') =>
      telemetry.tenants.reduce((total, tenant) => total + tenant[what], 0);
    assert.deepEqual([sum('offered'), sum('served'), sum('rejected'), sum('failed')], [answered, answered, 0, 0]);
    assert.equal(swaps, 64);
    assert.equal(sum('swaps'), 64);
    assert.ok(seen.size >= 6, [...seen].join('; '));
  });

  it('a plan that does not load leaves the old one in force, for every tenant', async () => {
    const path = join(models.path, 'broken.onnx');
    await writeFile(path, 'no model');
    await serve([tenantOf('one', [exact, { name: 'broken', accuracy: 0.5, path }]), tenantOf('two', [exact, light])]);
    const good = planOf({ one: ['exact', 'cpu0'], two: ['light', 'cpu0'] });
    assert.deepEqual(await executor.applyPlan(good), { applied: true, swaps: 1, why: [] });
    assert.equal(
      await codeOf(executor.applyPlan(planOf({ one: ['broken', 'cpu0'], two: ['exact', 'cpu0'] }))),
      'MODEL_INVALID',
    );
    assert.deepEqual(
      executor.state().tenants.map(({ variant }) => variant),
      ['exact', 'light'],
    );
    assert.equal(executor.state().planId, good.planId);
    assert.deepEqual(await codes([infer('one'), infer('two')]), { answered: 2 });
  });

  it('refuses plans for what does not exist', async () => {
    await serve([tenantOf('one', [exact])]);
    const refused = async (placement: Parameters<typeof planOf>[0], pattern: RegExp) => {
      await assert.rejects(executor.applyPlan(planOf(placement)), (error: EcomapError) => {
        assert.equal(error.code, 'INVALID_MESSAGE');
        assert.match(error.message, pattern);
        return true;
      });
    };
    await refused({ one: ['unheard of', 'cpu0'] }, /no variant "unheard of": it has exact/);
    await refused({ one: ['exact', 'gpu'] }, /component "gpu", which has no inference host/);
    await refused({ one: ['exact', 'cpu0', 'cpu9'] }, /component "cpu9", which has no inference host/);
    const { why } = await executor.applyPlan(planOf({ somebody: ['x', 'cpu0'] }));
    assert.deepEqual(why, ['one is not in the plan and stays as it is', 'somebody is not served here']);
  });

  it('of plans that arrive while one is applied, only the latest counts', async () => {
    await serve([tenantOf('one', [exact, light, lightest])]);
    const outcomes = await Promise.all(
      ['light', 'exact', 'lightest', 'light'].map((variant) => executor.applyPlan(planOf({ one: [variant, 'cpu0'] }))),
    );
    assert.deepEqual(
      outcomes.map(({ applied, swaps }) => [applied, swaps]),
      [
        [true, 1],
        [false, 0],
        [false, 0],
        [true, 0],
      ],
    );
    assert.equal(executor.state().tenants[0]?.variant, 'light');
  });

  it('goes on without a tenant that cannot be loaded, and takes it in once a plan can', async () => {
    const late = join(models.path, 'late.onnx');
    const tenants = [
      tenantOf('absent', [{ name: 'v', accuracy: 0.9, path: late }]),
      tenantOf('changed', [{ ...exact, sha256: 'f'.repeat(64) }]),
      tenantOf('misfit', [exact], { input: { dims: [1, 3] } }),
      tenantOf('unlabelled', [exact], { output: { kind: 'label', labels: ['a', 'b'] } }),
      tenantOf('good', [exact]),
    ];
    await serve(tenants);
    assert.deepEqual(problems.sort(), [
      'absent MODEL_NOT_FOUND',
      'changed MODEL_HASH_MISMATCH',
      'misfit INPUT_MISMATCH',
      'unlabelled INVALID_CONFIG',
    ]);
    assert.deepEqual(await codes(tenants.map(({ name }) => infer(name))), {
      MODEL_NOT_FOUND: 1,
      MODEL_HASH_MISMATCH: 1,
      INPUT_MISMATCH: 1,
      INVALID_CONFIG: 1,
      answered: 1,
    });
    await writeModel(models.path, 'late.onnx', slowModel(64, 1));
    const plan = planOf(
      Object.fromEntries(tenants.map(({ name, variants }) => [name, [variants[0]?.name ?? '', 'cpu0']])),
    );
    const { applied, why } = await executor.applyPlan(plan);
    assert.equal(applied, true);
    assert.equal(why.length, 3);
    assert.deepEqual(await codes([infer('absent'), infer('good')]), { answered: 2 });
  });

  it('bad payloads end in INPUT_MISMATCH and an unknown tenant in INVALID_MESSAGE, while others are served', async () => {
    await serve([tenantOf('one', [exact])]);
    const bad = [undefined, 'x'.repeat(1024 * 1024), [1, 2, 3], { data: [], dims: [0] }, Buffer.from('hello')];
    const requests = [...bad.map((payload) => executor.infer({ tenant: 'one', payload })), infer('one')];
    assert.deepEqual(await codes(requests), { INPUT_MISMATCH: bad.length, answered: 1 });
    assert.equal(await codeOf(infer('nobody')), 'INVALID_MESSAGE');
    const [counted] = executor.takeTelemetry().tenants;
    assert.deepEqual([counted?.offered, counted?.rejected], [bad.length + 1, bad.length]);
  });

  it('telemetry fits its schema and starts afresh', async () => {
    await serve([tenantOf('one', [exact, light])]);
    await executor.applyPlan(planOf({ one: ['light', 'cpu0'] }));
    await Promise.all([infer('one'), infer('one')]);
    const telemetry = executor.takeTelemetry();
    assert.deepEqual(telemetrySchema.parse(telemetry), telemetry);
    const [tenant] = telemetry.tenants;
    assert.deepEqual(
      [tenant?.variant, tenant?.served, tenant?.effectiveAccuracy, tenant?.alwaysMaxEnergyJ, tenant?.swaps],
      ['light', 2, 0.8, 1, 1],
    );
    assert.deepEqual(
      tenant?.byVariant.map(({ variant, served, inTime }) => [variant, served, inTime]),
      [['light', 2, 2]],
    );
    assert.ok((tenant?.energyJ ?? 0) > 0);
    assert.ok((telemetry.components[0]?.busyFraction ?? 0) > 0);
    assert.equal(telemetry.energy.totalJ, null);
    assert.equal(telemetry.capW, 12);
    const next = executor.takeTelemetry();
    assert.deepEqual([next.tenants[0]?.offered, next.tenants[0]?.latencyMs, next.tenants[0]?.energyJ], [0, null, 0]);
    assert.equal(next.windowFrom, telemetry.windowTo);
  });

  it('requests that come while the models are still being loaded are answered', async () => {
    device = new TestDevice();
    executor = new InferenceExecutor({ device, tenants: [tenantOf('one', [exact])] });
    const started = executor.start();
    const early = infer('one');
    await started;
    assert.equal((await early).account.variant, 'exact');
  });

  it('close answers what waits, refuses what comes, and leaves neither process nor file behind', async () => {
    await serve([tenantOf('one', [exact])], { cores: 2 });
    const pids = executor.state().hosts.map(({ pid }) => pid ?? 0);
    const waiting = Array.from({ length: 6 }, () => infer('one'));
    const closed = executor.close();
    const late = codeOf(infer('one'));
    assert.deepEqual(await codes(waiting), { answered: 6 });
    assert.equal(await late, 'NODE_CLOSED');
    await closed;
    assert.deepEqual(pids.map(isRunning), [false, false]);
    const left = await readdir('/dev/shm').catch(() => []);
    assert.deepEqual(
      left.filter((name) => name.includes(`-${process.pid}-`)),
      [],
    );
    assert.equal(executor.state().phase, 'closed');
    assert.equal(await codeOf(executor.applyPlan(planOf({}))), 'NODE_CLOSED');
  });

  it('close during the start ends everything, too', async () => {
    device = new TestDevice();
    executor = new InferenceExecutor({ device, tenants: [tenantOf('one', [exact])] });
    const started = executor.start().catch(() => undefined);
    const waiting = codeOf(infer('one'));
    await executor.close();
    await started;
    assert.equal(await waiting, 'NODE_CLOSED');
    assert.ok(device.registered.every(({ pid }) => !isRunning(pid)));
  });

  it('when no host comes up, what waits and what comes is told why, and nothing hangs', async () => {
    const script = join(models.path, 'dead.js');
    await writeFile(script, 'process.exit(3)');
    device = new TestDevice();
    const hostEntry = { script, execArgv: [] };
    executor = new InferenceExecutor({ device, tenants: [tenantOf('one', [exact])], hostEntry });
    const early = codeOf(infer('one'));
    assert.equal(await codeOf(executor.start()), 'HOST_CRASHED');
    assert.deepEqual([await early, await codeOf(infer('one'))], ['HOST_CRASHED', 'HOST_CRASHED']);
    assert.equal(executor.state().tenants[0]?.problem?.code, 'HOST_CRASHED');
    const [counted] = executor.takeTelemetry().tenants;
    assert.deepEqual([counted?.offered, counted?.rejected], [2, 2]);
  });

  it('a deadline further away than timers reach is waited for without spinning', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error) => void warnings.push(name);
    process.on('warning', note);
    try {
      await serve([tenantOf('one', [exact])]);
      const blocker = blockWith('one');
      const patient = infer('one', { deadlineMs: Date.now() + 1e12 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      resume();
      assert.deepEqual(await codes([blocker, patient]), { answered: 2 });
    } finally {
      process.off('warning', note);
    }
    assert.deepEqual(warnings, []);
  });

  it('two tenants of one name are a mistake', () => {
    const tenants = [tenantOf('one', [exact]), tenantOf('one', [light])];
    assert.throws(() => new InferenceExecutor({ device: new TestDevice(), tenants }), { code: 'INVALID_CONFIG' });
  });
});
