import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { ProviderHttp, type HttpLimits } from '../../../src/carbon/http';
import { EcomapError, isEcomapError } from '../../../src/signals/errors';
import { FakeClock, startProviderServer, type ProviderServer } from './provider-server';

describe('provider http', () => {
  let server: ProviderServer;
  const clock = new FakeClock(Date.parse('2026-11-20T12:00:00Z'));
  const http = (limits: Partial<HttpLimits> = {}): ProviderHttp =>
    new ProviderHttp('test', { now: clock.now, random: () => 0, limits: { timeoutMs: 2000, ...limits } });

  before(async () => {
    server = await startProviderServer((_request, response) => response.end('{}'));
  });
  after(() => server.stop());
  beforeEach(() => {
    server.asked.length = 0;
  });

  async function failure(promise: Promise<unknown>): Promise<EcomapError> {
    const error: unknown = await promise.then(
      () => assert.fail('it answered'),
      (reason: unknown) => reason,
    );
    assert.ok(isEcomapError(error), inspect(error));
    return error;
  }

  it('answers parsed JSON', async () => {
    server.answer = (_request, response) => response.end('{"value":null}');
    assert.deepEqual(await http().getJson(`${server.baseUrl}/x`), { value: null });
  });

  const bad: [name: string, answer: ProviderServer['answer'], code: string, says: RegExp][] = [
    ['500', (_q, s) => s.writeHead(500).end('{}'), 'PROVIDER_UNREACHABLE', /HTTP status 500/],
    ['404', (_q, s) => s.writeHead(404).end('{}'), 'PROVIDER_UNREACHABLE', /HTTP status 404/],
    ['401', (_q, s) => s.writeHead(401).end('{}'), 'PROVIDER_UNAUTHORIZED', /401: check the key/],
    ['403', (_q, s) => s.writeHead(403).end('{}'), 'PROVIDER_UNAUTHORIZED', /403/],
    [
      'HTML with status 200',
      (_q, s) => s.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>hello'),
      'PROVIDER_UNREACHABLE',
      /an HTML page/,
    ],
    ['half a JSON', (_q, s) => s.end('{"data":[1,'), 'PROVIDER_UNREACHABLE', /no JSON/],
    ['nothing', (_q, s) => s.end(), 'PROVIDER_UNREACHABLE', /no JSON/],
    ['a closed connection', (q) => q.socket.destroy(), 'PROVIDER_UNREACHABLE', /cannot be reached \(ECONNRESET\)/],
    [
      'another host',
      (_q, s) => s.writeHead(302, { location: 'http://localhost:1/elsewhere' }).end(),
      'PROVIDER_UNREACHABLE',
      /another host \(localhost:1\)/,
    ],
    [
      'redirects without end',
      (_q, s) => s.writeHead(302, { location: '/again' }).end(),
      'PROVIDER_UNREACHABLE',
      /redirects without end/,
    ],
  ];
  for (const [name, answer, code, says] of bad) {
    it(`${name} becomes ${code} with its reason`, async () => {
      server.answer = answer;
      const error = await failure(http().getJson(`${server.baseUrl}/intensity?token=SECRET`));
      assert.equal(error.code, code);
      assert.match(error.message, says);
      assert.match(error.message, /^test \(127\.0\.0\.1:\d+\/intensity\)/);
    });
  }

  it('follows a redirect on the same host', async () => {
    server.answer = (request, response) => {
      if (request.url === '/old') response.writeHead(301, { location: '/new' }).end();
      else response.end('[1]');
    };
    assert.deepEqual(await http().getJson(`${server.baseUrl}/old`), [1]);
  });

  it('gives up on silence', async () => {
    server.answer = () => undefined;
    const error = await failure(http({ timeoutMs: 50 }).getJson(`${server.baseUrl}/x`));
    assert.match(error.message, /did not answer in full within 0\.05 s/);
  });

  it('gives up on a slow drip, which never falls silent', async () => {
    server.answer = (_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    };
    const error = await failure(http({ timeoutMs: 150 }).getJson(`${server.baseUrl}/x`));
    assert.match(error.message, /did not answer in full/);
  });

  it('stops reading an answer that is too large', async () => {
    let written = 0;
    server.answer = (_request, response) => {
      const chunk = Buffer.alloc(65_536, ' ');
      const pour = (): void => {
        while (!response.destroyed && written < 50_000_000) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', pour);
            return;
          }
        }
        response.end();
      };
      pour();
    };
    const error = await failure(http().getJson(`${server.baseUrl}/x`));
    assert.match(error.message, /more than 1000000 bytes/);
    assert.ok(written < 20_000_000, `${written} bytes were sent`);
  });

  it('names a host that is not there', async () => {
    const error = await failure(http().getJson('http://127.0.0.1:1/x'));
    assert.equal(error.code, 'PROVIDER_UNREACHABLE');
    assert.match(error.message, /cannot be reached \(ECONNREFUSED\): check the network/);
  });

  it('keeps tokens out of errors, whatever of them is looked at', async () => {
    server.answer = (_request, response) => response.writeHead(500).end();
    const errors = [
      await failure(http().getJson(`${server.baseUrl}/x?api_key=SECRET`, { 'auth-token': 'SECRET' })),
      await failure(http().getJson('http://127.0.0.1:1/x?api_key=SECRET', { authorization: 'Bearer SECRET' })),
    ];
    for (const error of errors) assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes('SECRET'));
  });

  it('asks once for all that ask at once', async () => {
    server.answer = (_request, response) => setTimeout(() => response.end('[7]'), 20);
    const one = http();
    const answers = await Promise.all([1, 2, 3, 4].map(() => one.getJson(`${server.baseUrl}/x`)));
    assert.deepEqual(answers, [[7], [7], [7], [7]]);
    assert.equal(server.asked.length, 1);
  });

  it('pauses 30 s after a failure, doubling up to an hour, and begins anew after a success', async () => {
    server.answer = (_request, response) => response.writeHead(500).end();
    const one = http();
    const url = `${server.baseUrl}/x`;
    const pauses = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
    for (const pauseS of pauses) {
      const before = server.asked.length;
      await failure(one.getJson(url));
      assert.equal(server.asked.length, before + 1);
      clock.advance(pauseS * 1000 - 1);
      await failure(one.getJson(url));
      assert.equal(server.asked.length, before + 1, `asked again before ${pauseS} s had passed`);
      clock.advance(1);
    }
    server.answer = (_request, response) => response.end('{}');
    await one.getJson(url);
    one.accept();
    server.answer = (_request, response) => response.writeHead(500).end();
    await failure(one.getJson(url));
    clock.advance(30_000);
    const before = server.asked.length;
    await failure(one.getJson(url));
    assert.equal(server.asked.length, before + 1);
  });

  it('waits as long as Retry-After asks for', async () => {
    server.answer = (_request, response) => response.writeHead(429, { 'retry-after': '600' }).end();
    const one = http();
    await failure(one.getJson(`${server.baseUrl}/x`));
    clock.advance(599_000);
    await failure(one.getJson(`${server.baseUrl}/x`));
    assert.equal(server.asked.length, 1);
    clock.advance(1000);
    await failure(one.getJson(`${server.baseUrl}/x`));
    assert.equal(server.asked.length, 2);
  });

  it('ends what is in flight when it is closed', async () => {
    server.answer = () => undefined;
    const one = http({ timeoutMs: 60_000 });
    const pending = failure(one.getJson(`${server.baseUrl}/x`));
    setTimeout(() => one.close(), 20);
    assert.match((await pending).message, /was closed/);
  });

  it('asks with If-None-Match, and takes a 304 for the answer that it knows', async () => {
    const seen: (string | undefined)[] = [];
    server.answer = (request, response) => {
      seen.push(request.headers['if-none-match']);
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"v1"' }).end('{"value":7}');
    };
    const one = http();
    assert.deepEqual(await one.getJson(`${server.baseUrl}/x`), { value: 7 });
    assert.deepEqual(await one.getJson(`${server.baseUrl}/x`), { value: 7 });
    assert.deepEqual(await one.getJson(`${server.baseUrl}/y`), { value: 7 });
    assert.deepEqual(seen, [undefined, '"v1"', undefined]);
    await failure(
      (async () => {
        server.answer = (_request, response) => response.writeHead(304).end();
        await http().getJson(`${server.baseUrl}/x`);
      })(),
    );
  });

  it('spreads its pauses: those who failed together do not come back together', async () => {
    server.answer = (_request, response) => response.writeHead(500).end();
    const askedAfter = async (random: number): Promise<number> => {
      const one = new ProviderHttp('test', { now: clock.now, random: () => random });
      await failure(one.getJson(`${server.baseUrl}/x`));
      const asked = server.asked.length;
      for (let second = 1; second < 60; second += 1) {
        clock.advance(1000);
        await failure(one.getJson(`${server.baseUrl}/x`));
        if (server.asked.length > asked) return second;
      }
      return Infinity;
    };
    assert.equal(await askedAfter(0), 30);
    assert.equal(await askedAfter(0.99), 33);
  });

  it('takes a refusal at first for a wrong key, and after a usable answer for throttling', async () => {
    server.answer = (_request, response) => response.end('{}');
    const one = http();
    await one.getJson(`${server.baseUrl}/x`);
    one.accept();
    server.answer = (_request, response) => response.writeHead(401).end();
    const error = await failure(one.getJson(`${server.baseUrl}/x`));
    assert.equal(error.code, 'PROVIDER_UNREACHABLE');
    assert.match(error.message, /answered 401 although it had answered before/);
    const asked = server.asked.length;
    clock.advance(29_000);
    await failure(one.getJson(`${server.baseUrl}/x`));
    assert.equal(server.asked.length, asked, 'it cools down');
  });

  it('lets an aside fail without a pause for the main way, and closes it, too', async () => {
    const one = http();
    const aside = one.aside();
    server.answer = (_request, response) => response.writeHead(500).end();
    await failure(aside.getJson(`${server.baseUrl}/x`));
    server.answer = (_request, response) => response.end('[1]');
    assert.deepEqual(await one.getJson(`${server.baseUrl}/x`), [1]);
    server.answer = () => undefined;
    const other = one.aside();
    const pending = failure(other.getJson(`${server.baseUrl}/y`));
    setTimeout(() => one.close(), 20);
    assert.match((await pending).message, /was closed/);
  });

  it('says what the provider says, but nothing that was sent to it', async () => {
    const answers: [body: string, says: RegExp][] = [
      ['{"error":"no data for\\n zone X"}', /500 \(no data for zone X\)$/],
      ['{"error":"bad token SECRET"}', /500$/],
      ['{"message":"user ann unknown"}', /500$/],
      ['<p>no</p>', /500$/],
    ];
    for (const [body, says] of answers) {
      server.answer = (_request, response) => response.writeHead(500).end(body);
      const basic = `Basic ${Buffer.from('user ann:x').toString('base64')}`;
      const error = await failure(
        http().getJson(`${server.baseUrl}/x`, { 'auth-token': 'SECRET', authorization: basic }),
      );
      assert.match(error.message, says);
    }
  });
});
