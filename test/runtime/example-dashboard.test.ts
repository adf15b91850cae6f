import assert from 'node:assert/strict';
import { z } from 'zod';
import { receiptSchema } from '../../src/signals/receipt';
import { exampleFlows } from '../support/ecomap-flow';
import { NodeRedRuntime, until, type SeenMessage } from '../support/node-red-runtime';

const point = z.object({ line: z.string(), at: z.number(), gPerKwh: z.number() });

/** What reaches the widgets is what the ledger says; what they look like is tested in a browser. */
describe('the example flow "Carbon dashboard"', function () {
  this.timeout(120_000);
  const flow = exampleFlows().get('20 - Dashboard/Carbon dashboard.json') ?? [];
  const seen: SeenMessage[] = [];
  let runtime: NodeRedRuntime;

  const idOf = (type: string, name: string): string => {
    const node = flow.find((candidate) => candidate.type === type && candidate['name'] === name);
    assert.ok(node, `there is no ${type} "${name}"`);
    return node.id;
  };
  const at = (type: string, name: string): SeenMessage[] => seen.filter(({ to }) => to === idOf(type, name));
  const topicsAt = (chart: string): unknown[] => [...new Set(at('ui-chart', chart).map(({ topic }) => topic))];
  /** The value of a line that came last. */
  const lastOf = (chart: string, topic: string): number =>
    z.number().parse(at('ui-chart', chart).findLast((message) => message.topic === topic)?.payload);
  const near = (a: number, b: number | null | undefined): void => {
    assert.ok(b !== null && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${a}, not ${b}`);
  };
  /** The last receipt, whose numbers went out with it. */
  const receipt = () => receiptSchema.parse(at('link in', 'receipt').at(-1)?.payload);

  before(async () => {
    runtime = await NodeRedRuntime.start({ flow });
    const widgets = flow.filter(({ type }) => ['ui-chart', 'ui-text', 'ui-table'].includes(type));
    await until(
      async () => {
        seen.push(...(await runtime.messages()));
        const fed = widgets.filter(({ id }) => seen.some(({ to }) => to === id));
        return fed.length === widgets.length && at('ui-chart', 'SCI').length >= 2 ? true : null;
      },
      'a message at every widget',
      90_000,
    );
    // The numbers of one receipt belong together: the next one, and the time until all of its numbers have arrived.
    const receipts = at('link in', 'receipt').length;
    await until(async () => {
      seen.push(...(await runtime.messages()));
      return at('link in', 'receipt').length > receipts ? true : null;
    }, 'another receipt');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    seen.push(...(await runtime.messages()));
  });
  after(async () => {
    await runtime?.stop();
  });

  it('draws what was and what is forecast, one after the other', () => {
    const points = z.array(point).parse(at('ui-chart', 'intensity and forecast').at(-1)?.payload);
    const of = (wanted: string) => points.filter(({ line }) => line === wanted);
    assert.ok(of('so far').length > 0 && of('forecast').length >= 24, `${points.length} points`);
    const last = of('so far').at(-1)?.at ?? Number.NaN;
    for (const lines of [of('so far'), of('forecast')])
      for (const [index, { at: time }] of lines.entries()) assert.ok(index === 0 || time > (lines[index - 1]?.at ?? 0));
    assert.ok(of('forecast').every(({ at: time }) => time > last));
    const low = of('at least (9 of 10)');
    const high = of('at most (9 of 10)');
    assert.equal(low.length, high.length);
    assert.ok(low.every(({ gPerKwh }, index) => gPerKwh <= (high[index]?.gPerKwh ?? 0)));
  });

  it('draws cap and power, in watts', () => {
    assert.deepEqual(topicsAt('cap and power').sort(), ['power/cap', 'power/power']);
    assert.ok(lastOf('cap and power', 'power/cap') > 0);
  });

  it('draws the milligrams of each tenant: with idle the whole', () => {
    const { total, idle, tenants } = receipt();
    const names = tenants.map(({ tenant }) => `tenant-carbon/${tenant}`);
    assert.deepEqual(topicsAt('grams per tenant').sort(), names.sort());
    const sum = names.reduce((all, topic) => all + lastOf('grams per tenant', topic), 0);
    near(sum + 1000 * (idle.carbonG ?? Number.NaN), 1000 * (total.carbonG ?? Number.NaN));
  });

  it('splits the saving into less energy and better times', () => {
    const { alwaysMax, constantCap } = receipt();
    const energy = lastOf('energy and timing effect', 'effect/less energy');
    const timing = lastOf('energy and timing effect', 'effect/better times');
    near(energy, constantCap?.energyEffectPct);
    near(timing, constantCap?.timingEffectPct);
    near(energy + timing, alwaysMax.savedCarbonPct);
    assert.equal(at('ui-text', 'where the saving comes from').at(-1)?.payload, constantCap?.words);
  });

  it('draws the SCI in micrograms per inference', () => {
    assert.deepEqual(topicsAt('SCI'), ['sci/SCI']);
    near(lastOf('SCI', 'sci/SCI'), 1e6 * (receipt().sci?.perInferenceG ?? Number.NaN));
  });

  it('says how good the numbers are', () => {
    // Telemetry may come before the first reading: that time is unknown, and stays so.
    const shares = topicsAt('quality of the readings').map(String);
    assert.deepEqual(
      shares.filter((topic) => topic !== 'readings/unknown'),
      ['readings/simulated'],
    );
    near(
      shares.reduce((sum, topic) => sum + lastOf('quality of the readings', topic), 0),
      100,
    );
    const rows = z
      .array(z.object({ number: z.string(), quality: z.string(), source: z.string() }))
      .parse(at('ui-table', 'how good the numbers are').at(-1)?.payload);
    assert.deepEqual(
      rows.map(({ number }) => number),
      ['carbon intensity', 'energy', 'grams'],
    );
    assert.match(rows[0]?.quality ?? '', /^simulated \d+ %/);
    assert.match(rows[0]?.source ?? '', /simulated daily curve, no real grid/);
    assert.match(rows[1]?.quality ?? '', /^(modelled|measured) 100 %$/);
  });

  it('lets no error through', () => {
    const codes = seen.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
    assert.deepEqual(
      codes.filter((code) => !['QUEUE_FULL', 'DEADLINE_EXCEEDED'].includes(code ?? '')),
      [],
    );
  });
});
