import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { gridConfigSchema, type GridConfigInput } from '../../../src/carbon/grid-config';
import { hourMs, type CarbonProvider } from '../../../src/carbon/provider';
import { createProvider } from '../../../src/carbon/providers';
import { FakeClock, fixtures, startProviderServer, type ProviderServer } from './provider-server';

const noon = Date.parse('2026-11-20T12:10:00Z');
const zone = 'US-MIDW-MISO';
const hour = (offset: number): string => new Date(Date.parse('2026-11-20T12:00:00Z') + offset * hourMs).toISOString();

const latest = (more: object = {}): object => ({
  zone,
  carbonIntensity: 431,
  datetime: hour(0),
  updatedAt: hour(0),
  createdAt: hour(-60),
  emissionFactorType: 'lifecycle',
  isEstimated: true,
  estimationMethod: 'ESTIMATED_TIME_SLICER_AVERAGE',
  ...more,
});
const history = (more: object = {}): object => ({
  zone,
  history: Array.from({ length: 24 }, (_, index) =>
    latest({ datetime: hour(index - 24), carbonIntensity: 400 + index, isEstimated: index > 20 }),
  ),
  ...more,
});
const forecast = (more: object = {}): object => ({
  zone,
  forecast: Array.from({ length: 25 }, (_, index) => ({ carbonIntensity: 430 - index, datetime: hour(index) })),
  updatedAt: hour(0),
  temporalGranularity: 'hourly',
  ...more,
});

