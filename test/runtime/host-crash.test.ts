import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientsInNodeRed, servingFlow } from '../support/clients-in-node-red';
import { exampleFlows } from '../support/ecomap-flow';
import { hostsOf, isRunning, NodeRedRuntime, until, type SeenMessage } from '../support/node-red-runtime';
import { slowNumberModel, writeModel } from '../support/onnx-builder';

describe('an inference host that is killed in a real flow', function () {
  this.timeout(120_000);
  let runtime: NodeRedRuntime;
  const seen: SeenMessage[] = [];

  /** Everything that arrived since the flow began. */
  const look = async (): Promise<SeenMessage[]> => {
    seen.push(...(await runtime.messages()));
    return seen;
  };
  const answersSince = (from: number) => seen.slice(from).filter(({ ecomap }) => ecomap !== undefined);

  before(async () => {
    runtime = await NodeRedRuntime.start();
  });
  after(async () => {
    await runtime?.stop();
  });

  it('ends its requests in HOST_CRASHED on Catch, comes back and answers, while Node-RED lives on', async () => {
    const flow = exampleFlows().get('01 - Start here.json');
    assert.ok(flow);
    // Twice the traffic, so that something is always under way.
    const busy = flow.map((node) => (node.type === 'ecomap-sample-requests' ? { ...node, ratePerS: 20 } : node));
    await runtime.deploy(busy);
    await until(async () => (answersSince(0).length >= 30 ? true : (await look(), null)), 'thirty answers');
    const hosts = await until(async () => {
      const found = await hostsOf(runtime.pid);
      return found.length > 0 ? found : null;
    }, 'an inference host');

    // An idle moment may lie between two requests: killing goes on until one was caught in the act.
    let crashes: SeenMessage[] = [];
    for (let round = 0; round < 10 && crashes.length === 0; round += 1) {
      const from = (await look()).length;
      const victims = await hostsOf(runtime.pid);
      for (const victim of victims) process.kill(victim, 'SIGKILL');
      const killedMs = Date.now();
      await until(
        async () => {
          await look();
          const alive = await hostsOf(runtime.pid);
          return alive.length >= hosts.length &&
            alive.every((pid) => !victims.includes(pid)) &&
            answersSince(from).length > 0
            ? true
            : null;
        },
        'new hosts and an answer',
        30_000,
      );
      assert.ok(Date.now() - killedMs < 10_000, 'the next answer took more than 10 s on a machine under test load');
      crashes = seen.filter(({ error }) => error?.code === 'HOST_CRASHED');
    }
    assert.ok(crashes.length > 0, 'no request was under way in ten kills');
    for (const { error } of crashes) assert.match(error?.message ?? '', /host/i);
    const codes = new Set(seen.flatMap(({ error }) => (error?.code === undefined ? [] : [error.code])));
    for (const code of codes) assert.ok(['HOST_CRASHED', 'QUEUE_FULL', 'DEADLINE_EXCEEDED'].includes(code), code);
  });
});

describe('inference hosts that are killed and stopped under load in a real flow', function () {
  this.timeout(180_000);
  let models: string;
  let clients: ClientsInNodeRed;

  before(async () => {
    models = await mkdtemp(join(tmpdir(), 'ecomap-crash-'));
    clients = await ClientsInNodeRed.start();
  });
  after(async () => {
    await clients?.runtime.stop();
    await rm(models, { recursive: true, force: true });
  });

  /** The host that computes on a core. */
  const hostOn = async (core: number): Promise<number> => {
    const pid = await until(async () => {
      for (const host of await hostsOf(clients.runtime.pid)) {
        const status = await readFile(`/proc/${host}/status`, 'utf8').catch(() => '');
        if (new RegExp(`^Cpus_allowed_list:\\s*${core}$`, 'm').test(status)) return host;
      }
      return null;
    }, `a host on core ${core}`);
    return pid;
  };

  it('kill -9 twice, then SIGSTOP: all end once, the other tenant answers all of its own, the counts agree', async () => {
    const { path } = await writeModel(models, 'v.onnx', slowNumberModel(10));
    const variants = [{ name: 'v', path }];
    const tenants = [
      { name: 'hit', variants },
      { name: 'spared', variants },
    ];
    await clients.deploy(servingFlow(tenants, { components: 2 }), ['hit', 'spared']);
    for (const tenant of ['hit', 'spared']) await clients.work(8, { tenant }, 2);
    const answered = async (tenant: string) => (await clients.counts()).ended[tenant]?.['answered'] ?? 0;
    let restarts = 0;
    for (const signal of ['SIGKILL', 'SIGKILL', 'SIGSTOP'] as const) {
      const [victim, spared] = [await hostOn(0), await hostOn(1)];
      process.kill(victim, signal);
      restarts += 1;
      // A stopped host is found out by the watchdog, after ten seconds and one of grace.
      const before = await clients.untilCounts((counts) => counts.restarts === restarts, `the restart after ${signal}`);
      const [hitBefore = 0, sparedBefore = 0] = ['hit', 'spared'].map((name) => before.ended[name]?.['answered']);
      await until(
        async () =>
          (await answered('hit')) > hitBefore + 20 && (await answered('spared')) > sparedBefore + 20 ? true : null,
        'further answers',
        60_000,
      );
      assert.deepEqual([await isRunning(victim), await hostOn(1)], [false, spared]);
    }
    await clients.rest();
    const counts = await clients.reconciled();
    const { answered: fine = 0, HOST_CRASHED: lost = 0, ...others } = counts.ended['hit'] ?? {};
    assert.deepEqual([fine + lost, others], [counts.sent['hit'], {}]);
    assert.ok(lost <= 2 * restarts, `${lost} were in the host, more than it is ever given`);
    assert.equal(counts.telemetry['hit']?.failed, lost);
    assert.deepEqual(counts.ended['spared'], { answered: counts.sent['spared'] });
    assert.equal((await hostsOf(clients.runtime.pid)).length, 2);
  });
});
