import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { exampleFlows } from '../support/ecomap-flow';
import { childrenOf, NodeRedRuntime, until, type SeenMessage } from '../support/node-red-runtime';

/** The inference hosts below a process. */
async function hostsOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const child of await childrenOf(pid)) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('inference-host')) found.push(child);
  }
  return found;
}

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
