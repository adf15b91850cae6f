import assert from 'node:assert/strict';
import { exampleFlows, isEcomap, withoutDashboard } from '../support/ecomap-flow';
import { childrenOf, NodeRedRuntime, type Flow, type Holdings } from '../support/node-red-runtime';

/** What is held after that was not held before, as readable lines; empty when nothing was left behind. */
function leftBehind(before: Holdings, after: Holdings): string[] {
  const more = (what: string, old: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): string[] =>
    Object.entries(now)
      .filter(([kind, count]) => count > (old[kind] ?? 0))
      .map(([kind, count]) => `${what} ${kind}: ${old[kind] ?? 0} -> ${count}`);
  return [
    ...more('resource', before.resources, after.resources),
    ...more('listeners of the process', before.listeners.process, after.listeners.process),
    ...more('listeners of the runtime', before.listeners.events, after.listeners.events),
    ...more('live nodes of type', before.nodes, after.nodes),
    ...more('open', before.files, after.files),
    ...more('child processes', { all: before.children.length }, { all: after.children.length }),
  ];
}

/** The server's own connections (ours to deploy) come and go: looks again until the rest is calm. */
async function leftBehindAtRest(runtime: NodeRedRuntime, before: Holdings): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    const left = leftBehind(before, await runtime.holdings());
    if (left.length === 0 || attempt === 20) return left;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const tab = { id: 'leak-tab', type: 'tab', label: 'leaks' };
const leaky = (kind: string): Flow => [
  tab,
  { id: 'leaky', type: 'ecomap-leaky', kind, z: tab.id, x: 100, y: 100, wires: [] },
];
/** A node that forgets to give back one thing, to prove that the check would see it. */
const leakyNode = `
const { spawn } = require('node:child_process');
const { openSync } = require('node:fs');
const kept = [];
module.exports = function (RED) {
  RED.nodes.registerType('ecomap-leaky', function (config) {
    RED.nodes.createNode(this, config);
    if (config.kind === 'timer') setInterval(() => undefined, 1000);
    if (config.kind === 'listener') RED.events.on('ecomap-leak', () => undefined);
    if (config.kind === 'file') openSync(__filename, 'r');
    if (config.kind === 'process') spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 20000)'], { stdio: 'ignore' });
    if (config.kind === 'node') kept.push(this);
  });
};`;

describe('redeploying in a real Node-RED', function () {
  this.timeout(600_000);
  let runtime: NodeRedRuntime;

  beforeEach(async () => {
    runtime = await NodeRedRuntime.start({ nodeFiles: { 'ecomap-leaky': leakyNode } });
  });
  afterEach(async function () {
    // The control leaks processes on purpose; everything else must not.
    const leaks = this.currentTest?.title.includes('control') ?? false;
    await runtime.stop().catch((error: unknown) => {
      if (!leaks) throw error;
    });
  });

  it('50 times, in full and in part, leaves no listener, timer, process, file or node behind', async () => {
    const example = exampleFlows().get('01 - Start here.json');
    assert.ok(example);
    const flow = withoutDashboard(example);
    const renamed = (round: number): Flow =>
      flow.map((node, index) =>
        isEcomap(node) && index % 3 === round % 3 ? { ...node, name: `round ${round}` } : node,
      );
    // Once before the count: modules load on first use, and stay.
    await runtime.deploy(flow);
    await runtime.deploy(renamed(1), 'nodes');
    await runtime.deploy([]);
    const before = await runtime.holdings();
    let mostChildren = 0;
    let messages = 0;
    for (let round = 0; round < 50; round += 1) {
      await runtime.deploy(renamed(round), round % 2 === 0 ? 'nodes' : 'full');
      // Some are replaced while they start, some while they serve.
      if (round % 5 === 4) {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        mostChildren = Math.max(mostChildren, (await childrenOf(runtime.pid)).length);
        messages += (await runtime.messages()).length;
      }
    }
    await runtime.deploy([]);
    assert.ok(mostChildren > 0 && messages > 100, `nothing ran: ${mostChildren} hosts, ${messages} messages`);
    assert.deepEqual(await leftBehindAtRest(runtime, before), []);
  });

  it('the check sees each kind of leak, and none where there is none (control)', async () => {
    await runtime.deploy(leaky('nothing'));
    await runtime.deploy([]);
    const clean = await runtime.holdings();
    for (let round = 0; round < 3; round += 1) await runtime.deploy(leaky('nothing'));
    await runtime.deploy([]);
    assert.deepEqual(await leftBehindAtRest(runtime, clean), []);
    for (const [kind, seen] of [
      ['timer', /^resource Timeout/],
      ['listener', /^listeners of the runtime ecomap-leak/],
      ['file', /^open .*ecomap-leaky\.js/],
      ['process', /^child processes/],
      ['node', /^live nodes of type ecomap-leaky/],
    ] as const) {
      await runtime.deploy([]);
      const before = await runtime.holdings();
      for (let round = 0; round < 3; round += 1) await runtime.deploy(leaky(kind));
      await runtime.deploy([]);
      const left = leftBehind(before, await runtime.holdings());
      assert.ok(
        left.some((line) => seen.test(line)),
        `${kind}: ${JSON.stringify(left)}`,
      );
    }
  });
});
