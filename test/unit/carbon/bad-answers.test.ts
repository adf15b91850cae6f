import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { gridConfigSchema, type GridConfigInput } from '../../../src/carbon/grid-config';
import { createCarbonSource, type CarbonSource } from '../../../src/carbon/source';
import { carbonReadingSchema } from '../../../src/signals/carbon';
import { FakeClock, startProviderServer, type ProviderServer } from './provider-server';

type Answer = ProviderServer['answer'];
const noon = Date.parse('2026-11-20T12:10:00Z');
const minuteMs = 60_000;
const secrets = { token: 'SECRET-token', username: 'SECRET-name', password: 'SECRET-password' };

const providers: readonly GridConfigInput[] = [
  { provider: 'gb' },
  { provider: 'gb', postcode: 'RG10' },
  { provider: 'energy-charts', country: 'de' },
  { provider: 'electricity-maps', zone: 'DE' },
  { provider: 'watttime', region: 'CAISO_NORTH' },
  { provider: 'carbon-aware-sdk', location: 'eastus', baseUrl: 'http://set.later' },
];
const nameOf = (config: GridConfigInput): string => ('postcode' in config ? 'a region of gb' : config.provider);

const says =
  (body: string, status = 200, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);
/** Echoes the secret that it was sent, as some services do. */
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (request, response) => {
    const secret = request.headers['auth-token'] ?? request.headers.authorization;
    const body = secret === undefined ? {} : { error: `${String(secret)} is over` };
    response.writeHead(code, headers).end(JSON.stringify(body));
  };

