import assert from 'node:assert/strict';
import { inferenceAccountSchema } from '../../src/signals/inference';
import { exampleFlows, isEcomap } from '../support/ecomap-flow';
import { NodeRedRuntime, nodeRedVersion, until } from '../support/node-red-runtime';

const warning = 30;
/** What Node-RED itself always warns of in this set-up. */
const expected = /^(-+|Projects disabled.*|Using unencrypted credentials.*)$/s;

/** A machine that is too slow for the traffic says so. */
const shed = ['QUEUE_FULL', 'DEADLINE_EXCEEDED'];

describe('the example flows in a real Node-RED', function () {
  this.timeout(180_000);
  let runtime: NodeRedRuntime;

  before(async () => {
    runtime = await NodeRedRuntime.start();
    console.log(`      Node-RED ${nodeRedVersion()} on Node.js ${process.versions.node}`);
  });
  after(async () => {
    await runtime?.stop();
  });

  const problems = () => runtime.log.filter(({ level, msg }) => level <= warning && !expected.test(msg.trim()));

  it('loads every node of the package without a warning', () => {
    assert.deepEqual(problems(), []);
  });

  it('there are examples, the first of them to start with', () => {
    assert.equal([...exampleFlows().keys()][0], '01 - Start here.json');
  });

  for (const [name, flow] of exampleFlows()) {
    it(`"${name}" deploys: every node exists, none of them red, nothing warns`, async () => {
      runtime.log.length = 0;
      await runtime.deploy(flow);
      const nodes = await runtime.nodes();
      const missing = flow.filter(
        ({ id, type }) => !['tab', 'group', 'subflow', 'global-config'].includes(type) && !nodes[id]?.exists,
      );
      assert.deepEqual(
        missing.map(({ type }) => type),
        [],
      );
      const placed = flow.filter((node) => isEcomap(node) && 'wires' in node);
      assert.ok(placed.length > 0);
      const statuses = await until(
        async () => {
          const shown = await runtime.statuses();
          return placed.every(({ id }) => shown[id]?.text) ? shown : null;
        },
        `a status of each of ${placed.map(({ type }) => type).join(', ')}`,
        60_000,
      );
      const red = placed.filter(({ id }) => statuses[id]?.fill === 'red');
      assert.deepEqual(
        red.map(({ id, type }) => `${type}: ${statuses[id]?.text}`),
        [],
      );
      assert.deepEqual(problems(), []);
    });
  }

  it('"01 - Start here.json" answers requests of all three tenants, and sheds at most load', async () => {
    const flow = exampleFlows().get('01 - Start here.json');
    assert.ok(flow);
    // Whatever the example before has not answered yet ends with it.
    await runtime.deploy([]);
    await runtime.messages();
    runtime.log.length = 0;
    await runtime.deploy(flow);
    const answers = new Map<string, number>();
    await until(
      async () => {
        const messages = await runtime.messages();
        const failed = messages.flatMap(({ error }) => (error && !shed.includes(error.code ?? '') ? [error] : []));
        assert.deepEqual(failed, []);
        for (const { ecomap } of messages) {
          const account = inferenceAccountSchema.safeParse(ecomap);
          if (account.success) answers.set(account.data.tenant, (answers.get(account.data.tenant) ?? 0) + 1);
        }
        return answers.size === 3 && [...answers.values()].every((count) => count >= 5) ? answers : null;
      },
      'answers of three tenants',
      60_000,
    );
    const tenants = flow.filter(({ type }) => type === 'ecomap-tenant').map(({ name }) => String(name));
    assert.deepEqual([...answers.keys()].sort(), tenants.sort());
    assert.deepEqual(problems(), []);
  });
});
