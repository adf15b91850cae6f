import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { GridResource } from '../../src/carbon/shared-source';
import { defineNode } from '../../src/node-red/defineNode';
import type { NodeContext } from '../../src/node-red/types';
import { z } from 'zod';
import { gridNodeConfig } from '../../nodes/grid/config';
import grid from '../../nodes/grid/grid';
import { answerWith, startProviderServer, type ProviderServer } from '../unit/carbon/provider-server';
import { startFlow, stopFlow } from '../support/node-helper';

/** A node that hands out what the grid provides. */
let user: { grid: GridResource; node: NodeContext<{ grid?: string }> } | null = null;
const gridUser = defineNode({
  type: 'ecomap-grid-user',
  config: z.object({ grid: z.string().optional() }),
  start(node) {
    user = { grid: node.resource<GridResource>(node.config.grid, 'grid'), node };
    return {};
  },
});

async function provided(config: object): Promise<GridResource> {
  await startFlow(
    [grid, gridUser],
    [
      { id: 'g', type: 'ecomap-grid', ...config },
      { id: 'user', type: 'ecomap-grid-user', z: 'tab', grid: 'g', wires: [] },
    ],
  );
  assert.ok(user !== null);
  return user.grid;
}

describe('grid node', () => {
  let server: ProviderServer;
  before(async () => {
    server = await startProviderServer(await answerWith({ fw48h: 'gb-fw48h.json', pt24h: 'gb-pt24h.json' }));
  });
  after(() => server.stop());
  beforeEach(() => {
    user = null;
    server.asked.length = 0;
  });
  afterEach(stopFlow);

  it('is a simulated day when nothing is set, and says so', async () => {
    const resource = await provided({});
    const reading = await resource.read();
    assert.equal(reading.quality, 'simulated');
    assert.equal(resource.provider, 'simulated');
    assert.equal(resource.trouble, null);
    assert.equal(resource.pollIntervalMs, 2500);
  });

  it('takes the fields of a form, where every number is a string and empty ones mean the default', () => {
    const parsed = gridNodeConfig.parse({
      provider: 'trace',
      path: ' mine.csv ',
      column: '',
      zone: '',
      dayLengthS: '120',
      startOffsetH: '',
      loop: false,
      meanGPerKwh: 'not looked at by a trace'.slice(0, 0),
      fallbackZone: 'DE',
    });
    assert.deepEqual(parsed, {
      provider: 'trace',
      path: 'mine.csv',
      column: null,
      zone: 'trace',
      mode: 'accelerated',
      dayLengthS: 120,
      startOffsetH: 0,
      loop: false,
      signal: 'average',
      basis: 'unknown',
      rowStepS: 3600,
      fallbackZone: 'DE',
    });
    assert.throws(() => gridNodeConfig.parse({ provider: 'trace', path: 'x', dayLengthS: 'long' }));
  });

  it('gives all who use it one source, one request and one reading', async () => {
    const resource = await provided({ provider: 'gb', baseUrl: server.baseUrl });
    const heard: (number | null)[] = [];
    const stop = resource.onReading((reading) => heard.push(reading.intensityGPerKwh));
    const [first, second] = await Promise.all([resource.read(), resource.read()]);
    assert.equal(first, second);
    assert.equal(server.asked.filter((path) => path.includes('fw48h')).length, 1);
    assert.equal(heard.length, 1);
    stop();
    await resource.read();
    assert.equal(heard.length, 1);
  });

  it('finds a trace in the user directory and warns of its defects once', async () => {
    const resource = await provided({ provider: 'trace', path: 'mine.csv', zone: 'X' });
    assert.ok(user !== null);
    await writeFile(
      join(user.node.stateDirectory, 'mine.csv'),
      'datetime_utc,ci\n2026-01-01T00:00Z,123\n2026-01-01T01:00Z,oops\n',
    );
    assert.equal((await resource.read()).intensityGPerKwh, 123);
    assert.equal((await resource.read()).intensityGPerKwh, 123);
    const { helper } = await import('../support/node-helper');
    const warnings = helper.log().args.filter(([entry]) => JSON.stringify(entry).includes('1 unusable (first: line 3'));
    assert.equal(warnings.length, 1);
  });

  it('gives its editor the last day and the forecast, and null where it is not deployed', async () => {
    await provided({ provider: 'simulated', dayLengthS: '60' });
    const { helper } = await import('../support/node-helper');
    const { status, body } = await helper.request().get('/ecomap/grid/g/course');
    const course = body as { past: object[]; forecast: object[]; forecastBy: string; quality: string };
    assert.deepEqual([status, course.quality, course.forecastBy], [200, 'simulated', 'provider']);
    assert.ok(course.past.length >= 96 && course.forecast.length === 96);
    assert.equal((await helper.request().get('/ecomap/grid/none/course')).body, null);
  });

  it('tests a connection with what is typed, past the cool-down of the deployed grid', async () => {
    const normal = server.answer;
    server.answer = (_request, response) => response.writeHead(503).end();
    try {
      const resource = await provided({ provider: 'gb', baseUrl: server.baseUrl });
      await resource.read();
      assert.equal(resource.trouble?.code, 'PROVIDER_UNREACHABLE');
      const { helper } = await import('../support/node-helper');
      const test = (config: object) =>
        helper.request().post('/ecomap/grid-test').send({ id: 'g', config, credentials: {} });
      const failed = await test({ provider: 'gb', baseUrl: server.baseUrl });
      assert.equal(failed.status, 400);
      assert.match(JSON.stringify(failed.body), /PROVIDER_UNREACHABLE.*HTTP status 503/);
      const wrong = await test({ provider: 'energy-charts', country: 'germany' });
      assert.match(JSON.stringify(wrong.body), /INVALID_CONFIG.*country: must be a country code/);
      const fine = await test({ provider: 'static', zone: 'DE' });
      assert.equal(fine.status, 200);
      assert.match(JSON.stringify(fine.body), /"quality":"static".*"coversNow":true/);
    } finally {
      server.answer = normal;
    }
  });

  for (const [provider, config, credentials] of [
    ['electricity-maps', { zone: 'DE' }, { token: 'SECRET-token' }],
    ['watttime', { region: 'CAISO_NORTH' }, { username: 'SECRET-name', password: 'SECRET-password' }],
    ['carbon-aware-sdk', { location: 'eastus' }, { token: 'SECRET-token' }],
  ] as const) {
    it(`keeps the secrets of ${provider} out of readings, errors, logs, files and what it provides`, async () => {
      const sent: string[] = [];
      const normal = server.answer;
      server.answer = (request, response) => {
        sent.push(JSON.stringify(request.headers));
        response.writeHead(401).end(JSON.stringify({ error: `no access for ${JSON.stringify(request.headers)}` }));
      };
      try {
        const flow = [
          { id: 'g', type: 'ecomap-grid', provider, ...config, baseUrl: server.baseUrl, fallbackZone: 'DE' },
          { id: 'user', type: 'ecomap-grid-user', z: 'tab', grid: 'g', wires: [] },
        ];
        const { helper } = await import('../support/node-helper');
        await startFlow([grid, gridUser], flow, { credentials: { g: credentials } });
        assert.ok(user !== null);
        const reading = await user.grid.read();
        assert.equal(user.grid.trouble?.code, 'PROVIDER_UNAUTHORIZED');
        const secrets = ['SECRET', Buffer.from('SECRET-name:SECRET-password').toString('base64')];
        const holdsOne = (text: string): boolean => secrets.some((secret) => text.includes(secret));
        assert.ok(sent.some(holdsOne), 'it was sent');

        const folder = join(user.node.stateDirectory, 'ecomap');
        const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
        const contents = await Promise.all(
          files
            .filter((file) => file.isFile())
            .map(async (file) => file.name + (await readFile(join(file.parentPath, file.name), 'utf8'))),
        );
        for (const [where, what] of Object.entries({
          reading,
          trouble: inspect(user.grid.trouble, { depth: 10, showHidden: true }),
          logs: helper.log().args.map(([entry]) => inspect(entry, { depth: 10 })),
          files: contents,
          resource: inspect(user.grid, { depth: 10, showHidden: true }),
        })) {
          assert.ok(!holdsOne(JSON.stringify(what) ?? ''), `${where} holds a secret`);
        }
      } finally {
        server.answer = normal;
      }
    });
  }

  for (const [name, config, says] of [
    ['a trace without a file', { provider: 'trace', path: '' }, /path: must name a CSV file/],
    ['a yearly average without a zone', { provider: 'static', zone: ' ' }, /zone: must name a zone/],
    ['no country', { provider: 'energy-charts' }, /country: must be a country code of two letters/],
    ['a fallback zone that nobody knows', { provider: 'gb', fallbackZone: 'ATLANTIS' }, /ATLANTIS/],
    ['a zone that nobody knows', { provider: 'static', zone: 'ATLANTIS' }, /ATLANTIS/],
    ['a provider that does not exist', { provider: 'weather' }, /provider/],
  ] as const) {
    it(`does not start with ${name}, and says so to those who use it`, async () => {
      await assert.rejects(provided(config));
      assert.equal(user, null);
      const { helper } = await import('../support/node-helper');
      assert.ok(helper.log().args.some(([entry]) => says.test(JSON.stringify(entry, ['id', 'msg', 'message']))));
    });
  }
});
