import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../../src/inference/clock';
import { Deployment } from '../../../../src/inference/hosting/deployment';
import type { RunAnswer } from '../../../../src/inference/host/protocol';
import { HostProcess } from '../../../../src/inference/hosting/host-process';
import type { FramedRun } from '../../../../src/inference/hosting/host-run';
import { Dispatcher } from '../../../../src/inference/serving/dispatcher';
import { TenantService } from '../../../../src/inference/serving/tenant-service';
import type { LoadedVariant } from '../../../../src/inference/serving/variant-server';
import { openSlotDirectory, type SlotDirectory } from '../../../../src/inference/shared-memory/slot-directory';
import { Pipeline } from '../../../../src/inference/stages/pipeline';
import type { StageHost } from '../../../../src/inference/stages/stage-deployment';
import { EcomapError } from '../../../../src/signals/errors';
import type { InferenceResult } from '../../../../src/signals/inference';
import type { Tenant } from '../../../../src/signals/tenant';
import { Random } from '../../../../src/simulation/random';
import { sampleGenerators } from '../../../../src/simulation/samples';
import { onnxModel, writeModel, type ModelDescription } from '../../../support/onnx-builder';
import { codeOf, component, temporaryDirectory, tenantOf, until } from '../support';

/** Runs of the stages on one host: what was fed, and how many have ended. */
class WatchedHost implements StageHost {
  readonly runs: FramedRun[] = [];
  ended = 0;

  constructor(readonly host: HostProcess) {}
  get component() {
    return this.host.component;
  }
  load: StageHost['load'] = (model) => this.host.load(model);
  unload: StageHost['unload'] = (key) => this.host.unload(key);
  async runFrames(key: string, run: FramedRun): Promise<RunAnswer> {
    this.runs.push(run);
    try {
      return await this.host.runFrames(key, run);
    } finally {
      this.ended += 1;
    }
  }
}

const dims = ['batch', 4];

/**
 * left = relu(x); deep = left + 1 / 0 * 0 ... in four nodes that compute; "skipped" is needed by the last alone, "early" is an
 * output of the first stage.
 */
const skipping: ModelDescription = {
  nodes: [
    { op: 'Mul', inputs: ['x', 'two'], output: 'early' },
    { op: 'Add', inputs: ['early', 'x'], output: 'tripled' },
    { op: 'Neg', inputs: ['tripled'], output: 'negated' },
    { op: 'Sub', inputs: ['skipped', 'negated'], output: 'late' },
  ],
  inputs: [
    { name: 'x', dims },
    { name: 'skipped', dims },
  ],
  outputs: [
    { name: 'late', dims },
    { name: 'early', dims },
  ],
  weights: { two: { dims: [], data: new Float32Array([2]) } },
};

/** y = -(x / 0) ... infinity between two stages: 1 / (1 / x) of x = 0 is 0 again. */
const throughInfinity: ModelDescription = {
  nodes: [
    { op: 'Reciprocal', inputs: ['x'], output: 'inverse' },
    { op: 'Reciprocal', inputs: ['inverse'], output: 'y' },
  ],
  inputs: [{ name: 'x', dims }],
  outputs: [{ name: 'y', dims }],
};

