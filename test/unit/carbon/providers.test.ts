import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gridConfigSchema, type GridConfigInput } from '../../../src/carbon/grid-config';
import { createProvider } from '../../../src/carbon/providers';
import { curveAt } from '../../../src/carbon/providers/simulated';
import { coversTime, dayMs, hourMs, type CarbonProvider, type ProviderAnswer } from '../../../src/carbon/provider';
import { zoneAverage } from '../../../src/carbon/zone-average';
import { answerWith, FakeClock, fixtures, startProviderServer, type ProviderServer } from './provider-server';

const noon = Date.parse('2026-11-20T12:10:00Z');

function provider(config: GridConfigInput, clock = new FakeClock(noon)): CarbonProvider {
  return createProvider(gridConfigSchema.parse(config), {
    now: clock.now,
    stateDirectory: fixtures,
    http: { timeoutMs: 500 },
  });
}
const valueAt = (answer: ProviderAnswer, timeMs: number): number | null | undefined =>
  answer.points.find((point) => coversTime(point, timeMs))?.intensityGPerKwh;

describe('remote providers', () => {
  let server: ProviderServer;
  before(async () => {
    server = await startProviderServer((_request, response) => response.writeHead(404).end());
  });
  after(() => server.stop());
  beforeEach(() => {
    server.asked.length = 0;
  });

  describe('GB', () => {
    it('gives the past as estimated, the running half hour as forecast, and 48 hours ahead', async () => {
      server.answer = await answerWith({ fw48h: 'gb-fw48h.json', pt24h: 'gb-pt24h.json' });
      const answer = await provider({ provider: 'gb', baseUrl: server.baseUrl }).read();
      assert.deepEqual(server.asked, ['/intensity/2026-11-20T12:10Z/fw48h', '/intensity/2026-11-20T12:10Z/pt24h']);
      assert.deepEqual([answer.zone, answer.signal, answer.basis], ['GB', 'average', 'operational']);
      assert.match(answer.attribution, /National Energy System Operator.*CC BY 4\.0/);
      const current = answer.points.at(-1);
      assert.equal(current?.validFromMs, Date.parse('2026-11-20T12:00Z'));
      assert.equal(current?.quality, 'forecast');
      assert.equal(current?.intensityGPerKwh, 233);
      assert.equal(answer.points.at(-2)?.quality, 'estimated');
      assert.equal(answer.points.at(-2)?.intensityGPerKwh, 226);
      assert.equal(answer.points.length, 49);
      assert.equal(answer.forecast.length, 96);
      assert.equal(answer.forecast[0]?.validFromMs, Date.parse('2026-11-20T12:00Z'));
    });

    it('stands without the past', async () => {
      server.answer = await answerWith({ fw48h: 'gb-fw48h.json' });
      const answer = await provider({ provider: 'gb', baseUrl: server.baseUrl }).read();
      assert.equal(answer.points.length, 2);
    });

    const bad: [name: string, file: string, says: RegExp][] = [
      ['nulls', 'gb-nulls.json', /without a single value/],
      ['a region instead of the country', 'gb-regional.json', /for a region, not for all of Great Britain/],
      ['another form', 'energy-charts-de.json', /unknown form: data/],
    ];
    for (const [name, file, says] of bad) {
      it(`refuses ${name}`, async () => {
        server.answer = await answerWith({ fw48h: file, pt24h: file });
        const gb = provider({ provider: 'gb', baseUrl: server.baseUrl });
        await assert.rejects(gb.read(), { code: 'PROVIDER_UNREACHABLE', message: says });
        const asked = server.asked.length;
        await assert.rejects(gb.read(), { message: says });
        assert.equal(server.asked.length, asked, 'it pauses after an answer that cannot be used');
      });
    }
  });

  describe('a region of GB', () => {
    const halfHour = (index: number): string =>
      `${new Date(Date.parse('2026-11-20T12:00Z') + index * 1_800_000).toISOString().slice(0, 16)}Z`;
    const region = (from: number, to: number, more: object = {}): object => ({
      regionid: 13,
      dnoregion: 'UKPN London',
      shortname: 'London',
      postcode: 'EC1A',
      data: Array.from({ length: to - from }, (_, index) => ({
        from: halfHour(from + index),
        to: halfHour(from + index + 1),
        intensity: { forecast: 100 + from + index, index: 'low' },
        generationmix: [],
      })),
      ...more,
    });
    const says = (ahead: unknown, past: unknown): void => {
      server.answer = (request, response) =>
        response.end(JSON.stringify({ data: request.url?.includes('fw48h') ? ahead : past }));
    };

    for (const [name, wrap] of [
      ['an object', (data: object): unknown => data],
      ['a list', (data: object): unknown => [data]],
    ] as const) {
      it(`is read from ${name}: forecasts all of them, 48 hours ahead`, async () => {
        says(wrap(region(0, 96)), wrap(region(-48, 0)));
        const gb = { provider: 'gb', baseUrl: server.baseUrl } as const;
        const answer = await provider({ ...gb, postcode: 'ec1a' }).read();
        assert.deepEqual(server.asked, [
          '/regional/intensity/2026-11-20T12:10Z/fw48h/postcode/EC1A',
          '/regional/intensity/2026-11-20T12:10Z/pt24h/postcode/EC1A',
        ]);
        assert.deepEqual([answer.zone, answer.basis, answer.forecast.length], ['GB-EC1A', 'operational', 96]);
        assert.equal(answer.points.at(-1)?.intensityGPerKwh, 100);
        assert.ok(answer.points.every(({ quality }) => quality === 'forecast'));
        assert.equal((await provider({ ...gb, regionId: 13 }).read()).zone, 'GB-13');
        assert.match(server.asked.at(-1) ?? '', /pt24h\/regionid\/13$/);
      });
    }

    it('refuses another region, and the country', async () => {
      const gb = { provider: 'gb', baseUrl: server.baseUrl } as const;
      says([region(0, 96)], []);
      await assert.rejects(provider({ ...gb, postcode: 'RG10' }).read(), /for the region EC1A, asked was GB-RG10/);
      await assert.rejects(provider({ ...gb, regionId: 5 }).read(), /for the region EC1A, asked was GB-5/);
      server.answer = await answerWith({ fw48h: 'gb-fw48h.json' });
      await assert.rejects(provider({ ...gb, regionId: 5 }).read(), /for all of Great Britain, asked was GB-5/);
    });
  });

  describe('Carbon Aware SDK', () => {
    let latest: unknown;
    let forecasts: unknown;
    const sdk = (location = 'eastus'): CarbonProvider =>
      provider({ provider: 'carbon-aware-sdk', location, baseUrl: `${server.baseUrl}/sdk/`, signal: 'marginal' });
    beforeEach(() => {
      latest = [{ location: 'eastus', time: '2026-11-20T12:05:00+00:00', rating: 412.5, duration: '00:05:00' }];
      forecasts = [
        {
          generatedAt: '2026-11-20T12:00:00Z',
          forecastData: [0, 5, 10].map((minute) => ({
            location: 'eastus',
            timestamp: `2026-11-20T12:${String(10 + minute)}:00Z`,
            duration: 5,
            value: minute === 5 ? -1 : 400 + minute,
          })),
        },
      ];
      server.answer = (request, response) => {
        const what = request.url?.includes('/forecasts/') ? forecasts : latest;
        if (what === null) response.writeHead(400).end('{"title":"unknown location","status":400}');
        else response.end(JSON.stringify(what));
      };
    });

    it('passes on the latest value with the signal that is set, and the forecast', async () => {
      const grid = sdk();
      const answer = await grid.read();
      assert.deepEqual(server.asked, [
        '/sdk/emissions/bylocation?location=eastus',
        '/sdk/emissions/forecasts/current?location=eastus',
      ]);
      assert.deepEqual([answer.zone, answer.signal, answer.basis], ['eastus', 'marginal', 'unknown']);
      const [point] = answer.points;
      assert.deepEqual([point?.intensityGPerKwh, point?.quality], [412.5, 'estimated']);
      assert.equal(point?.validToMs, noon);
      assert.deepEqual(
        answer.forecast.map(({ intensityGPerKwh }) => intensityGPerKwh),
        [400, null, 410],
      );
      assert.equal(grid.stepS, 300);
    });

    it('takes -1 and null for missing', async () => {
      for (const rating of [-1, null]) {
        latest = [{ location: 'eastus', time: '2026-11-20T12:05:00Z', rating }];
        await assert.rejects(sdk().read(), { code: 'PROVIDER_UNREACHABLE', message: /without a single value/ });
      }
    });

    it('stands without a forecast, and says for which zone its source answers', async () => {
      forecasts = null;
      latest = [{ location: 'PJM_ROANOKE', time: '2026-11-20T12:00:00Z', rating: 300 }];
      const grid = sdk();
      const answer = await grid.read();
      assert.deepEqual([answer.zone, answer.forecast.length], ['eastus', 0]);
      assert.match(grid.notes.join(), /asked for eastus, it answers for PJM_ROANOKE/);
      latest = [{ location: 'PJM_DC', time: '2026-11-20T12:00:00Z', rating: 300 }];
      await assert.rejects(grid.read(), /for PJM_DC and for PJM_ROANOKE/);
    });

    it('passes on what is wrong in the words of the service', async () => {
      latest = null;
      await assert.rejects(sdk('atlantis').read(), /HTTP status 400 \(unknown location\)/);
    });
  });

  describe('Energy-Charts', () => {
    it('merges what was measured with the forecast that fills trailing nulls', async () => {
      server.answer = await answerWith({ '/co2eq?': 'energy-charts-de.json' });
      const answer = await provider({ provider: 'energy-charts', country: 'DE', baseUrl: server.baseUrl }).read();
      assert.deepEqual(server.asked, ['/co2eq?country=de']);
      assert.deepEqual([answer.zone, answer.signal, answer.basis], ['DE', 'average', 'unknown']);
      assert.equal(valueAt(answer, Date.parse('2026-11-20T10:50Z')), 343);
      const current = answer.points.at(-1);
      assert.deepEqual([current?.intensityGPerKwh, current?.quality], [448, 'forecast']);
      assert.equal(answer.forecast.length, 48);
    });

    it('asks for the forecast where the answer has none, and stands without it', async () => {
      server.answer = await answerWith({
        '/co2eq?': 'energy-charts-no-forecast.json',
        '/co2eq_forecast?': 'energy-charts-de.json',
      });
      const de = { provider: 'energy-charts', country: 'de', baseUrl: server.baseUrl } as const;
      assert.equal((await provider(de).read()).points.at(-1)?.intensityGPerKwh, 448);
      assert.deepEqual(server.asked, ['/co2eq?country=de', '/co2eq_forecast?country=de']);
      server.answer = await answerWith({ '/co2eq?': 'energy-charts-no-forecast.json' });
      const answer = await provider(de).read();
      assert.equal(answer.points.at(-1)?.intensityGPerKwh, null);
      assert.equal(valueAt(answer, Date.parse('2026-11-20T10:50Z')), 343);
    });

    it('refuses nulls and the wrong country', async () => {
      server.answer = await answerWith({ '/co2eq': 'energy-charts-nulls.json' });
      const de = { provider: 'energy-charts', country: 'de', baseUrl: server.baseUrl } as const;
      await assert.rejects(provider(de).read(), { code: 'PROVIDER_UNREACHABLE', message: /without a single value/ });
      server.answer = await answerWith({ '/co2eq': 'energy-charts-wrong-country.json' });
      await assert.rejects(provider(de).read(), { code: 'PROVIDER_UNREACHABLE', message: /country FR, asked was DE/ });
    });
  });
});

