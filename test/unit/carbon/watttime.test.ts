import assert from 'node:assert/strict';
import { gridConfigSchema, type GridConfigInput } from '../../../src/carbon/grid-config';
import { type CarbonProvider } from '../../../src/carbon/provider';
import { createProvider } from '../../../src/carbon/providers';
import { FakeClock, fixtures, startProviderServer, type ProviderServer } from './provider-server';

const noon = Date.parse('2026-11-20T12:01:00Z');
const minuteMs = 60_000;
const region = 'CAISO_NORTH';
const at = (minutes: number): string =>
  new Date(Date.parse('2026-11-20T12:00:00Z') + minutes * minuteMs).toISOString().replace('.000Z', '+00:00');

function answer(points: readonly (readonly [minutes: number, value: number | null])[], meta: object = {}): object {
  return {
    data: points.map(([minutes, value]) => ({ point_time: at(minutes), value })),
    meta: {
      data_point_period_seconds: 300,
      region,
      warnings: [],
      signal_type: 'co2_moer',
      model: { date: '2023-03-01' },
      units: 'lbs_co2_per_mwh',
      generated_at_period_seconds: 300,
      generated_at: at(0),
      ...meta,
    },
  };
}

describe('WattTime', () => {
  let server: ProviderServer;
  const clock = new FakeClock(noon);
  let logins: (string | undefined)[];
  let valid: string;
  let says: { forecast: object; historical?: object };
  let loginStatus: number;
  let refusesWith: number;

  before(async () => {
    server = await startProviderServer((request, response) => {
      const path = (request.url ?? '').split('?')[0];
      if (path === '/login') {
        logins.push(request.headers.authorization);
        valid = `bearer-${logins.length}`;
        response.writeHead(loginStatus).end(JSON.stringify({ token: valid }));
      } else if (request.headers.authorization !== `Bearer ${valid}`) response.writeHead(refusesWith).end('{}');
      else if (path === '/v3/forecast') response.end(JSON.stringify(says.forecast));
      else if (path === '/v3/historical' && says.historical) response.end(JSON.stringify(says.historical));
      else response.writeHead(403).end('{"message":"not in your plan"}');
    });
  });
  after(() => server.stop());
  beforeEach(() => {
    clock.set(noon);
    server.asked.length = 0;
    logins = [];
    valid = '';
    loginStatus = 200;
    refusesWith = 401;
    says = {
      forecast: answer([
        [0, 1000],
        [5, 1100],
        [10, null],
      ]),
      historical: answer([
        [-10, 800],
        [-5, 900],
      ]),
    };
  });

  const provider = (more: Partial<GridConfigInput> = {}): CarbonProvider =>
    createProvider(gridConfigSchema.parse({ provider: 'watttime', region, baseUrl: server.baseUrl, ...more }), {
      now: clock.now,
      random: () => 0,
      stateDirectory: fixtures,
      http: { timeoutMs: 500 },
      secrets: { username: 'ann', password: 'pass:word' },
      environment: {},
    });
  const rounded = (value: number | null | undefined): number | null =>
    value == null ? null : Math.round(value * 1e5) / 1e5;

  it('logs in once, turns pounds per megawatt-hour into g/kWh, and is marginal', async () => {
    const grid = provider();
    const { points, forecast, signal, basis, zone } = await grid.read();
    assert.deepEqual(logins, [`Basic ${Buffer.from('ann:pass:word').toString('base64')}`]);
    assert.deepEqual([signal, basis, zone], ['marginal', 'direct', region]);
    assert.deepEqual(
      points.map(({ intensityGPerKwh, quality }) => [rounded(intensityGPerKwh), quality]),
      [
        [362.8739, 'estimated'],
        [408.23313, 'estimated'],
        [453.59237, 'estimated'],
      ],
    );
    assert.deepEqual(
      forecast.map(({ intensityGPerKwh, quality }) => [rounded(intensityGPerKwh), quality]),
      [
        [453.59237, 'forecast'],
        [498.95161, 'forecast'],
        [null, 'forecast'],
      ],
    );
    assert.match(server.asked[1] ?? '', /^\/v3\/forecast\?region=CAISO_NORTH&signal_type=co2_moer&horizon_hours=24$/);
    await grid.read();
    assert.equal(logins.length, 1);
  });

  it('renews its login before the thirty minutes are over', async () => {
    const grid = provider();
    await grid.read();
    clock.advance(24 * minuteMs);
    await grid.read();
    assert.equal(logins.length, 1);
    clock.advance(2 * minuteMs);
    await grid.read();
    assert.equal(logins.length, 2);
  });

  for (const status of [401, 403]) {
    it(`logs in anew when its login is refused with ${status}, once`, async () => {
      refusesWith = status;
      const grid = provider();
      await grid.read();
      valid = 'something else';
      assert.equal((await grid.read()).points.length > 0, true);
      assert.equal(logins.length, 2);
    });
  }

  it('gives up after one new login, as throttled where it had answered before', async () => {
    const grid = provider();
    await grid.read();
    const normal = server.answer;
    server.answer = (request, response) => {
      if (request.url?.startsWith('/v3')) response.writeHead(403).end('{}');
      else normal(request, response);
    };
    try {
      await assert.rejects(grid.read(), { code: 'PROVIDER_UNREACHABLE', message: /although it had answered before/ });
    } finally {
      server.answer = normal;
    }
    assert.equal(logins.length, 2);
  });

  it('says which login is wrong, without quoting it', async () => {
    loginStatus = 401;
    await assert.rejects(provider().read(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'PROVIDER_UNAUTHORIZED');
      assert.match(error.message, /\/login\) answered 401/);
      assert.doesNotMatch(error.message, /pass:word|ann/);
      return true;
    });
    assert.equal(logins.length, 1, 'a refused name is not tried again at once');
  });

  it('stands without the past, which some accounts may not read', async () => {
    delete says.historical;
    assert.equal((await provider().read()).points.length, 1);
  });

  const refused: [name: string, meta: object, reason: RegExp][] = [
    ['the percentile of the index', { units: 'percentile' }, /answered in percentile, which is no mass/],
    ['other units', { units: 'kg_co2_per_mwh' }, /kg_co2_per_mwh, which is no mass per energy: only lbs/],
    ['another region', { region: 'PJM_CHICAGO' }, /for the region PJM_CHICAGO, asked was CAISO_NORTH/],
    ['another signal', { signal_type: 'health_damage' }, /with health_damage, asked was co2_moer/],
  ];
  for (const [name, meta, reason] of refused) {
    it(`refuses ${name}`, async () => {
      says.forecast = answer([[0, 96]], meta);
      await assert.rejects(provider().read(), { code: 'PROVIDER_UNREACHABLE', message: reason });
    });
  }

  it('refuses nulls alone and another form', async () => {
    says.forecast = answer([[0, null]]);
    await assert.rejects(provider().read(), /without a single value/);
    says.forecast = { data: answer([[0, 1]]), meta: {} };
    await assert.rejects(provider().read(), /unknown form: data/);
  });

  it('has average rates, too', async () => {
    says.forecast = answer([[0, 1000]], { signal_type: 'co2_aoer' });
    delete says.historical;
    const { signal } = await provider({ emissionsRate: 'co2_aoer' }).read();
    assert.equal(signal, 'average');
  });
});
