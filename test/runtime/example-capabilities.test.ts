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

  /** Deploys an example and waits until its executor serves, or, without one, until its grid is known. */
  const deploy = async (name: string) => {
    const flow = exampleFlows().get(`10 - Nodes/${name}.json`);
    assert.ok(flow, `there is no example ${name}`);
    await runtime.deploy(flow);
    const nodeId = (type: string, label: string): string => {
      const node = flow.find((candidate) => candidate.type === type && candidate['name'] === label);
      assert.ok(node, `${name} has no ${type} "${label}"`);
      return node.id;
    };
    const idOf = (wanted: string) => flow.find(({ type }) => type === wanted)?.id;
    const first = idOf('ecomap-inference-executor') ?? idOf('ecomap-carbon-intensity') ?? '';
    await until(async () => ((await runtime.statuses())[first]?.fill === 'green' ? true : null), 'ready', 60_000);
    await runtime.messages();
    return {
      /** Codes of all errors that reached a Catch node since the last look. */
      caught: async () => (await runtime.messages()).flatMap(({ error }) => (error === undefined ? [] : [error.code])),
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
    // The very first was alone when it came, whatever its priority.
    const shareOfOrdinary = (shown.ordinary.answered - 1) / 53;
    assert.ok(shown.urgent.answered / 6 >= shareOfOrdinary, JSON.stringify(shown));
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

  it('"Images to labels": JPEG files and raw pixels', async () => {
    const example = await deploy('Images to labels');
    const label = z.object({ label: z.string(), index: z.number(), score: z.number(), scores: z.array(z.number()) });
    await example.press('JPEG: a hole is missing');
    await example.press('JPEG: nothing is wrong');
    const files = await example.shown('label', 2, label);
    assert.deepEqual(files.map((each) => each.label).sort(), ['missing-hole', 'ok']);
    for (let press = 0; press < 5; press += 1) await example.press('raw pixels of a part');
    const pixels = await example.shown('label', 5, label);
    assert.ok(
      pixels.every(({ scores }) => scores.length === 6),
      JSON.stringify(pixels),
    );
    assert.deepEqual(await example.caught(), []);
  });

  it('"Two stages on two components": the same answers, computed by two', async () => {
    const example = await deploy('Two stages on two components');
    const summary = z.object({ components: z.array(z.string()), answers: z.number(), labels: counts });
    const componentsAfter = async (plan: string) => {
      await example.press(plan);
      const from = Date.now();
      for (;;) {
        await example.press('40 parts');
        const [shown] = await example.shown('who computed it', 1, summary);
        assert.equal(shown?.answers, 40);
        assert.equal(sumOf(shown.labels), 40);
        // The plan is applied while requests are served, so the first bursts may still be as before.
        if (shown.components.length === (plan === 'whole' ? 1 : 2) || Date.now() - from > 30_000)
          return shown.components;
      }
    };
    assert.deepEqual(await componentsAfter('in two stages'), ['a', 'b']);
    assert.deepEqual(await componentsAfter('whole'), ['a']);
    assert.deepEqual(await example.caught(), []);
  });

  it('"Swap under load": another variant, back again, and none lost', async () => {
    const example = await deploy('Swap under load');
    const change = z.object({ from: z.string().nullable(), to: z.string(), lostBefore: z.number() });
    await example.press('the light variant');
    assert.deepEqual(await example.shown('changes', 1, change), [{ from: 'large', to: 'tiny', lostBefore: 0 }]);
    await example.press('a variant that does not exist');
    const [refused] = await example.shown('problems', 1, z.unknown());
    assert.ok(refused !== null);
    await example.press('the heavy variant');
    assert.deepEqual(await example.shown('changes', 1, change), [{ from: 'tiny', to: 'large', lostBefore: 0 }]);
  });

  it('"Cancel a request": the first half answered, the other taken back', async () => {
    const example = await deploy('Cancel a request');
    await example.press('40 parts');
    const summary = z.object({ answered: z.array(z.number()), ended: z.record(z.string(), z.array(z.number())) });
    const [shown] = await example.shown('what became of them', 1, summary);
    const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
    assert.deepEqual(shown?.answered, numbers(1, 20));
    assert.deepEqual(shown.ended, { CANCELLED: numbers(21, 40) });
  });

  it('"Own sensor as source": a number is injected, a reading keeps what it says of itself', async () => {
    const example = await deploy('Own sensor as source');
    const reading = z.object({ intensityGPerKwh: z.number(), quality: z.string(), basis: z.string() });
    await example.press('a number');
    const [number] = await example.shown('my site', 1, reading);
    assert.deepEqual(number, { intensityGPerKwh: 231, quality: 'injected', basis: 'unknown' });
    await example.press('a reading');
    const [own] = await example.shown('my site', 1, reading);
    assert.deepEqual(own, { intensityGPerKwh: 187.5, quality: 'measured', basis: 'direct' });
  });

  it('"Calibrate this device": tells how it gets on, is cancelled, and goes on where it was', async function () {
    // Each network is measured alone first.
    this.timeout(300_000);
    const flow = exampleFlows().get('10 - Nodes/Calibrate this device.json');
    assert.ok(flow);
    await runtime.deploy(flow);
    await runtime.messages();
    const idOf = (type: string, name: string) => flow.find((node) => node.type === type && node['name'] === name)?.id;
    const told = async (fits: RegExp, what: string): Promise<RegExpExecArray> =>
      until(
        async () => {
          const arrived = (await runtime.messages()).filter(({ to }) => to === idOf('debug', 'in a sentence'));
          const failed = arrived.find(({ payload }) => /^failed/.test(String(payload)));
          assert.equal(failed, undefined);
          return arrived.map(({ payload }) => fits.exec(String(payload))).find((match) => match !== null) ?? null;
        },
        what,
        200_000,
      );
    await runtime.send(idOf('inject', 'start') ?? '', {});
    const [, before] = await told(/^measuring: ([2-9]) of 160, about \d+ min left/, 'some co-locations');
    await runtime.send(idOf('inject', 'cancel') ?? '', {});
    await told(/^cancelled/, 'the end');
    await runtime.send(idOf('inject', 'start') ?? '', {});
    const [, after] = await told(/^measuring: ([1-9]\d*) of 160/, 'the rest');
    assert.ok(Number(after) >= Number(before), `from ${before} it went on at ${after}`);
    await runtime.send(idOf('inject', 'cancel') ?? '', {});
    await told(/^cancelled/, 'the end');
  });
});