describe('static provider', () => {
  it('knows zones of Electricity Maps, countries and the world, with their source', async () => {
    for (const zone of ['US-MIDW-MISO', 'DE', 'USA', 'WORLD', 'gb']) {
      const answer = await provider({ provider: 'static', zone }).read();
      assert.equal(answer.zone, zone.toUpperCase());
      assert.equal(answer.basis, 'lifecycle');
      assert.equal(answer.points[0]?.quality, 'static');
      assert.ok((valueAt(answer, noon) ?? 0) > 10);
      assert.match(answer.attribution, /CO2\.js/);
    }
  });

  it('takes the zeros of the tables for missing', () => {
    assert.equal(zoneAverage('CAF'), null);
    assert.equal(zoneAverage('ATLANTIS'), null);
    assert.throws(() => provider({ provider: 'static', zone: 'ATLANTIS' }), {
      code: 'INVALID_CONFIG',
      message: /ATLANTIS/,
    });
  });
});

describe('simulated provider', () => {
  const shape = { meanGPerKwh: 400, swingGPerKwh: 200, solarDipGPerKwh: 150 };

  it('swings around its mean, low in the morning, high in the evening, with a dip at noon', () => {
    const hour = (h: number): number => curveAt(shape, h * hourMs);
    assert.ok(Math.abs(hour(6) - 300) < 2.5 && Math.abs(hour(18) - 500) < 2.5);
    assert.ok(Math.abs(hour(12) - 250) < 1e-9);
    assert.ok(hour(12) < hour(6) && hour(6) < hour(0) && hour(0) < hour(18));
    assert.equal(hour(30), hour(6));
  });

  it('plays a day in the time it is told', async () => {
    const clock = new FakeClock(noon);
    const grid = provider({ provider: 'simulated', ...shape, dayLengthS: 240, startOffsetH: 5 }, clock);
    const begin = grid.gridTimeMs();
    assert.equal(begin % dayMs, 5 * hourMs);
    assert.equal(grid.pollIntervalMs, 2500);
    clock.advance(120_000);
    assert.equal(grid.gridTimeMs() - begin, dayMs / 2);
    const answer = await grid.read();
    const current = answer.points.at(-1);
    assert.ok(current !== undefined && coversTime(current, grid.gridTimeMs()));
    assert.equal(current.quality, 'simulated');
    assert.equal(current.intensityGPerKwh, curveAt(shape, current.validFromMs + hourMs / 8));
    assert.equal(answer.forecast.length, 96);
  });

  it('runs with the clock on the wall in real time', () => {
    assert.equal(provider({ provider: 'simulated', mode: 'real-time' }).gridTimeMs(), noon);
  });

  it('repeats its noise for the same seed only, and stays possible', async () => {
    const noisy = async (seed: number): Promise<(number | null)[]> =>
      (await provider({ provider: 'simulated', ...shape, noiseGPerKwh: 500, seed }).read()).points.map(
        (point) => point.intensityGPerKwh,
      );
    assert.deepEqual(await noisy(1), await noisy(1));
    assert.notDeepEqual(await noisy(1), await noisy(2));
    assert.ok((await noisy(1)).every((value) => value !== null && value >= 0 && value <= 1500));
  });

  it('has noise of the size it is told', async () => {
    const answer = await provider({
      provider: 'simulated',
      meanGPerKwh: 500,
      swingGPerKwh: 0,
      solarDipGPerKwh: 0,
      noiseGPerKwh: 20,
    }).read();
    const departures = answer.points.map((point) => (point.intensityGPerKwh ?? NaN) - 500);
    const deviation = Math.sqrt(departures.reduce((sum, value) => sum + value * value, 0) / departures.length);
    assert.ok(deviation > 17 && deviation < 23, String(deviation));
  });
});

