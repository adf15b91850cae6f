import assert from 'node:assert/strict';
import carbonIntensity from '../../nodes/carbon-intensity/carbon-intensity';
import grid from '../../nodes/grid/grid';
import { carbonReadingSchema, type CarbonReading } from '../../src/signals/carbon';
import { helper, startFlow, stopFlow, watchers, type CaughtMessage, type TestFlow } from '../support/node-helper';
import { startProviderServer, type ProviderServer } from '../unit/carbon/provider-server';

const out = { id: 'out', type: 'helper', z: 'tab', wires: [] };

/** Half hours of Great Britain around now, all at one value. */
function halfHours(value: number | null): string {
  const halfHourMs = 1_800_000;
  const first = Math.floor(Date.now() / halfHourMs) * halfHourMs;
  const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;
  const data = [0, 1].map((step) => ({
    from: time(first + step * halfHourMs),
    to: time(first + (step + 1) * halfHourMs),
    intensity: { forecast: value, actual: value, index: 'moderate' },
  }));
  return JSON.stringify({ data });
}

const readingOf = (message: CaughtMessage): CarbonReading => carbonReadingSchema.parse(message.payload);

describe('carbon-intensity node', () => {
  let server: ProviderServer;
  before(async () => {
    server = await startProviderServer((_request, response) => response.end('{}'));
  });
  after(() => server.stop());
  afterEach(stopFlow);

  function flowWith(gridConfig: object, config: object = {}): Promise<TestFlow> {
    return startFlow(
      [grid, carbonIntensity],
      [
        { id: 'g', type: 'ecomap-grid', ...gridConfig },
        { id: 'ci', type: 'ecomap-carbon-intensity', z: 'tab', grid: 'g', ...config, wires: [['out']] },
        out,
        ...watchers(['ci']),
      ],
    );
  }

  it('sends readings by itself, with a green status', async () => {
    const flow = await flowWith({ provider: 'simulated', dayLengthS: 60 }, { intervalS: '0.25' });
    const first = await flow.waitFor('out');
    assert.equal(first.topic, 'ecomap/carbon');
    assert.equal(readingOf(first).quality, 'simulated');
    await flow.waitFor('out', (message) => readingOf(message).validFrom !== readingOf(first).validFrom);
    const status = await flow.waitFor('statuses', (message) => message.status?.text === 'status.reading');
    assert.equal(status.status?.fill, 'green');
    assert.deepEqual(flow.received('caught'), []);
  });

  it('answers a message with a reading, and keeps its other properties', async () => {
    const flow = await flowWith({ provider: 'static', zone: 'WORLD' }, { intervalS: 3600 });
    await flow.waitFor('out');
    flow.send('ci', { topic: 'now', payload: 1, _mine: 'kept' });
    const answer = await flow.waitFor('out', (message) => message._mine === 'kept');
    assert.equal(readingOf(answer).quality, 'static');
    assert.equal(answer.topic, 'ecomap/carbon');
    await flow.waitFor('completed');
    const status = await flow.waitFor('statuses', (message) => message.status?.text === 'status.reading');
    assert.equal(status.status?.fill, 'yellow', 'a yearly average says nothing about now');
  });

  it('is not disturbed by a flow that changes the reading it received', async () => {
    const flow = await flowWith({ provider: 'static', zone: 'WORLD' }, { intervalS: 0.25, onlyOnChange: true });
    const first = await flow.waitFor('out');
    (first.payload as CarbonReading).intensityGPerKwh = 1;
    flow.send('ci', { _mine: 'later' });
    const answer = await flow.waitFor('out', (message) => message._mine === 'later');
    assert.ok((readingOf(answer).intensityGPerKwh ?? 0) > 100);
    assert.equal(flow.received('out').length, 2, 'nothing changed on the grid');
  });

  it('sends only what changed when told so', async () => {
    const flow = await flowWith({ provider: 'static', zone: 'WORLD' }, { intervalS: 0.25, onlyOnChange: true });
    await flow.waitFor('out');
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(flow.received('out').length, 1);
    flow.send('ci', { asked: true });
    await flow.waitFor('out', (message) => message.asked === true);
  });

  it('goes on with a fallback when the provider fails: Catch hears it once, and each time that a message asked', async () => {
    server.answer = (_request, response) => response.writeHead(500).end();
    const flow = await flowWith({ provider: 'gb', baseUrl: server.baseUrl }, { intervalS: 0.25 });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'PROVIDER_UNREACHABLE');
    assert.match(caught.error?.message ?? '', /HTTP status 500/);
    const reading = readingOf(await flow.waitFor('out'));
    assert.deepEqual([reading.quality, reading.zone, reading.basis], ['static', 'GB', 'lifecycle']);
    await flow.waitFor('out', () => flow.received('out').length >= 3);
    assert.equal(flow.received('caught').length, 1, 'not with every reading');

    flow.send('ci', { asked: true });
    const again = await flow.waitFor('caught', (message) => message.asked === true);
    assert.equal(again.error?.code, 'PROVIDER_UNREACHABLE');
    assert.ok(
      flow.received('out').some((message) => message.asked === true),
      'the fallback was sent all the same',
    );
    assert.deepEqual(flow.received('completed'), []);
    const warnings = helper.log().args.filter(([entry]) => JSON.stringify(entry).includes('log.trouble'));
    assert.equal(warnings.length, 1);
    const status = await flow.waitFor('statuses', (message) => message.status?.text === 'status.reading');
    assert.equal(status.status?.fill, 'yellow');
  });

  const bad: [name: string, answer: ProviderServer['answer'], code: string, says: RegExp][] = [
    ['HTML', (_q, s) => s.end('<html>'), 'PROVIDER_UNREACHABLE', /an HTML page/],
    ['nulls', (_q, s) => s.end(halfHours(null)), 'PROVIDER_UNREACHABLE', /without a single value/],
    ['an impossible value', (_q, s) => s.end(halfHours(99_999)), 'PROVIDER_UNREACHABLE', /99999 g\/kWh is outside/],
    ['a negative value', (_q, s) => s.end(halfHours(-5)), 'PROVIDER_UNREACHABLE', /-5 g\/kWh is outside/],
    ['another zone', (_q, s) => s.end('{"data":[{"regionid":3}]}'), 'PROVIDER_UNREACHABLE', /for a region/],
    ['401', (_q, s) => s.writeHead(401).end(), 'PROVIDER_UNAUTHORIZED', /check the key/],
  ];
  for (const [name, answer, code, says] of bad) {
    it(`takes ${name} for no answer, says ${code}, and goes on`, async () => {
      server.answer = answer;
      const flow = await flowWith({ provider: 'gb', baseUrl: server.baseUrl });
      const caught = await flow.waitFor('caught');
      assert.equal(caught.error?.code, code);
      assert.match(caught.error?.message ?? '', says);
      const { intensityGPerKwh, quality } = readingOf(await flow.waitFor('out'));
      assert.ok(intensityGPerKwh !== null && intensityGPerKwh > 0);
      assert.equal(quality, 'static');
    });
  }

  it('shows green when the provider itself answers', async () => {
    server.answer = (_request, response) => response.end(halfHours(222));
    const flow = await flowWith({ provider: 'gb', baseUrl: server.baseUrl });
    assert.equal(readingOf(await flow.waitFor('out')).intensityGPerKwh, 222);
    const status = await flow.waitFor('statuses', (message) => message.status?.text === 'status.reading');
    assert.equal(status.status?.fill, 'green');
  });

  it('says CARBON_UNKNOWN when nothing at all is known, and sends a reading with null', async () => {
    const flow = await flowWith({ provider: 'trace', path: 'none.csv', zone: 'nowhere' }, { intervalS: 3600 });
    assert.equal(readingOf(await flow.waitFor('out')).intensityGPerKwh, null);
    const first = await flow.waitFor('caught');
    assert.equal(first.error?.code, 'CARBON_UNKNOWN');
    flow.send('ci', { asked: true });
    const caught = await flow.waitFor('caught', (message) => message.asked === true);
    assert.equal(caught.error?.code, 'CARBON_UNKNOWN');
    assert.match(caught.error?.message ?? '', /none\.csv cannot be read/);
    assert.equal(readingOf(await flow.waitFor('out', (message) => message.asked === true)).quality, 'unknown');
    const status = await flow.waitFor('statuses', (message) => message.status?.text === 'status.unknown');
    assert.deepEqual([status.status?.fill, status.status?.shape], ['red', 'ring']);
  });

  it('takes values by message where the grid is made of them, and refuses what cannot be one', async () => {
    const flow = await flowWith({ provider: 'injected', zone: 'roof', fallbackZone: 'DE' }, { intervalS: 3600 });
    await flow.waitFor('caught', ({ error }) => /no value has come/.test(error?.message ?? ''));
    flow.send('ci', { payload: 212, _mine: 'kept' });
    const answer = await flow.waitFor('out', (message) => message._mine === 'kept');
    assert.deepEqual([readingOf(answer).intensityGPerKwh, readingOf(answer).quality], [212, 'injected']);
    const status = await flow.waitFor('statuses', (message) => message.status?.fill === 'green');
    assert.equal(status.status?.text, 'status.reading');

    flow.send('ci', { payload: Date.now(), _mine: 'a timestamp' });
    const caught = await flow.waitFor('caught', (message) => message._mine === 'a timestamp');
    assert.equal(caught.error?.code, 'INVALID_MESSAGE');
    flow.send('ci', { payload: '', _mine: 'only asks' });
    const again = await flow.waitFor('out', (message) => message._mine === 'only asks');
    assert.equal(readingOf(again).intensityGPerKwh, 212);
  });

  it('takes no value by message where a provider is asked', async () => {
    const flow = await flowWith({ provider: 'static', zone: 'WORLD' }, { intervalS: 3600 });
    flow.send('ci', { payload: 1, _mine: 'kept' });
    const answer = await flow.waitFor('out', (message) => message._mine === 'kept');
    assert.equal(readingOf(answer).quality, 'static');
  });

  it('needs a grid', async () => {
    const flow = await startFlow(
      [carbonIntensity],
      [{ id: 'ci', type: 'ecomap-carbon-intensity', z: 'tab', wires: [['out']] }, out, ...watchers(['ci'])],
    );
    flow.send('ci', {});
    assert.equal((await flow.waitFor('caught')).error?.code, 'INVALID_CONFIG');
  });

  it('asks nobody any more after it was closed', async () => {
    server.answer = (_request, response) => response.end(halfHours(222));
    const flow = await flowWith({ provider: 'gb', baseUrl: server.baseUrl }, { intervalS: 0.25 });
    await flow.waitFor('out');
    await stopFlow();
    const asked = server.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(server.asked.length, asked);
  });
});
