import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientsInNodeRed, executorId, servingFlow, sharedMemoryOf, sumOf } from '../support/clients-in-node-red';
import { childrenOf, hostsOf, isRunning } from '../support/node-red-runtime';
import { slowNumberModel, writeModel } from '../support/onnx-builder';

/** Node-RED gives a node this long to close. */
const nodeCloseLimitMs = 15_000;

describe('closing while requests are under way and waiting', function () {
  this.timeout(120_000);
  let models: string;
  let clients: ClientsInNodeRed;
  const quick = { tenant: 'quick' };
  const slow = { tenant: 'slow' };
  const flowOf = (name: string) => flow.map((node) => (node.id === executorId ? { ...node, name } : node));
  let flow: ReturnType<typeof servingFlow>;

  before(async () => {
    models = await mkdtemp(join(tmpdir(), 'ecomap-close-'));
    const paths = [
      await writeModel(models, 'quick.onnx', slowNumberModel(1)),
      await writeModel(models, 'slow.onnx', slowNumberModel(500)),
    ].map(({ path }) => path);
    flow = servingFlow(
      [
        { name: 'quick', variants: [{ name: 'quick', path: paths[0] ?? '' }], more: { queueLength: 50 } },
        // Some of its requests wait in front of the queue.
        {
          name: 'slow',
          variants: [{ name: 'slow', path: paths[1] ?? '' }],
          more: { queueLength: 250, whenFull: 'wait' },
        },
      ],
      { components: 2 },
    );
  });
  beforeEach(async () => {
    clients = await ClientsInNodeRed.start();
    await clients.deploy(flow, ['quick', 'slow']);
  });
  afterEach(() => clients?.runtime.stop());
  after(() => rm(models, { recursive: true, force: true }));

  /** 40 that are soon answered, and more work than there is time for. */
  const load = async () => {
    await clients.offer(300, slow);
    await clients.offer(40, quick);
  };

  it('a redeploy answers what it can and tells the rest, refuses new work, leaves nothing, and the new one serves', async () => {
    const { pid } = clients.runtime;
    const old = { hosts: await hostsOf(pid), folders: await sharedMemoryOf(pid) };
    assert.deepEqual([old.hosts.length, old.folders.length], [2, 1]);
    await clients.hold();
    await load();
    const fromMs = performance.now();
    const deployed = clients.runtime.deploy(flowOf('another'), 'nodes');
    // The drain takes five seconds: whatever comes meanwhile is told, too.
    for (let round = 0; round < 12; round += 1) {
      await clients.offerHeld(5, quick);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await deployed;
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs < nodeCloseLimitMs, `${tookMs} ms`);
    const { ended, sent, received, settled, ...rest } = await clients.ended();
    assert.deepEqual([rest.unexpected, rest.wrong], [0, 0]);
    const before = ended['quick']?.['answered'] ?? 0;
    const refused = ended['quick']?.['NODE_CLOSED'] ?? 0;
    assert.deepEqual(ended['quick'], { answered: before, NODE_CLOSED: refused });
    assert.equal(before + refused, 1 + 40 + 60);
    const { answered = 0, NODE_CLOSED = 0, ...others } = ended['slow'] ?? {};
    assert.deepEqual([answered + NODE_CLOSED, others], [1 + 300, {}]);
    // What waited was answered, what came later was not.
    assert.ok(before >= 41 && refused > 0 && answered > 0 && NODE_CLOSED > 0, JSON.stringify(ended));
    assert.deepEqual([received, sumOf(settled)], [sumOf(sent), sumOf(sent)]);
    assert.deepEqual(settled, { answered: before + answered, NODE_CLOSED: refused + NODE_CLOSED });

    assert.deepEqual(await Promise.all(old.hosts.map(isRunning)), [false, false]);
    assert.deepEqual(
      clients.runtime.log.filter(({ msg }) => /Error stopping node|cut off/.test(msg)),
      [],
    );
    await clients.offer(20, quick);
    await clients.offer(2, slow);
    const after = await clients.ended();
    assert.equal(after.ended['quick']?.['answered'], before + 20);
    assert.equal(after.ended['slow']?.['answered'], answered + 2);
    // One folder, and not the old one: asked for only now, because the new executor makes its own when it starts to serve.
    const folders = await sharedMemoryOf(pid);
    assert.deepEqual([folders.length, folders.some((folder) => old.folders.includes(folder))], [1, false]);
  });

  it('the end of Node-RED, too: all are settled, and no process or shared memory stays', async () => {
    const { pid } = clients.runtime;
    const children = await childrenOf(pid);
    await load();
    await clients.work(8, quick);
    await clients.untilCounts(({ ended }) => (ended['quick']?.['answered'] ?? 0) > 100, 'work');
    const fromMs = performance.now();
    await clients.runtime.end();
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs < nodeCloseLimitMs, `${tookMs} ms`);
    // Wires and Catch nodes are gone by then, so Node-RED itself says how each message was settled.
    const { received, settled, unexpected } = await clients.lastCounts();
    assert.equal(unexpected, 0);
    const { answered = 0, NODE_CLOSED = 0, ...others } = settled;
    assert.deepEqual([answered + NODE_CLOSED, others], [received, {}], JSON.stringify(settled));
    assert.ok(answered > 100 && NODE_CLOSED > 0, JSON.stringify(settled));
    assert.deepEqual(await sharedMemoryOf(pid), []);
    for (const child of children) assert.equal(await isRunning(child), false);
  });
});