describe('a variant in stages', function () {
  this.timeout(60_000);
  let directory: { path: string; remove: () => Promise<void> };
  let slots: SlotDirectory;
  let hosts: HostProcess[];
  let watched: WatchedHost[];
  let dispatchers: Dispatcher[];
  let stopped: number[];
  let pipelines: Pipeline[];

  beforeEach(async () => {
    directory = await temporaryDirectory();
    slots = await openSlotDirectory();
    stopped = [];
    pipelines = [];
    hosts = [0, 1].map(
      (core) => new HostProcess({ component: component(core), slots, device: null, leastHangMs: 60_000 }),
    );
    watched = hosts.map((host) => new WatchedHost(host));
    dispatchers = hosts.map((host) => {
      const dispatcher = new Dispatcher({ clock: systemClock, ready: () => host.state === 'ready' });
      host.on('state', () => dispatcher.pump());
      return dispatcher;
    });
    await Promise.all(hosts.map((host) => host.start()));
  });
  afterEach(async () => {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    await Promise.all(hosts.map((host) => host.close()));
    await slots.remove();
    await directory.remove();
  });

  function pidOf(host: number): number {
    const pid = hosts[host]?.pid;
    assert.ok(pid);
    return pid;
  }
  const stop = (host: number) => {
    stopped.push(pidOf(host));
    process.kill(pidOf(host), 'SIGSTOP');
  };
  const go = () => {
    for (const pid of stopped.splice(0)) process.kill(pid, 'SIGCONT');
  };

  const tenantWith = async (model: ModelDescription, more: object = {}) => {
    const { path } = await writeModel(directory.path, 'model.onnx', onnxModel(model));
    return tenantOf('staged', [{ name: 'only', path, accuracy: 1 }], more);
  };

  /** Stages that begin at these nodes, on the two hosts in turn. */
  async function prepare(tenant: Tenant, starts: readonly number[], cacheDirectory: string | null = null) {
    const [variant] = tenant.variants;
    assert.ok(variant);
    const places = starts.map((firstNode, index) => {
      const [host, dispatcher] = [watched[index % 2], dispatchers[index % 2]];
      assert.ok(host && dispatcher);
      return { host, dispatcher, firstNode };
    });
    const pipeline = await Pipeline.prepare({
      tenant,
      variant,
      places,
      slots,
      cacheDirectory,
      clock: systemClock,
    });
    pipelines.push(pipeline);
    for (const host of watched) host.runs.length = host.ended = 0;
    return pipeline;
  }

  function serve(tenant: Tenant, loaded: LoadedVariant): TenantService<LoadedVariant> {
    const service: TenantService<LoadedVariant> = new TenantService<LoadedVariant>({
      tenant,
      queueLength: 100,
      clock: systemClock,
      energyJ: (name, cpuMs) => (name === 'cpu0' ? cpuMs : 10 * cpuMs),
      carbonG: () => null,
      onWaiting: () => dispatchers[0]?.pump(),
    });
    service.deploy(loaded, ['a test']);
    dispatchers[0]?.attach(service);
    return service;
  }

  const x = (value: number, rows = 1) => ({
    type: 'float32',
    dims: [rows, 4],
    data: new Float32Array(4 * rows).fill(value),
  });
  const outputsOf = ({ payload }: InferenceResult) =>
    Object.fromEntries(
      Object.entries(payload as Record<string, { data: Float32Array }>).map(([name, { data }]) => [name, [...data]]),
    );
  const four = (value: number) => [value, value, value, value];

  it('answers as the whole does, whatever skips a stage, on as many stages as there are nodes', async () => {
    const tenant = await tenantWith(skipping);
    for (const starts of [
      [0, 1],
      [0, 2],
      [0, 3],
      [0, 1, 2, 3],
    ]) {
      const pipeline = await prepare(tenant, starts);
      const service = serve(tenant, pipeline);
      const result = await service.submit({ tenant: 'staged', payload: { x: x(5), skipped: x(100) } });
      assert.deepEqual(outputsOf(result), { late: four(115), early: four(10) });
      assert.deepEqual(result.account.components, ['cpu0', 'cpu1']);
      dispatchers[0]?.detach(service);
      await pipeline.retire();
    }
  });

  it('answers as the whole does for a demonstration variant, to the last digits', async () => {
    const path = join(__dirname, '../../../../models/inspect/small.onnx');
    const tenant = tenantOf('staged', [{ name: 'only', path, accuracy: 1 }]);
    const { data, dims: shape } = sampleGenerators.inspect(new Random(3));
    const payload = { type: 'float32', data, dims: shape };
    const [variant] = tenant.variants;
    const [host] = hosts;
    assert.ok(variant && host);
    const scores = async (loaded: LoadedVariant) => {
      const service = serve(tenant, loaded);
      const answer = await service.submit({ tenant: 'staged', payload });
      dispatchers[0]?.detach(service);
      return Object.values(outputsOf(answer))[0] ?? [];
    };
    const whole = await scores(await Deployment.prepare(tenant, variant, host));
    assert.equal(whole.length, 6);
    for (const firstNode of [5, 13, 20]) {
      const staged = await scores(await prepare(tenant, [0, firstNode]));
      whole.forEach((score, index) => assert.ok(Math.abs(score - (staged[index] ?? NaN)) <= 1e-6));
    }
  });

  it('hands tensors from host to host: their numbers do not pass through this process', async () => {
    const tenant = await tenantWith(skipping);
    const service = serve(tenant, await prepare(tenant, [0, 2]));
    await service.submit({ tenant: 'staged', payload: { x: x(5), skipped: x(100) } });
    const [fed] = watched[1]?.runs[0]?.requests ?? [];
    const tripled = fed?.find(({ name }) => name === 'tripled');
    assert.deepEqual([tripled?.isComputed, tripled?.data, typeof tripled?.offset], [true, undefined, 'number']);
  });

  it('adds up what each component has cost', async () => {
    const tenant = await tenantWith(skipping);
    const pipeline = await prepare(tenant, [0, 2]);
    const run = await pipeline.run([{ x: x(1), skipped: x(1) } as never], null, {
      urgency: { priority: 1, arrivedMs: 0, deadlineMs: null },
      refusal: () => null,
      onFree: () => undefined,
    });
    assert.deepEqual(
      run.parts?.map((part) => part.component),
      ['cpu0', 'cpu1'],
    );
    assert.ok(Math.abs(run.cpuMs - (run.parts ?? []).reduce((sum, part) => sum + part.cpuMs, 0)) < 1e-9);
    const { account } = await serve(tenant, pipeline).submit({ tenant: 'staged', payload: { x: x(5), skipped: x(1) } });
    assert.ok(account.energyJ !== null && account.energyJ > 0);
  });

  it('computes the next request while a later stage computes this one, but only so far ahead', async () => {
    const tenant = await tenantWith(skipping);
    const pipeline = await prepare(tenant, [0, 2]);
    const service = serve(tenant, pipeline);
    const [first, second] = watched;
    assert.ok(first && second);
    stop(1);
    const answers = Array.from({ length: 12 }, (_, index) =>
      service.submit({ tenant: 'staged', payload: { x: x(index), skipped: x(0) } }),
    );
    // The second component computes one (and may have been given another in advance), none of which ends; the first goes on.
    await until(() => first.runs.length >= 3 && !pipeline.accepts && first.ended === first.runs.length);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(second.ended, 0);
    assert.ok(second.runs.length === 1 || second.runs.length === 2, `${second.runs.length} in the second stage`);
    assert.equal(first.ended, second.runs.length + 2);
    assert.equal(pipeline.waiting, 2);
    go();
    const outputs = (await Promise.all(answers)).map((answer) => outputsOf(answer).late);
    assert.deepEqual(
      outputs,
      answers.map((_, index) => four(3 * index)),
    );
    assert.equal(pipeline.waiting, 0);
    assert.equal(pipeline.accepts, true);
  });

  it('lets the priority of requests decide at every stage', async () => {
    const tenant = await tenantWith(skipping);
    const service = serve(tenant, await prepare(tenant, [0, 2]));
    const order: number[] = [];
    const submit = (value: number, priority: number) =>
      service
        .submit({ tenant: 'staged', priority, payload: { x: x(value), skipped: x(0) } })
        .then(() => order.push(value));
    stop(1);
    const waiting = [submit(1, 3), submit(2, 3), submit(3, 3), submit(4, 3)];
    await until(() => (watched[0]?.ended ?? 0) >= 3 && service.queued === 0);
    go();
    await Promise.all(waiting);
    assert.deepEqual(order, [1, 2, 3, 4]);
  });

  for (const victim of [0, 1]) {
    it(`ends what is under way with HOST_CRASHED, once, when host ${victim} is killed, and serves on`, async () => {
      const tenant = await tenantWith(skipping);
      const pipeline = await prepare(tenant, [0, 2]);
      const service = serve(tenant, pipeline);
      stop(victim);
      const ends: string[] = [];
      const requests = Array.from({ length: 6 }, () =>
        codeOf(service.submit({ tenant: 'staged', payload: { x: x(1), skipped: x(0) } })).then((code) =>
          ends.push(code),
        ),
      );
      await until(() => (watched[victim]?.runs.length ?? 0) > 0);
      const underWay = (watched[victim]?.runs.length ?? 0) - (watched[victim]?.ended ?? 0);
      process.kill(pidOf(victim), 'SIGKILL');
      stopped = [];
      await Promise.all(requests);
      const crashed = ends.filter((code) => code === 'HOST_CRASHED').length;
      assert.ok(crashed >= 1 && crashed <= Math.max(2, underWay), ends.join(' '));
      assert.equal(ends.length, 6);
      assert.equal(ends.filter((code) => code === 'none: it resolved').length, 6 - crashed, ends.join(' '));
      const after = await service.submit({ tenant: 'staged', payload: { x: x(5), skipped: x(100) } });
      assert.deepEqual(outputsOf(after), { late: four(115), early: four(10) });
      assert.deepEqual([service.underWay, pipeline.waiting, pipeline.accepts], [0, 0, true]);
    });
  }

  it('computes batches together through all stages', async () => {
    const tenant = await tenantWith(skipping, { serving: { largestBatch: 4, batchDelayMs: 0 } });
    const pipeline = await prepare(tenant, [0, 2]);
    assert.equal(pipeline.batches, true);
    const service = serve(tenant, pipeline);
    const answers = await Promise.all(
      [1, 2, 3, 4].map((value) =>
        service.submit({ tenant: 'staged', payload: { x: x(value), skipped: x(10 * value) } }),
      ),
    );
    assert.deepEqual(
      answers.map((answer) => outputsOf(answer).late),
      [13, 26, 39, 52].map(four),
    );
    assert.ok(answers.some(({ account }) => account.batchSize > 1));
    assert.ok((watched[1]?.runs.length ?? 9) < 4);
  });

  it('lets infinity pass between stages, and refuses it in an input whichever stage reads it', async () => {
    const infinite = await tenantWith(throughInfinity, { nonFiniteInput: 'refuse' });
    const inner = await serve(infinite, await prepare(infinite, [0, 1])).submit({ tenant: 'staged', payload: x(0) });
    assert.deepEqual(outputsOf(inner), { y: four(0) });
    assert.equal(inner.account.nonFiniteInput, false);

    const refusing = await tenantWith(skipping, { nonFiniteInput: 'refuse' });
    const strict = serve(refusing, await prepare(refusing, [0, 2]));
    for (const payload of [
      { x: x(NaN), skipped: x(0) },
      { x: x(0), skipped: x(Infinity) },
    ]) {
      assert.equal(await codeOf(strict.submit({ tenant: 'staged', payload })), 'INPUT_MISMATCH');
    }
    const passing = await tenantWith(skipping);
    const lenient = serve(passing, await prepare(passing, [0, 2]));
    const { account } = await lenient.submit({ tenant: 'staged', payload: { x: x(0), skipped: x(Infinity) } });
    assert.equal(account.nonFiniteInput, true);
  });

  it('takes back a request between two stages', async () => {
    const tenant = await tenantWith(skipping);
    const service = serve(tenant, await prepare(tenant, [0, 2]));
    const [, second] = watched;
    assert.ok(second);
    stop(1);
    const controllers = [1, 2, 3, 4].map(() => new AbortController());
    const codes = controllers.map(({ signal }) =>
      codeOf(service.submit({ tenant: 'staged', signal, payload: { x: x(1), skipped: x(0) } })),
    );
    await until(() => (watched[0]?.ended ?? 0) === 4);
    const begun = second.runs.length;
    for (const controller of controllers) controller.abort();
    assert.deepEqual(
      await Promise.all(codes),
      four(0).map(() => 'CANCELLED'),
    );
    go();
    await until(() => service.underWay === 0);
    // Nothing is computed for nobody.
    assert.equal(second.runs.length, begun);
  });

  it('does not begin the next stage of what would be late, unless late answers are wanted', async () => {
    for (const whenLate of ['reject', 'wait'] as const) {
      const tenant = await tenantWith(skipping, { serving: { whenLate } });
      const service = serve(tenant, await prepare(tenant, [0, 2]));
      const [first, second] = watched;
      assert.ok(first && second);
      stop(1);
      const deadlineMs = Date.now() + 2000;
      const codes = [1, 2, 3, 4].map(() =>
        codeOf(service.submit({ tenant: 'staged', deadlineMs, payload: { x: x(1), skipped: x(0) } })),
      );
      await until(() => first.ended === 4);
      const begun = second.runs.length;
      await until(() => Date.now() > deadlineMs);
      go();
      const ends = await Promise.all(codes);
      const late = ends.filter((code) => code === 'DEADLINE_EXCEEDED').length;
      assert.equal(second.runs.length, whenLate === 'wait' ? 4 : begun);
      assert.equal(late, whenLate === 'wait' ? 0 : 4 - begun);
      assert.ok(begun > 0 && begun < 4);
      dispatchers[0]?.detach(service);
    }
  });

  it('ends also what comes to wait for a stage after that was given up, until it computes again', async () => {
    const tenant = await tenantWith(skipping);
    const pipeline = await prepare(tenant, [0, 2]);
    const service = serve(tenant, pipeline);
    stop(0);
    const end = () => codeOf(service.submit({ tenant: 'staged', payload: { x: x(1), skipped: x(0) } }));
    const lost = end();
    await until(() => watched[0]?.runs.length === 1);
    pipeline.abandon(new EcomapError('HOST_CRASHED', 'The second component is gone.'));
    go();
    assert.equal(await lost, 'HOST_CRASHED');
    pipeline.resume();
    assert.equal(await end(), 'none: it resolved');
  });

  it('is refused where there is no such cut, with those that are offered, and leaves nothing loaded', async () => {
    const tenant = await tenantWith(skipping);
    await assert.rejects(prepare(tenant, [0, 4]), {
      code: 'INVALID_MESSAGE',
      message: /has 4 nodes that compute.*A stage may begin with one of these: 1, 2, 3\./,
    });
    await assert.rejects(prepare(tenant, [0, 2, 2]), { code: 'INVALID_MESSAGE' });
    assert.deepEqual(
      hosts.map(({ models }) => models),
      [0, 0],
    );
  });

  it('frees the stages when what is under way has ended', async () => {
    const tenant = await tenantWith(skipping);
    const pipeline = await prepare(tenant, [0, 2]);
    const service = serve(tenant, pipeline);
    stop(1);
    const answer = service.submit({ tenant: 'staged', payload: { x: x(5), skipped: x(100) } });
    await until(() => watched[1]?.runs.length === 1);
    let retired = false;
    const retiring = pipeline.retire().then(() => (retired = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(retired, false);
    go();
    assert.deepEqual(outputsOf(await answer).late, four(115));
    await retiring;
    assert.deepEqual(
      hosts.map(({ models }) => models),
      [0, 0],
    );
  });

  it('keeps what it finds out about a model, and finds it out again where that is damaged', async () => {
    const cache = join(directory.path, 'cache');
    const tenant = await tenantWith(skipping);
    await (await prepare(tenant, [0, 2], cache)).retire();
    const [name, ...more] = await readdir(cache);
    assert.ok(name !== undefined && more.length === 0);
    await writeFile(join(cache, name), '{"version": 1');
    // New processes: what the old ones remember is gone.
    await Promise.all(hosts.map((host) => until(() => host.state === 'ready').then(() => host.kill('for a test'))));
    await until(() => hosts.every(({ state }) => state !== 'ready'));
    await until(() => hosts.every(({ state }) => state === 'ready'));
    const again = await prepare(tenant, [0, 2], cache);
    const { late } = outputsOf(
      await serve(tenant, again).submit({ tenant: 'staged', payload: { x: x(5), skipped: x(100) } }),
    );
    assert.deepEqual(late, four(115));
  });
});
