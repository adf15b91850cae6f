import assert from 'node:assert/strict';
import { z } from 'zod';
import { exampleFlows } from '../support/ecomap-flow';
import { NodeRedRuntime, until } from '../support/node-red-runtime';

/** Whatever the machine's speed, what an example promises holds: counts, orders, codes; never times. */
describe('the example flow of each capability', function () {
  this.timeout(120_000);
  let runtime: NodeRedRuntime;

  before(async () => {
    runtime = await NodeRedRuntime.start();
  });
  after(async () => {
    await runtime?.stop();
  });

  /** Deploys an example and waits until its executor serves. */
  const deploy = async (name: string) => {
    const flow = exampleFlows().get(`10 - Nodes/${name}.json`);
    assert.ok(flow, `there is no example ${name}`);
    await runtime.deploy(flow);
    const nodeId = (type: string, label: string): string => {
      const node = flow.find((candidate) => candidate.type === type && candidate['name'] === label);
      assert.ok(node, `${name} has no ${type} "${label}"`);
      return node.id;
    };
    const executor = flow.find(({ type }) => type === 'ecomap-inference-executor')?.id ?? '';
    await until(async () => ((await runtime.statuses())[executor]?.fill === 'green' ? true : null), 'ready', 60_000);
    await runtime.messages();
    return {
      press: (button: string) => runtime.send(nodeId('inject', button), {}),
      /** Payloads that reach a debug node, as many as are wanted. */
      shown: async <T>(debug: string, wanted: number, schema: z.ZodType<T>): Promise<T[]> => {
        const id = nodeId('debug', debug);
        const payloads: T[] = [];
        await until(
          async () => {
            const arrived = (await runtime.messages()).filter(({ to }) => to === id);
            payloads.push(...arrived.map(({ payload }) => schema.parse(payload)));
            return payloads.length >= wanted ? true : null;
          },
          `${wanted} messages at "${debug}"`,
          60_000,
        );
        return payloads;
      },
    };
  };
  const counts = z.record(z.string(), z.number());
  const sumOf = (numbers: Readonly<Record<string, number>>): number =>
    Object.values(numbers).reduce((sum, number) => sum + number, 0);

  it('"Batching": the same number of answers in fewer runs', async () => {
    const example = await deploy('Batching');
    await example.press('400 signals');
    const summary = z.object({ tenant: z.string(), answers: z.number(), runs: z.number(), meanBatch: z.number() });
    const shown = await example.shown('how fast', 2, summary);
    const of = (tenant: string) => shown.find((each) => each.tenant === tenant);
    assert.deepEqual(of('one by one'), { tenant: 'one by one', answers: 200, runs: 200, meanBatch: 1 });
    assert.equal(of('in batches')?.answers, 200);
    assert.ok((of('in batches')?.runs ?? 200) <= 100, JSON.stringify(shown));
  });

  it('"Deadlines and priorities": urgent ones first, the hopeless refused, none lost', async () => {
    const example = await deploy('Deadlines and priorities');
    await example.press('60 at once');
    const answers = z.object({ answered: z.number(), meanWaitMs: z.number().nullable() });
    const summary = z.object({ urgent: answers, ordinary: answers, refused: counts });
    const [shown] = await example.shown('who was answered', 1, summary);
    assert.ok(shown);
    assert.equal(shown.urgent.answered + shown.ordinary.answered + sumOf(shown.refused), 60);
    assert.deepEqual(Object.keys(shown.refused), ['DEADLINE_EXCEEDED']);
    if (shown.urgent.meanWaitMs !== null && shown.ordinary.meanWaitMs !== null) {
      assert.ok(shown.urgent.meanWaitMs < shown.ordinary.meanWaitMs, JSON.stringify(shown));
    }
  });

  it('"Queue full": rejects some, lets all wait, has a lighter variant answer', async () => {
    const example = await deploy('Queue full - reject, wait, downgrade');
    await example.press('24 parts at once');
    const summary = z.object({ tenant: z.string(), answeredBy: counts, refused: counts });
    const shown = await example.shown('what became of them', 3, summary);
    const of = (tenant: string) => shown.find((each) => each.tenant === tenant);
    const [reject, wait, downgrade] = ['reject', 'wait', 'downgrade'].map(of);
    assert.ok(reject && wait && downgrade);
    assert.deepEqual(Object.keys(reject.refused), ['QUEUE_FULL']);
    assert.equal(sumOf(reject.answeredBy) + sumOf(reject.refused), 8);
    assert.deepEqual([wait.answeredBy, wait.refused], [{ large: 8 }, {}]);
    assert.deepEqual([sumOf(downgrade.answeredBy), downgrade.refused], [8, {}]);
    assert.deepEqual(Object.keys(downgrade.answeredBy).sort(), ['large', 'medium']);
  });
});