describe('trace provider', () => {
  const trace = { provider: 'trace', path: 'trace-with-defects.csv', column: 'ci_g_per_kwh', dayLengthS: 240 } as const;
  const secondsPerHour = 10;

  it('plays the file from its own times', async () => {
    const clock = new FakeClock(noon);
    const grid = provider({ ...trace, loop: false, zone: 'X', basis: 'direct' }, clock);
    const first = await grid.read();
    assert.deepEqual([first.zone, first.basis], ['X', 'direct']);
    assert.equal(grid.gridTimeMs(), Date.parse('2026-03-29T00:00Z'));
    assert.equal(grid.pollIntervalMs, secondsPerHour * 1000);
    assert.equal(first.points.length, 1);
    clock.advance(1.5 * secondsPerHour * 1000);
    const second = await grid.read();
    assert.equal(second.points.length, 2);
    assert.equal(second.points.at(-1)?.intensityGPerKwh, 310.5);
    assert.equal(second.points.at(-1)?.validFromMs, Date.parse('2026-03-29T01:00Z'));
  });

  it('says why there is no value: blank, text, a row that is not there, the end', async () => {
    const clock = new FakeClock(noon);
    const grid = provider({ ...trace, loop: false }, clock);
    await grid.read();
    const reasons: (string | undefined)[] = [];
    for (const hour of [2.5, 3.5, 7.5, 10.5]) {
      clock.set(noon + hour * secondsPerHour * 1000);
      const current = (await grid.read()).points.at(-1);
      assert.equal(current?.intensityGPerKwh, null);
      reasons.push(current.reason);
    }
    assert.match(reasons[0] ?? '', /line 4 is blank/);
    assert.match(reasons[1] ?? '', /line 5 holds "n\/a"/);
    assert.match(reasons[2] ?? '', /no row for 2026-03-29T07:30/);
    assert.match(reasons[3] ?? '', /ended at 2026-03-29T10:00/);
  });

  it('loops with times that go on, and then knows a past from the start', async () => {
    const clock = new FakeClock(noon);
    const grid = provider({ ...trace, loop: true }, clock);
    const first = await grid.read();
    assert.ok(first.points.length > 28 * 2 * 8, 'the end of the loop is its past');
    // The file spans ten hours, so hour eleven is hour one of the second turn.
    clock.advance(11.5 * secondsPerHour * 1000);
    const current = (await grid.read()).points.at(-1);
    assert.equal(current?.intensityGPerKwh, 310.5);
    assert.equal(current?.validFromMs, Date.parse('2026-03-29T11:00Z'));
    const starts = first.points.map((point) => point.validFromMs);
    assert.deepEqual(
      starts,
      [...starts].sort((a, b) => a - b),
    );
  });

  it('begins where it is told', async () => {
    const grid = provider({ ...trace, startOffsetH: 6 });
    assert.equal((await grid.read()).points.at(-1)?.intensityGPerKwh, 320);
  });

  it('keeps the time of day in real time', async () => {
    const grid = provider({ ...trace, mode: 'real-time' });
    await grid.read();
    assert.equal(grid.gridTimeMs(), Date.parse('2026-03-29T12:10Z'));
  });

  it('finds a file that comes later', async () => {
    const grid = provider({ ...trace, path: join(fixtures, 'not-there.csv') });
    await assert.rejects(grid.read(), { code: 'PROVIDER_UNREACHABLE', message: /not-there\.csv/ });
    await assert.rejects(grid.read(), { code: 'PROVIDER_UNREACHABLE' });
  });
});