const drip: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write('{'), 10);
  response.on('close', () => clearInterval(timer));
};
/** 50 MB, as fast as they are taken. */
const flood: Answer = (_request, response) => {
  const chunk = Buffer.alloc(65_536, 'x');
  let left = 50_000_000;
  const pour = (): void => {
    while (!response.destroyed && left > 0) {
      left -= chunk.length;
      if (!response.write(chunk)) {
        response.once('drain', pour);
        return;
      }
    }
    response.end();
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  pour();
};

const bad: readonly [name: string, answer: Answer, code: string, reason: RegExp][] = [
  ['HTML with status 200', says('<!doctype html><p>sign in'), 'PROVIDER_UNREACHABLE', /an HTML page/],
  ['half a JSON', says('{"data":['), 'PROVIDER_UNREACHABLE', /no JSON/],
  ['no content', says('', 204), 'PROVIDER_UNREACHABLE', /no JSON/],
  ['null', says('null'), 'PROVIDER_UNREACHABLE', /unknown form/],
  ['an empty object', says('{}'), 'PROVIDER_UNREACHABLE', /unknown form|without a single value/],
  ['an empty list', says('[]'), 'PROVIDER_UNREACHABLE', /unknown form|without a single value/],
  ['a number', says('0'), 'PROVIDER_UNREACHABLE', /unknown form/],
  ['401', status(401), 'PROVIDER_UNAUTHORIZED', /answered 401: check/],
  ['403', status(403), 'PROVIDER_UNAUTHORIZED', /answered 403: check/],
  ['404', status(404), 'PROVIDER_UNREACHABLE', /HTTP status 404: not there/],
  ['410', status(410), 'PROVIDER_UNREACHABLE', /HTTP status 410: not there/],
  ['429', status(429, { 'retry-after': '5400' }), 'PROVIDER_UNREACHABLE', /HTTP status 429/],
  ['500', status(500), 'PROVIDER_UNREACHABLE', /HTTP status 500/],
  ['503', status(503, { 'retry-after': '90' }), 'PROVIDER_UNREACHABLE', /HTTP status 503/],
  ['a slow drip', drip, 'PROVIDER_UNREACHABLE', /did not answer in full within 0\.3 s/],
  ['50 MB', flood, 'PROVIDER_UNREACHABLE', /more than 1000000 bytes/],
  ['a closed connection', (request) => request.socket.destroy(), 'PROVIDER_UNREACHABLE', /cannot be reached/],
];
/** Minutes during which it is not asked again; the others pause for half a minute. */
const pauses: Readonly<Record<string, number>> = { '404': 60, '410': 60, '429': 90, '503': 1.5 };

describe('bad answers of providers', () => {
  let server: ProviderServer;
  let elsewhere: ProviderServer;
  let directory: string;
  const clock = new FakeClock(noon);
  before(async () => {
    server = await startProviderServer(says('{}'));
    elsewhere = await startProviderServer(says('{}'));
  });
  after(async () => {
    await server.stop();
    await elsewhere.stop();
  });
  beforeEach(async () => {
    clock.set(noon);
    server.asked.length = 0;
    elsewhere.asked.length = 0;
    directory = await mkdtemp(join(tmpdir(), 'ecomap-bad-answers-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function source(config: GridConfigInput, baseUrl = server.baseUrl): CarbonSource {
    return createCarbonSource(gridConfigSchema.parse({ ...config, fallbackZone: 'DE', baseUrl }), {
      now: clock.now,
      random: () => 0,
      stateDirectory: directory,
      http: { timeoutMs: 300 },
      secrets,
      environment: {},
    });
  }
  const withLogin =
    (answer: Answer): Answer =>
    (request, response) => {
      if (request.url === '/login') response.end('{"token":"SECRET-bearer"}');
      else answer(request, response);
    };

  async function falls(grid: CarbonSource, code: string, reason: RegExp): Promise<void> {
    const reading = await grid.read();
    assert.deepEqual(carbonReadingSchema.parse(reading), reading);
    assert.deepEqual([reading.quality, reading.zone, reading.basis], ['static', 'DE', 'lifecycle']);
    assert.ok(reading.intensityGPerKwh !== null && reading.intensityGPerKwh > 100);
    assert.equal(grid.trouble?.code, code);
    assert.match(reading.why[0] ?? '', reason);
    const told = inspect([reading, grid.trouble, grid.notes], { depth: 10, showHidden: true });
    assert.doesNotMatch(told, /SECRET/);
  }

  for (const config of providers) {
    describe(nameOf(config), () => {
      for (const [name, answer, code, reason] of bad) {
        it(`${name}: falls back and says so, and does not ask again at once`, async () => {
          server.answer = withLogin(answer);
          const grid = source(config);
          await falls(grid, code, reason);
          const asked = server.asked.length;
          clock.advance((pauses[name] ?? 0.5) * minuteMs - 1);
          await grid.read();
          assert.equal(server.asked.length, asked, 'it was asked again before the pause was over');
          clock.advance(1);
          await grid.read();
          assert.ok(server.asked.length > asked, 'it was not asked again after the pause');
          grid.close();
        });
      }

      it('a redirect to another host is not followed, and nothing is sent there', async () => {
        server.answer = withLogin(says('', 302, { location: `${elsewhere.baseUrl}/x` }));
        await falls(source(config), 'PROVIDER_UNREACHABLE', /redirects to another host \(127\.0\.0\.1:\d+\)/);
        assert.deepEqual(elsewhere.asked, []);
      });
    });
  }

  it('a certificate that nobody vouches for is refused, and the reason says so', async function () {
    let certificate: { key: Buffer; cert: Buffer };
    const folder = mkdtempSync(join(tmpdir(), 'ecomap-certificate-'));
    try {
      const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
      const subject = ['-days', '1', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      execFileSync('openssl', ['req', '-x509', ...kind, ...files, ...subject], { stdio: 'ignore' });
      certificate = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) };
    } catch (error) {
      console.log(`      skipped: no certificate could be made with openssl (${String(error)})`);
      return this.skip();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    let asked = 0;
    const secure = createServer(certificate, (_request, response) => {
      asked += 1;
      response.end('{}');
    });
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    const address = secure.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const grid = source({ provider: 'electricity-maps', zone: 'DE' }, `https://127.0.0.1:${port}`);
      await falls(grid, 'PROVIDER_UNREACHABLE', /certificate that is not trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
      assert.equal(asked, 0, 'the token never left');
    } finally {
      secure.close();
    }
  });

  it('names and contents of what is kept on disk hold no secret', async () => {
    const value = { zone: 'DE', carbonIntensity: 300, datetime: '2026-11-20T12:00:00Z', isEstimated: false };
    server.answer = says(JSON.stringify(value));
    const grid = source({ provider: 'electricity-maps', zone: 'DE' });
    assert.equal((await grid.read()).intensityGPerKwh, 300);
    const files = await readdir(directory, { recursive: true });
    const file = files.find((name) => name.endsWith('.json')) ?? '';
    assert.match(file, /electricity-maps-DE-lifecycle-hourly\.json$/);
    assert.doesNotMatch(files.join() + (await readFile(join(directory, file), 'utf8')), /SECRET/);
  });

  it('two grids of one zone and different factors do not take each other for the same after a restart', async () => {
    server.answer = (request, response) => {
      const type = new URL(request.url ?? '', server.baseUrl).searchParams.get('emissionFactorType');
      const carbonIntensity = type === 'direct' ? 250 : 300;
      const datetime = '2026-11-20T12:00:00Z';
      response.end(JSON.stringify({ zone: 'DE', carbonIntensity, datetime, emissionFactorType: type }));
    };
    const both = (['direct', 'lifecycle'] as const).map((factorType): GridConfigInput => ({
      provider: 'electricity-maps',
      zone: 'DE',
      factorType,
    }));
    for (const config of both) await source(config).read();
    server.answer = status(500);
    const after = await Promise.all(both.map((config) => source(config).read()));
    assert.deepEqual(
      after.map(({ intensityGPerKwh, basis }) => [intensityGPerKwh, basis]),
      [
        [250, 'direct'],
        [300, 'lifecycle'],
      ],
    );
  });
});