describe('Electricity Maps', () => {
  let server: ProviderServer;
  const headers: IncomingHttpHeaders[] = [];
  const clock = new FakeClock(noon);
  /** By the last part of the path; a number is a status. */
  let says: Record<string, object | number>;

  before(async () => {
    server = await startProviderServer((request, response) => {
      headers.push(request.headers);
      const what = says[(request.url ?? '').split('?')[0]?.split('/').at(-1) ?? ''] ?? 404;
      if (typeof what === 'number') response.writeHead(what).end('{"error":"Endpoint not available"}');
      else response.end(JSON.stringify(what));
    });
  });
  after(() => server.stop());
  beforeEach(() => {
    clock.set(noon);
    headers.length = 0;
    server.asked.length = 0;
    says = { latest: latest(), history: history(), forecast: forecast() };
  });

  const provider = (more: Partial<GridConfigInput> = {}, token: string | undefined = 'T0KEN'): CarbonProvider =>
    createProvider(gridConfigSchema.parse({ provider: 'electricity-maps', zone, baseUrl: server.baseUrl, ...more }), {
      now: clock.now,
      random: () => 0,
      stateDirectory: fixtures,
      http: { timeoutMs: 500 },
      secrets: { token },
      environment: {},
    });

  it('asks v4 for the zone with the look-up of the caller switched off in both ways', async () => {
    await provider().read();
    assert.equal(server.asked.length, 3);
    for (const path of server.asked) {
      const url = new URL(path, server.baseUrl);
      assert.match(url.pathname, /^\/v4\/carbon-intensity\/(latest|history|forecast)$/);
      assert.equal(url.searchParams.get('zone'), zone);
      assert.equal(url.searchParams.get('emissionFactorType'), 'lifecycle');
      assert.equal(url.searchParams.get('disableCallerLookup'), 'true');
      assert.equal(url.searchParams.get('shouldUseFallbackCallerLookup'), 'false');
      assert.doesNotMatch(path, /T0KEN/);
    }
    assert.ok(headers.every((sent) => sent['auth-token'] === 'T0KEN'));
    assert.match(server.asked[2] ?? '', /forecast\?.*horizonHours=24/);
  });

  it('gives estimates as estimated with their method, the rest as measured, and the forecast', async () => {
    const answer = await provider().read();
    assert.deepEqual([answer.zone, answer.signal, answer.basis], [zone, 'average', 'lifecycle']);
    const current = answer.points.at(-1);
    assert.deepEqual(
      [current?.intensityGPerKwh, current?.quality, current?.method],
      [431, 'estimated', 'ESTIMATED_TIME_SLICER_AVERAGE'],
    );
    assert.equal(current?.validToMs, Date.parse(hour(1)));
    assert.equal(answer.points.length, 25);
    assert.equal(answer.points[0]?.quality, 'measured');
    assert.equal(answer.points.at(-2)?.quality, 'estimated');
    assert.equal(answer.forecast.length, 25);
    assert.equal(answer.forecast[0]?.quality, 'forecast');
  });

  it('speaks v3 and asks for direct factors where told', async () => {
    says = { latest: latest({ emissionFactorType: 'direct' }) };
    const v3 = provider({ apiVersion: 'v3', factorType: 'direct', horizonH: 0 });
    const answer = await v3.read();
    assert.equal(answer.basis, 'direct');
    assert.match(server.asked[0] ?? '', /^\/v3\/.*emissionFactorType=direct/);
    assert.ok(!server.asked.some((path) => path.includes('/forecast')), 'no forecast is asked for');
    assert.deepEqual([v3.version, v3.variant], ['v3', 'direct-hourly']);
  });

  it('takes a step that is coarser than asked for what it is, and says so', async () => {
    says = { latest: latest(), history: history() };
    const fine = provider({ granularity: '5_minutes', horizonH: 0 });
    assert.equal(fine.pollIntervalMs, 900_000, 'never more often than every 15 minutes');
    const answer = await fine.read();
    assert.match(server.asked[0] ?? '', /temporalGranularity=5_minutes/);
    assert.equal(fine.stepS, 3600);
    assert.equal(fine.pollIntervalMs, hourMs);
    assert.match(fine.notes.join(), /asked for 5_minutes, answered every 60 minutes/);
    assert.equal(answer.points.at(-1)?.validToMs, Date.parse(hour(1)));
  });

  it('stands without a forecast that the plan does not include, notes it, and does not ask for it again soon', async () => {
    says.forecast = 401;
    const free = provider();
    const answer = await free.read();
    assert.deepEqual(answer.forecast, []);
    assert.match(free.notes.join(), /this token reads no forecast/);
    clock.advance(2 * hourMs);
    says.latest = latest({ datetime: hour(2) });
    await free.read();
    assert.equal(server.asked.filter((path) => path.includes('/forecast')).length, 1);
    clock.advance(24 * hourMs);
    await free.read();
    assert.equal(server.asked.filter((path) => path.includes('/forecast')).length, 2);
  });

  it('asks for the past again every six hours, for what was revised meanwhile', async () => {
    const grid = provider({ horizonH: 0 });
    for (let step = 0; step < 7; step += 1) {
      await grid.read();
      clock.advance(hourMs);
    }
    assert.equal(server.asked.filter((path) => path.includes('/history')).length, 2);
    assert.equal(server.asked.filter((path) => path.includes('/latest')).length, 7);
  });

  it('passes on a missing value as null while the past is known', async () => {
    says.latest = latest({ carbonIntensity: null });
    const answer = await provider().read();
    assert.equal(answer.points.at(-1)?.intensityGPerKwh, null);
    assert.equal(answer.points.at(-2)?.intensityGPerKwh, 423);
  });

  const refused: [name: string, says: object, reason: RegExp][] = [
    ['another zone', { latest: latest({ zone: 'FR' }) }, /answered for the zone FR, asked was US-MIDW-MISO/],
    ['other factors', { latest: latest({ emissionFactorType: 'direct' }) }, /direct factors, asked was lifecycle/],
    ['no value at all', { latest: latest({ carbonIntensity: null }) }, /without a single value/],
    ['text for a number', { latest: latest({ carbonIntensity: '431' }) }, /unknown form: carbonIntensity/],
    ['a time without a zone', { latest: latest({ datetime: '2026-11-20T12:00:00' }) }, /unknown form: datetime/],
    [
      'the "no data" of another address',
      { latest: { status: 'no-data', countryCode: 'DE', data: {} } },
      /unknown form/,
    ],
    ['a list', { latest: [latest()] }, /unknown form/],
    ['an error with status 200', { latest: { error: 'No recent data' } }, /unknown form/],
  ];
  for (const [name, answers, reason] of refused) {
    it(`refuses ${name}`, async () => {
      says = answers as typeof says;
      await assert.rejects(provider().read(), { code: 'PROVIDER_UNREACHABLE', message: reason });
    });
  }

  it('leaves out a history of another zone', async () => {
    says.history = history({ zone: 'FR' });
    assert.equal((await provider().read()).points.length, 1);
  });

  it('takes a 401 at first for a wrong token, and after an answer for throttling, with what the provider says', async () => {
    says.latest = 401;
    await assert.rejects(provider().read(), {
      code: 'PROVIDER_UNAUTHORIZED',
      message: /answered 401 \(Endpoint not available\): check the key or token/,
    });
    says.latest = latest();
    const grid = provider();
    await grid.read();
    says.latest = 401;
    clock.advance(hourMs);
    await assert.rejects(grid.read(), {
      code: 'PROVIDER_UNREACHABLE',
      message: /answered 401 .*although it had answered before: over its limit/,
    });
  });

  it('asks nobody without a token, and says where one goes', async () => {
    await assert.rejects(provider({}, '  ').read(), {
      code: 'PROVIDER_UNAUTHORIZED',
      message: /no token is set: .*ECOMAP_ELECTRICITY_MAPS_TOKEN/,
    });
    await assert.rejects(provider({}, 'a\nb').read(), (error: Error) => !error.message.includes('a\nb'));
    assert.deepEqual(server.asked, []);
  });

  it('takes the token from the environment, but rather what was typed', async () => {
    const config = gridConfigSchema.parse({ provider: 'electricity-maps', zone, baseUrl: server.baseUrl });
    const environment = { ECOMAP_ELECTRICITY_MAPS_TOKEN: 'of-environment', ECOMAP_WATTTIME_PASSWORD: 'of-another' };
    const surroundings = { now: clock.now, stateDirectory: fixtures, environment };
    await createProvider(config, surroundings).read();
    await createProvider(config, { ...surroundings, secrets: { token: 'typed' } }).read();
    assert.deepEqual(
      headers.map((sent) => sent['auth-token']),
      [...new Array(3).fill('of-environment'), ...new Array(3).fill('typed')],
    );
  });
});