describe('grid config', () => {
  it('fills in what is left out and refuses what cannot work', () => {
    assert.equal(gridConfigSchema.parse({ provider: 'gb' }).fallbackZone, 'GB');
    assert.equal(gridConfigSchema.parse({ provider: 'energy-charts', country: ' DE ' }).provider, 'energy-charts');
    for (const wrong of [
      {},
      { provider: 'weather' },
      { provider: 'energy-charts', country: 'germany' },
      { provider: 'trace', path: ' ' },
      { provider: 'trace', path: 'x.csv', dayLengthS: 0 },
      { provider: 'gb', baseUrl: 'file:///etc/passwd' },
      { provider: 'gb', baseUrl: 'https://user:secret@example.org' },
      { provider: 'gb', baseUrl: 'https://example.org/?key=secret' },
      { provider: 'gb', postcode: 'RG10 9NY' },
      { provider: 'gb', regionId: 18 },
      { provider: 'gb', regionId: 3, postcode: 'RG10' },
      { provider: 'electricity-maps' },
      { provider: 'electricity-maps', zone: 'DE', horizonH: 12 },
      { provider: 'watttime' },
      { provider: 'carbon-aware-sdk', location: 'eastus' },
      { provider: 'carbon-aware-sdk', baseUrl: 'https://example.org' },
      { provider: 'injected', staleAfterS: 0 },
      { provider: 'simulated', meanGPerKwh: -1 },
    ]) {
      assert.equal(gridConfigSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
    }
  });
});
